"""Answers in a terminal: value, interval and the digits that the draws support; else why none."""

from __future__ import annotations

from typing import Any

from stanchion.runs.answer_lines import answer_lines


def row(label: str, value: float, mcse: float | None = 0.01, **facts: Any) -> dict[str, Any]:
    empty = {"lower": None, "upper": None, "sd": None, "density": None}
    return {"label": label, "value": value, "mcse": mcse, **empty, **facts}


def fit(model: str, rows: list[dict[str, Any]], **facts: Any) -> dict[str, Any]:
    usual = {"dataset": "schools", "method": "nuts", "verdict": "pass", "because": None}
    return {**usual, "model": model, "rows": rows, "ropes": [], "choice": None, **facts}


def lines(kind: str, *fits: dict[str, Any], unit: str | None = None) -> list[str]:
    asked = {"answer": "What?", "kind": kind, "unit": unit, "stacked": False, "fits": list(fits)}
    content = {"interval": {"prob": 0.9, "kind": "equal_tailed"}, "answers": [asked]}
    head, *rest = answer_lines(content)
    assert head == "What?"
    return rest


def test_a_probability_has_the_digits_of_its_error() -> None:
    """0.93412 ± 0.004 is 0.934."""
    assert lines("probability", fit("pooled", [row("", 0.93412, 0.004)])) == [
        "  pooled/nuts: probability 0.934"
    ]


def test_a_quantity_has_interval_unit_and_rope() -> None:
    """Where no effect is declared, its probability stands beside the interval."""
    rows = [row("", 1.2345, 0.05, lower=-3.1499, upper=6.0123, sd=2.8)]
    ropes = [{"label": "", "below": 0.2, "within": 0.31, "above": 0.49, "mcse": 0.01}]
    (line,) = lines("quantity", fit("pooled", rows, ropes=ropes), unit="points")
    assert line == (
        "  pooled/nuts: 1.23 points, 90 % [−3.15, 6.01], no effect with probability 0.31"
    )


def test_of_many_elements_three_are_shown() -> None:
    """The file has all, and is named."""
    rows = [
        row(f"theta[school={name}]", 1.0, 0.1, lower=0.0, upper=2.0, sd=1.0) for name in "ABCDE"
    ]
    (line,) = lines("quantity", fit("pooled", rows))
    assert line.count("theta[") == 3 and line.endswith("; and 2 more in answers.csv")


def test_a_choice_is_named_with_its_lead() -> None:
    """The largest with its probability; the decision with what it is ahead."""
    choice = {"label": "A", "second": "C", "difference": 0.21, "mcse": 0.02}
    rows = [row("A", 0.53), row("C", 0.32)]
    assert lines("argmax", fit("m", rows, choice=choice)) == [
        "  m/nuts: A, with probability 0.53; 0.21 before C"
    ]
    (line,) = lines("decide", fit("m", rows, choice=choice))
    assert line == "  m/nuts: A, whose expected utility is 0.21 above that of C"


def test_a_fit_without_an_answer_says_why() -> None:
    """No value stands there, and a verdict that is no pass stands behind one."""
    because = "the fit failed its checks: rhat"
    failed = fit("centred", [], because=because, verdict="fail")
    warned = fit("pooled", [row("", 0.5)], verdict="warn")
    assert lines("probability", failed, warned) == [
        f"  centred/nuts: no answer: {because}",
        "  pooled/nuts: probability 0.50 (warn)",
    ]


def test_datasets_are_named_where_there_are_several() -> None:
    """One dataset needs no name; stacked draws are of no method."""
    other = fit("m", [row("", 0.5)], dataset="survey")
    stacked = fit("stacked", [row("", 0.5)], method="")
    assert [line.split(":")[0] for line in lines("probability", stacked)] == ["  stacked"]
    names = [line.split(":")[0] for line in lines("probability", fit("m", [row("", 0.5)]), other)]
    assert names == ["  schools/m/nuts", "  survey/m/nuts"]
