"""metrics.json: the figures that `dvc metrics diff` compares."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from stanchion.steps.write_report import run
from tests.report_inputs import Declared, FitCase, failed_checks, nuts_checks, report_job

SOUND = FitCase("partial", "nuts", checks=nuts_checks())
STOPPED = FitCase("pooled", "nuts", checks=failed_checks())


def metrics(folder: Path, declared: list[str] | None = None) -> tuple[dict[str, Any], Path]:
    job = report_job(folder, [SOUND, STOPPED], Declared(compare=True))
    first, *others = job.arguments.fits
    fits = (replace(first, parameters=declared), *others)
    job = replace(job, arguments=replace(job.arguments, fits=fits))
    run(job)
    return json.loads(job.outputs["metrics"].read_text()), job.paths("summaries")[0]


def test_each_fit_has_its_verdict_and_the_values_of_its_checks(tmp_path: Path) -> None:
    """Verdict and checks stand there by fit, the failed one included, next to the comparison."""
    content, _ = metrics(tmp_path)
    assert set(content) == {"schools/partial/nuts", "schools/pooled/nuts", "comparison"}
    assert content["schools/partial/nuts"]["verdict"] == "pass"
    assert set(content["comparison"]) == {"schools/partial/nuts"}
    failed = content["schools/pooled/nuts"]
    assert (failed["verdict"], failed["checks"]["divergences"]) == ("fail", 57)
    assert "parameters" not in failed


def test_declared_parameters_have_mean_and_sd(tmp_path: Path) -> None:
    """Where a model declares `parameters:`, each row of its summary is there, unrounded."""
    content, summary = metrics(tmp_path, ["mu"])
    with summary.open() as file:
        rows = {row["variable"]: row for row in csv.DictReader(file)}
    result = content["schools/partial/nuts"]["parameters"]
    assert set(result) == set(rows)
    for name, row in rows.items():
        assert result[name] == {"mean": float(row["mean"]), "sd": float(row["sd"])}
