"""The step that writes a program's data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stanchion.config import Dataset
from stanchion.errors import DataError
from stanchion.plan.argument_json import read_arguments
from stanchion.plan.arguments import PrepareData
from stanchion.plan.data import dataset_content
from stanchion.plan.job import Job
from stanchion.steps import prepare_data
from tests.unit.datasets_cases import SCHOOLS, write


def job(folder: Path, stan: dict[str, Any], **declared: Any) -> Job[PrepareData]:
    """Return the step's job as the plan would make it."""
    table = write(folder, "schools.csv", SCHOOLS)
    new = write(folder, "new.csv", "effect\n1\n")
    datasets = {
        "schools": Dataset.model_validate({"path": str(table), "stan": stan, **declared}),
        "new": Dataset(path=str(new)),
    }
    arguments = {
        "dataset": "schools",
        "program": "stan/a.stan",
        "declared": {name: dataset_content(dataset) for name, dataset in datasets.items()},
        "mapping": stan,
        "variables": [
            {"name": "N", "type": "int", "dimensions": 0, "sizes": []},
            {"name": "y", "type": "real", "dimensions": 1, "sizes": ["N"]},
        ],
        "predict": {"dataset": "new", "taken": True},
    }
    return Job(
        step="prepare_data",
        key="0" * 64,
        arguments=read_arguments(PrepareData, arguments, "prepare_data"),
        inputs={"schools": table, "new": new},
        outputs={name: folder / f"{name}.json" for name in ("data", "meta")},
        log=folder / "log",
    )


def test_data_and_meta_are_written(tmp_path: Path) -> None:
    """The step writes Stan's JSON, the meta and, for the record, the counts of rows."""
    step = job(tmp_path, {"N": "nrow()", "y": "effect", "N_new": "new.N"}, where={"state": ["NY"]})
    prepare_data.run(step)
    assert step.outputs["data"].read_text() == '{\n"N": 2,\n"y": [28, 8]\n}\n'
    meta = json.loads(step.outputs["meta"].read_text())
    assert meta == {
        "schema": "stanchion/data/1",
        "rows": 2,
        "dropped": [],
        "unused": ["N_new"],
        "prior_only": False,
        "sizes": {"N": {"dim": "obs", "labels": None}},
        "transforms": {},
        "columns": [{"column": "effect", "type": "int"}],
        "new_rows": {"dataset": "new", "rows": 1, "columns": {}},
    }
    assert step.notes == {"rows": 2, "dropped": 0}


def test_the_order_of_the_declaration_changes_no_byte(tmp_path: Path) -> None:
    """A reordered mapping gives the same files."""
    stan = {"N": "nrow()", "y": "effect", "N_new": "new.N"}
    texts = []
    for mapping in (stan, dict(reversed(stan.items()))):
        step = job(tmp_path, mapping)
        prepare_data.run(step)
        texts.append([step.outputs[name].read_bytes() for name in ("data", "meta")])
    assert texts[0] == texts[1]


def test_a_bad_table_stops_the_step(tmp_path: Path) -> None:
    """A fault stops the step before anything is written."""
    step = job(tmp_path, {"N": "nrow()", "y": "state", "N_new": "new.N"})
    with pytest.raises(DataError):
        prepare_data.run(step)
    assert not step.outputs["data"].exists()
