"""Labels and units of columns: shown where the column is, and in no key of anything else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stanchion.config.column import Column
from stanchion.config.transforms import TRANSFORMS
from stanchion.pictures import outcomes
from stanchion.pictures.predictions import LONGEST, described_rows, predictions
from stanchion.pictures.replications import Replications, prior_predictive
from stanchion.plan.model import Plan
from stanchion.plan.report_arguments import Dataset
from stanchion.plan.report_arguments import Declared as DeclaredDataset
from stanchion.report.data import dataset_view, heading
from stanchion.steps import write_report
from tests.report_inputs import Declared, FitCase, report_job
from tests.unit import steps_cases
from tests.unit.steps_cases import chain, collect, diagnose, predict
from tests.unit.test_new_rows import Planned, planned

__all__ = ["planned"]
COLUMN = "columns: {x: {type: real, transform: center}}"
UNITS = COLUMN.replace("center}}", "center, label: Score, unit: points}, z: {unit: s}}")
SHOWING = {"predict_outcomes", "write_report", "check_verdicts"}


def _edited(plan: Plan, before: Plan) -> set[str]:
    keys = {step.key for step in before}
    return {step.rule for step in plan if step.key not in keys}


def test_an_edit_of_a_unit_stales_what_shows_it(planned: Planned) -> None:
    """Of a column that is observed: the picture of predictions and the report; else the report.

    No data, chain, draws, prior nor verdict of a fit.
    """
    with_both = planned(**{COLUMN: UNITS})
    for edit in ({"points}": "metres}"}, {"Score": "Mark"}):
        assert _edited(planned(**{COLUMN: UNITS, **edit}), with_both) == SHOWING
    other = planned(**{COLUMN: UNITS, "unit: s}": "unit: ms}"})
    assert _edited(other, with_both) == {"write_report", "check_verdicts"}
    without = planned(**{COLUMN: UNITS.replace(", label: Score, unit: points", "")})
    assert _edited(with_both, without) == SHOWING


def test_the_observed_column_gives_the_titles_of_axes(planned: Planned) -> None:
    """Of the replicated data, of what is predicted under a name after it, of the prior."""
    edits = {COLUMN: UNITS, "variable: y_new": "variable: x_new_rep"}
    for edit, predicted in ((edits, "Score (points from the mean)"), ({COLUMN: UNITS}, None)):
        plan = planned(**edit)
        steps = [step for step in plan if step.rule == "predict_outcomes"]
        assert steps
        for step in steps:
            assert step.arguments["observed_title"] == "Score (points from the mean)"
            assert step.arguments.get("predicted_title") == predicted
        (page,) = [step for step in plan if step.rule == "write_report"]
        (prior,) = page.arguments["priors"]
        assert prior["title"] == "Score (points from the mean)"
        assert page.arguments["datasets"][0]["declared"]["columns"]["z"]["unit"] == "s"


def test_an_expression_has_no_unit(planned: Planned) -> None:
    """A variable that is more than a column is not in the column's unit."""
    plan = planned(**{COLUMN: UNITS, "x: x,": "x: 2 * x,"})
    (step, *_) = [step for step in plan if step.rule == "predict_outcomes"]
    assert "observed_title" not in step.arguments


@pytest.mark.parametrize(
    ("declared", "title"),
    [
        ({}, None),
        ({"unit": "kg"}, "x (kg)"),
        ({"label": "Weight"}, "Weight"),
        ({"label": "Weight", "unit": "kg"}, "Weight (kg)"),
        ({"unit": "kg", "transform": "log"}, "x (log kg)"),
        ({"label": "Weight", "transform": "log"}, "Weight (log)"),
        ({"unit": "kg", "transform": "center"}, "x (kg from the mean)"),
        ({"unit": "kg", "transform": "standardize"}, "x (standard deviations from the mean)"),
        ({"transform": "standardize"}, None),
    ],
)
def test_the_title_of_an_axis(declared: dict[str, str], title: str | None) -> None:
    """A transform changes the unit, and what was not declared is not made up."""
    assert Column.model_validate(declared).title("x") == title
    assert set(TRANSFORMS) == {"log", "center", "standardize"}


def test_the_report_shows_labels_and_units(tmp_path: Path) -> None:
    """Beside the declared column, as headings of what predicted rows were given, and of a prior."""
    new_rows = {"dataset": "new", "rows": 30, "columns": {"age": [*range(30)], "<i>": [*range(30)]}}
    columns = {"age": {"label": "Age <b>\u202e", "unit": "years"}, "<i>": {"unit": 'a, "b"'}}
    declared = Declared(
        predict=True,
        prior=True,
        title="Score <u> (points)",
        meta={"new_rows": new_rows},
        new_columns=columns,
    )
    job = report_job(tmp_path, [FitCase("partial", "nuts")], declared)
    write_report.run(job)
    page = job.outputs["report"].read_text()
    assert "Age &lt;b&gt;\\u202e (years)" in page
    assert "&lt;i&gt; (a, &#34;b&#34;)" in page
    assert "The axis is Score &lt;u&gt; (points)." in page
    assert "\u202e" not in page and "<b>" not in page.split('<section id="predictions"')[1][:4000]


def test_the_first_declaration_that_has_one_gives_label_and_unit() -> None:
    """New rows may say what the fitted ones leave out, and the other way about."""
    fitted = {"age": {"label": "Age", "unit": "years"}}
    assert heading("age", {}, fitted) == "Age (years)"
    assert heading("age", {"age": {"label": "Alter", "unit": None}}, fitted) == "Alter (years)"
    assert heading("sex", {}, fitted) == "sex"


def test_the_declared_column_says_its_unit() -> None:
    """The table of columns that were checked has label and unit with the type and the rules."""
    rules = {"lower": 0, "unique": True}
    columns = {"age": {"type": "int", "label": "Age", "unit": "years", **rules}}
    declared = DeclaredDataset(columns=columns, missing="error", na=(), where={}, sort=())
    view = dataset_view(Dataset(name="d", path="d.csv", sha256="", declared=declared))
    (column,) = view.columns
    assert (column.type, column.rules) == ("int, in years", "called Age, ≥ 0, unique")


def test_rows_of_predictions_are_named_by_what_they_were_given() -> None:
    """Values with the names of their columns where these fit, else the values alone."""
    two = {"age": [20, 31], "sex": ["f", None]}
    assert described_rows(two) == ["age=20, sex=f", "age=31, sex=–"]
    columns = {**two, "dose": [0.123456, 2.0]}
    assert described_rows(columns) == ["age=20, sex=f, dose=0.1235", "age=31, sex=–, dose=2"]
    long = {"a_long_name_of_a_column": [1, 2], "another": ["x", "y"]}
    assert described_rows(long) == ["1, x", "2, y"]
    assert max(map(len, described_rows(columns))) <= LONGEST
    assert described_rows({}) == []


def test_a_title_changes_the_picture_and_its_absence_does_not() -> None:
    """The axis of observed and replicated data, and that of predictions."""
    rng = np.random.default_rng(3)
    data = Replications("y", rng.normal(size=40), rng.normal(size=(60, 40)), discrete=False)
    plain = prior_predictive(data)
    assert prior_predictive(replace(data, title="")) == plain
    assert prior_predictive(replace(data, title="Score (points)")) != plain
    rows = np.array([[1.0, 0.0, 2.0]])
    assert predictions("y", ["a"], rows) != predictions("y", ["a"], rows, "Score (points)")


def test_the_picture_of_predictions_names_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what the rows were given where they have numbers, by their labels where they have some."""
    seen: list[list[str]] = []
    monkeypatch.setattr(
        outcomes,
        "predictions",
        lambda name, labels, rows, title: seen.append([*labels, title]) or b"",
    )
    given = {"dataset": "new", "rows": 2, "columns": {"age": [20, 31]}}
    for labels in (None, ["Ann", "Bob"]):
        folder = tmp_path / str(labels)
        meta = {"sizes": {"M": {"dim": "new_obs", "labels": labels}}, "new_rows": given}
        monkeypatch.setattr(steps_cases, "META", meta)
        collect(folder, [chain(number) for number in range(4)])
        diagnose(folder)
        predict(folder, posterior_predictive=None, predicted_title="Score (points)")
    assert seen == [
        ["1: age=20", "2: age=31", "Score (points)"],
        ["Ann", "Bob", "Score (points)"],
    ]
