"""Writes the tables of an analysis for documents; always, whatever the verdicts."""

from __future__ import annotations

from stanchion.plan.job import Job
from stanchion.plan.report_arguments import WriteTables
from stanchion.report.tables import build
from stanchion.report.word import render


def run(job: Job[WriteTables]) -> None:
    """Read what the analysis made; write one document of Word with its tables."""
    job.outputs["tables"].write_bytes(render(build(job)))
