"""The models of a dataset in one picture: which quantities are the same, and what is left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stanchion.config import load
from stanchion.errors import DeclarationError
from stanchion.plan.planner import make_plan
from stanchion.report.page import build
from stanchion.report.reading import Summary, read_summary
from stanchion.report.render import render
from stanchion.report.together import aligned
from stanchion.runs.check import check_plan
from tests.report_inputs import Declared, FitCase, failed_checks, made_up, report_job
from tests.unit.test_plan import CONFIG, FACTS

GROUPS = ("A", "B", "C")
TOGETHER = Declared(forest={"together": ["slope"]})


def fit(model: str, middles: Sequence[float], **changed: Any) -> FitCase:
    """Return a fit with a slope a group, about these medians, after thirty other rows."""
    row = made_up(FitCase(model, "nuts"))[0]
    other = [{**row, "variable": f"b[{n}]"} for n in range(1, 31)]
    slopes = [
        {**row, "variable": f"slope[{n}]", "mean": m, "median": m, "q5": m - 1, "q95": m + 1}
        for n, m in enumerate(middles, start=1)
    ]
    labels = {f"slope[{n}]": f"slope[group={g}]" for n, g in enumerate(GROUPS, start=1)}
    return FitCase(model, "nuts", summary=[*other, *slopes], labels=labels, **changed)


NO, PARTIAL, FULL = (
    fit(name, middles)
    for name, middles in {"no": (9, 1, 5), "partial": (7, 3, 5), "full": (5, 5, 5)}.items()
)


def article(folder: Path, *fits: FitCase, declared: Declared = TOGETHER) -> str:
    """Return the part of the report with the models' common picture."""
    page = render(build(report_job(folder, fits, declared)))
    estimates = page.split('<section id="estimates"')[1].split("</section>")[0]
    return "".join(re.findall(r"<h3>All models.*?</article>", estimates, re.DOTALL))


def test_models_stand_side_by_side_by_group(tmp_path: Path) -> None:
    """A line a group and model, on one axis: each mark stands where the model's median is."""
    text = article(tmp_path, NO, PARTIAL, FULL)
    legend, picture = text.split("</ul>")
    assert re.findall(r"</svg> (\w+)", legend) == ["no", "partial", "full"]
    names = re.findall(r'<span title="([^"]+)"', picture)
    assert names == [f"slope[group={group}]" for group in GROUPS]
    marks = re.findall(r'href="#mark-(\d)" x="([\d.]+)%" y="(\d+)"', picture)
    assert [mark for mark, _, _ in marks] == ["0", "1", "2"] * 3
    rows = [int(y) for _, _, y in marks]
    assert rows == sorted(set(rows))
    across = {(n // 3, int(m)): float(x) for n, (m, x, _) in enumerate(marks)}
    unit = (across[0, 0] - across[1, 0]) / 8  # medians of no pooling are 9 and 1
    medians = [(9, 7, 5), (1, 3, 5), (5, 5, 5)]
    for (group, model), x in across.items():
        assert x - across[1, 0] == pytest.approx((medians[group][model] - 1) * unit, abs=0.02)
    assert "Intervals of slope[group=A], slope[group=B] and slope[group=C]" in picture
    assert "<code>b" not in text and "b[1]" not in text


def test_the_order_is_that_of_the_first_model(tmp_path: Path) -> None:
    """`order: median` sorts all models alike."""
    declared = Declared(forest={"together": ["slope"], "order": "median"})
    names = re.findall(r'<span title="([^"]+)"', article(tmp_path, NO, FULL, declared=declared))
    assert names == [f"slope[group={group}]" for group in "ACB"]


def test_the_same_picture_each_time(tmp_path: Path) -> None:
    """The same files give the same bytes."""
    first, second = (article(tmp_path / str(n), NO, PARTIAL) for n in range(2))
    assert first == second != ""


def test_a_failed_model_is_left_out_and_named(tmp_path: Path) -> None:
    """Not drawn beside sound ones; where none is sound, the reason stands in place of a picture."""
    failed = replace(FULL, checks=failed_checks())
    text = article(tmp_path / "one", NO, PARTIAL, failed)
    assert re.findall(r"</svg> (\w+)", text) == ["no", "partial"]
    assert "full/nuts failed its checks, and is left out." in text
    text = article(tmp_path / "none", failed)
    assert "<figure" not in text and "Nothing is drawn: full/nuts failed its checks" in text


def test_a_flagged_failure_is_drawn_with_its_badge(tmp_path: Path) -> None:
    """What failed and is only flagged looks it."""
    flagged = replace(FULL, checks=failed_checks(), on_fail="flag")
    legend = article(tmp_path, NO, flagged).split("</ul>")[0]
    assert re.findall(r"full .*fail", legend) and not re.findall(r"no .*fail", legend)


def test_methods_are_named_where_there_are_several(tmp_path: Path) -> None:
    """Two methods of a model are told apart."""
    text = article(tmp_path, NO, replace(NO, method="hmc"))
    assert re.findall(r"</svg> ([^<\n]+)", text) == ["no, nuts", "no, hmc"]


def test_it_is_made_only_where_it_is_declared(tmp_path: Path) -> None:
    """An order alone makes no picture of all models."""
    assert article(tmp_path, NO, FULL, declared=Declared(forest={"order": "median"})) == ""


def test_the_same_label_is_the_same_quantity() -> None:
    """Levels that stand elsewhere in another model's data are not mixed up."""

    def summary(**labels: float) -> Summary:
        rows = {f"s[{n}]": {"median": m} for n, m in enumerate(labels.values(), start=1)}
        named = dict(zip(rows, labels, strict=True))
        return Summary(("median",), rows, len(rows), named)

    first, second = aligned([summary(A=1.0, B=2.0), summary(B=3.0, C=4.0)])
    assert {first.labels[name]: row["median"] for name, row in first.rows.items()} == {
        "A": 1,
        "B": 2,
    }
    assert {second.labels[name]: row["median"] for name, row in second.rows.items()} == {
        "B": 3,
        "C": 4,
    }
    common = set(first.rows) & set(second.rows)
    assert {first.labels[name] for name in common} == {"B"}


def test_rows_of_a_variable_are_read_wherever_they_stand(tmp_path: Path) -> None:
    """A limit of rows counts those of the variables that are asked for."""
    report_job(tmp_path, [NO])
    summary = read_summary(tmp_path / NO.path / "summary.csv", 2, ["slope"])
    assert list(summary.rows) == ["slope[1]", "slope[2]"] and summary.total == 3


@pytest.mark.parametrize(
    ("variables", "what", "allowed"),
    [("[mu]", "", ""), ("[mv]", "'mv' is shown of fewer than two models", "mu")],
)
def test_check_asks_for_variables_of_two_models(
    tmp_path: Path, variables: str, what: str, allowed: str
) -> None:
    """A variable that no two models show is refused, with those that they do."""
    declared = CONFIG + f"    forest: {{together: {variables}}}\n"
    (tmp_path / "config.yaml").write_text(declared)
    with pytest.raises(DeclarationError) as caught:  # no data lie there, which is said as well
        check_plan(make_plan(load(tmp_path / "config.yaml"), FACTS))
    faults = [fault for fault in caught.value.faults if ".forest" in str(fault.key)]
    assert len(faults) == bool(what)
    for fault in faults:
        assert what in fault.what and fault.allowed == allowed and fault.todo
        assert fault.key == "analyses.means.forest.together[0]"


def test_check_goes_by_what_summaries_hold(tmp_path: Path) -> None:
    """A variable that a model's `parameters:` leaves out is not in its summary."""
    wide = "{program: stan/wide.stan}"
    text = CONFIG.replace(wide, "{program: stan/wide.stan, parameters: [y_rep]}")
    (tmp_path / "config.yaml").write_text(text + "    forest: {together: [mu]}\n")
    with pytest.raises(DeclarationError, match="fewer than two models"):
        check_plan(make_plan(load(tmp_path / "config.yaml"), FACTS))
