"""The order of the picture of intervals: what shares an axis, what is sorted, what is grouped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from stanchion.config import load
from stanchion.plan.planner import make_plan
from stanchion.plan.report_arguments import Forest
from stanchion.report.arrangement import Arrangement, arranged, parts
from stanchion.report.forest import Interval, Quantity, forest
from stanchion.report.page import build
from stanchion.report.reading import Scalar
from stanchion.report.render import render
from tests.report_inputs import Declared, FitCase, report_job
from tests.unit.test_plan import CONFIG, FACTS

META = {
    "sizes": {
        "K": {"dim": "X_column", "labels": ["Intercept", "age", "sex[T.f, other]"]},
        "J": {"dim": "school", "labels": ["A", "B"], "factor": "school"},
        "N": {"dim": "obs", "labels": None},
    }
}
BETA = ["beta[Intercept]", "beta[age]", "beta[sex[T.f, other]]"]
SLOPES = ["b[school=A,Intercept]", "b[school=A,age]", "b[school=B,Intercept]", "b[school=B,age]"]


def quantities(labels: Sequence[str], medians: Mapping[str, float] | None = None) -> list[Quantity]:
    """Return quantities by label, all of one scale, their names as Stan would have them."""
    made = []
    for number, label in enumerate(labels, start=1):
        stem, bracket, _ = label.partition("[")
        middle = (medians or {}).get(label, 0.0)
        interval = Interval(0, middle - 1, middle, middle + 1)
        scalar = Scalar(f"{stem}[{number}]" if bracket else stem, label)
        made.append(Quantity(scalar, (interval,)))
    return made


def panels(labels: Sequence[str], declared: Forest | None = None) -> list[list[str]]:
    """Return the labels of each panel."""
    drawn = forest(arranged(quantities(labels), Arrangement.of(declared, META)))
    return [[label.scalar.label for label in panel.labels] for panel in drawn]


def test_a_labels_parts_are_those_of_its_indices() -> None:
    """A comma within a level's own brackets divides nothing; a name without a label has none."""
    assert parts(Scalar("b[1,2]", "b[school=A,sex[T.f, other]]")) == ["school=A", "sex[T.f, other]"]
    assert parts(Scalar("b[2]", "b[school=A] (b[2])")) == ["school=A"]
    assert parts(Scalar("b[2]", "b[2]")) == [] and parts(Scalar("mu", "mu")) == []


def test_an_intercept_and_slopes_have_axes_of_their_own() -> None:
    """Of one scale though they are; other parameters stay off both."""
    assert panels([*BETA, "sigma"]) == [BETA[:1], BETA[1:], ["sigma"]]


def test_varying_intercepts_stand_apart_from_varying_slopes() -> None:
    """Their elements alternate in the program, and share a panel in the picture."""
    assert panels(SLOPES) == [SLOPES[::2], SLOPES[1::2]]


def test_without_a_design_nothing_is_an_intercept() -> None:
    """A program's own alpha, or a level of this name, is what the program says and no more."""
    names = ["alpha", "theta[school=Intercept]"]
    assert panels(names) == [names]


def test_a_vector_is_sorted_by_the_median_where_declared() -> None:
    """The largest first, within its variable; without a number, last."""
    medians = {"a[1]": 1.0, "a[2]": 3.0, "a[3]": 2.0, "z": 9.0, "a[4]": float("nan")}
    listed = quantities(["a[1]", "a[2]", "a[3]", "a[4]", "z"], medians)
    ordered = arranged(listed, Arrangement(Forest(order="median")))
    expected = ["a[2]", "a[3]", "a[1]", "a[4]", "z"]
    assert [quantity.scalar.label for quantity in ordered] == expected
    assert arranged(listed, Arrangement()) == listed


@pytest.mark.parametrize("name", ["school", "X_column"])
def test_elements_of_one_level_stand_together_under_its_name(name: str) -> None:
    """By a column, or by a labelled dimension; the panels carry the level."""
    labels = ["t[school=A,age]", "t[school=B,age]", "t[school=A,sex]", "t[school=B,sex]"]
    meta = {"sizes": {**META["sizes"], "K": {"dim": "X_column", "labels": ["age", "sex"]}}}
    drawn = forest(arranged(quantities(labels), Arrangement.of(Forest(group=name), meta)))
    expected = {"school": ["school=A", "school=B"], "X_column": ["age", "sex"]}[name]
    assert [panel.group for panel in drawn] == expected
    assert all(expected[n] in lab.scalar.label for n, p in enumerate(drawn) for lab in p.labels)


def test_what_cannot_be_grouped_says_so(tmp_path: Path) -> None:
    """A group that no quantity has a label of is named under the picture."""
    fit = FitCase("partial", "nuts")
    declared = Declared(forest={"order": "median", "group": "county"})
    page = render(build(report_job(tmp_path, [fit], declared)))
    assert "no quantity has a label along county" in page
    assert "largest median first" in page


def test_the_order_is_of_the_report_alone(tmp_path: Path) -> None:
    """Declaring it changes the keys of the report, of the gate after all reports, and no other."""
    plans = []
    for name, section in {"plain": "", "sorted": "    forest: {order: median, group: g}\n"}.items():
        (tmp_path / name).write_text(CONFIG + section)
        plans.append(make_plan(load(tmp_path / name), FACTS))
    keys, others = ({name: step.key for name, step in plan.steps.items()} for plan in plans)
    changed = {step for step in keys if keys[step] != others[step]}
    assert {rule for rule, *_ in changed} == {"write_report", "check_verdicts"}
    step = plans[1].step("write_report", {"analysis": "means"})
    assert step.arguments["forest"] == {"order": "median", "group": "g", "together": []}
