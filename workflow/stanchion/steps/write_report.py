"""Writes the report of an analysis; always, whatever the verdicts."""

from __future__ import annotations

from stanchion.plan.job import Job
from stanchion.plan.report_arguments import WriteReport
from stanchion.report.metrics import metrics
from stanchion.report.page import build
from stanchion.report.render import render
from stanchion.system.strict_json import write_json


def run(job: Job[WriteReport]) -> None:
    """Read what the analysis made; write one HTML file that shows it, and its figures as JSON."""
    job.outputs["report"].write_text(render(build(job)), encoding="utf-8")
    write_json(metrics(job), job.outputs["metrics"])
