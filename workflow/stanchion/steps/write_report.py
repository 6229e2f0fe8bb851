"""Writes the report of an analysis; always, whatever the verdicts."""

from __future__ import annotations

from stanchion.report.page import build
from stanchion.report.render import render
from stanchion.steps.job import Job


def run(job: Job) -> None:
    """Read what the analysis made and write one HTML file that shows it."""
    job.outputs["report"].write_text(render(build(job)), encoding="utf-8")
