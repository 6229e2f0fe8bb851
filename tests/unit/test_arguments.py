"""What crosses from the plan to a step: typed on both sides, plain JSON between."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from stanchion.config import load
from stanchion.errors import StepError
from stanchion.plan.argument_json import as_json, read_arguments
from stanchion.plan.arguments import AnswerQuestions, PredictOutcomes
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import JobFile
from stanchion.plan.keys import key_of
from stanchion.plan.model import Step
from stanchion.plan.planner import make_plan
from stanchion.provenance.records import open_record
from stanchion.steps import runner
from stanchion.system.writing import write_whole
from tests.unit import test_effects, test_made_tables, test_new_rows, test_rescale_coefficients
from tests.unit.test_plan import CONFIG, FACTS

PREDICT = {
    "posterior_predictive": {"observed": "y", "replicated": "y_rep", "statistics": ["mean"]},
    "predict": None,
    "intervals": {"prob": 0.9, "kind": "hdi"},
    "on_fail": "stop",
    "seed": 7,
    "fit": "a/d/m/nuts",
}
PLOTS = "    plots: [{plot: plot_energy}]\n"


@pytest.mark.parametrize("step", sorted(STEPS))
def test_a_step_reads_the_arguments_of_its_row(step: str) -> None:
    """The type that the catalogue names is the one that the step's `run` is written for."""
    run = import_module(f"stanchion.steps.{step}").run
    assert get_args(get_type_hints(run)["job"]) == (STEPS[step].arguments,)


def test_what_the_plan_writes_is_what_a_step_reads(tmp_path: Path) -> None:
    """Every job of a plan is read back, and gives the same keyed and unkeyed JSON again."""
    visited = set()
    steps = list[Step]()
    point = CONFIG.replace("      advi: {}", "      advi: {}\n      optimize: {}")
    point = point.replace("    compare:", f"    tables: [docx]\n{PLOTS}    compare:")
    point += "    answers: {middle: {quantity: mu}}\n"
    declarations = (
        (point, FACTS),
        (test_new_rows.CONFIG, test_new_rows.FACTS),
        (test_rescale_coefficients.CONFIG, test_rescale_coefficients.FACTS),
        (test_effects.CONFIG, test_effects.FACTS),
        (test_made_tables.CONFIG, test_made_tables.FACTS),
    )
    for text, facts in declarations:
        write_whole(tmp_path / "config.yaml", text)
        steps += make_plan(load(tmp_path / "config.yaml"), facts)
    for step in steps:
        write_whole(tmp_path / "job.json", step.job().text())
        file = JobFile.read(tmp_path / "job.json")
        kind = STEPS[step.rule].arguments
        read = read_arguments(kind, {**file.arguments, **file.unkeyed}, step.rule)
        assert as_json(read) == (file.arguments, file.unkeyed)
        visited.add(step.rule)
    assert visited == set(STEPS)


def test_choices_reach_their_step_as_declared(tmp_path: Path) -> None:
    """Whatever the alphabet says, for it is the order of their rows and of the table."""
    decide = '{stay: "0", go: mu, and yet: 2 * mu}'
    text = f"{CONFIG}    answers: {{what to do: {{decide: {decide}}}}}\n"
    write_whole(tmp_path / "config.yaml", text)
    steps = make_plan(load(tmp_path / "config.yaml"), FACTS)
    (step,) = (step for step in steps if step.rule == "answer_questions")
    write_whole(tmp_path / "job.json", step.job().text())
    file = JobFile.read(tmp_path / "job.json")
    arguments = read_arguments(AnswerQuestions, {**file.arguments, **file.unkeyed}, step.rule)
    assert list(arguments.answers[0].items()) == [
        ("stay", "0"),
        ("go", "mu"),
        ("and yet", "2 * mu"),
    ]


def test_unkeyed_arguments_stand_apart() -> None:
    """The name of a fit is no part of what its key is made of."""
    keyed, unkeyed = as_json(read_arguments(PredictOutcomes, PREDICT, "predict_outcomes"))
    assert unkeyed == {"fit": "a/d/m/nuts"}
    assert keyed == {name: value for name, value in PREDICT.items() if name != "fit"}


@pytest.mark.parametrize(
    ("changed", "key", "what"),
    [
        ({"sead": 7}, "sead", "the step knows no such field"),
        ({"seed": None}, "seed", "valid integer"),
        ({"seed": "7"}, "seed", "valid integer"),
        ({"on_fail": "go on"}, "on_fail", "'stop' or 'flag'"),
        ({"intervals": {"prob": 0.9}}, "intervals.kind", "it is missing"),
        (
            {"intervals": {"prob": 0.9, "kind": "hdi", "side": "left"}},
            "intervals.side",
            "the step knows no such field",
        ),
    ],
)
def test_other_arguments_than_the_steps_are_one_error(
    changed: dict[str, Any], key: str, what: str
) -> None:
    """A field that is unknown, missing or of another type is named, at any depth."""
    with pytest.raises(StepError, match=what) as refused:
        read_arguments(PredictOutcomes, {**PREDICT, **changed}, "predict_outcomes a/d/m/nuts")
    (fault,) = refused.value.faults
    assert (fault.where, fault.key) == ("predict_outcomes a/d/m/nuts", key)


def test_a_job_without_a_field_fails_in_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The runner says which field of the job file is missing, exits with 1 and leaves no result."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    monkeypatch.setattr(runner, "_end_with_parent", lambda: None)
    monkeypatch.setattr(runner.signal, "signal", lambda *_: None)
    write_whole("config.yaml", CONFIG)
    plan = make_plan(load(Path("config.yaml")), FACTS)
    step = next(step for step in plan if step.rule == "check_verdicts")
    arguments = {name: value for name, value in step.arguments.items() if name != "priors"}
    content = json.loads(step.job().text())
    key = key_of({**content["made_of"], "arguments": arguments})
    content.update(arguments=arguments, key=key, inputs={}, expected={})
    write_whole("job.json", json.dumps(content))
    assert runner.main(["job.json"]) == 1
    output = capfd.readouterr().err
    assert "its arguments are not those of its step: it is missing" in output
    assert "key:      priors" in output
    assert "Traceback" not in output
    assert not Path(step.outputs["verdicts"]).exists()
    assert open_record(JobFile.read(Path("job.json"))).content["attempt"] == 2


def test_arguments_cost_no_heavy_import() -> None:
    """The dataclasses need the standard library only: pydantic reads them, where a job is made."""
    code = (
        "import sys, stanchion.plan.catalogue; "
        "print(*sorted({'pydantic', 'numpy', 'yaml'} & sys.modules.keys()))"
    )
    completed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert completed.stdout.split() == []
