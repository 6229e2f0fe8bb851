"""Answers in a terminal: the report's sentences, a fit a line, and why there is no value."""

from __future__ import annotations

from typing import Any

from stanchion.runs.answer_lines import answer_lines


def row(label: str, value: float, mcse: float | None = 0.01, **facts: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("lower", "upper", "sd", "rhat", "loss", "loss_mcse", "density"))
    return {"label": label, "value": value, "mcse": mcse, **empty, **facts}


def fit(model: str, rows: list[dict[str, Any]], **facts: Any) -> dict[str, Any]:
    usual = {"dataset": "schools", "method": "nuts", "verdict": "pass", "because": None}
    return {**usual, "model": model, "rows": rows, "ropes": [], "choice": None, **facts}


def lines(
    kind: str,
    *fits: dict[str, Any],
    unit: str | None = None,
    rope: tuple[float, float] | None = None,
) -> list[str]:
    asked = {"answer": "What?", "kind": kind, "unit": unit, "stacked": False, "fits": list(fits)}
    asked |= {"expressions": {"": "mu"}, "rope": rope}
    content = {"interval": {"prob": 0.9, "kind": "equal_tailed"}, "answers": [asked]}
    head, *rest = answer_lines(content)
    assert head == "What?"
    return rest


def test_an_answer_is_the_reports_sentence() -> None:
    """A fit a line, with the digits that the error supports: 0.93412 ± 0.004 is 0.934."""
    assert lines("probability", fit("pooled", [row("", 0.93412, 0.004)])) == [
        "  pooled · nuts: Probability 0.934 (Monte Carlo error 0.0040)."
    ]


def test_of_many_elements_three_are_shown() -> None:
    """Each with its interval and unit; the file has all, and is named."""
    rows = [
        row(f"theta[school={name}]", 1.0, 0.1, lower=0.0, upper=2.0, sd=1.0) for name in "ABCDE"
    ]
    (line,) = lines("quantity", fit("pooled", rows), unit="points")
    assert line.startswith("  pooled · nuts: theta[school=A] 1.0 points [")
    assert line.count("theta[") == 3 and line.endswith("; and 2 more in answers.csv")


def test_several_probabilities_are_shown() -> None:
    """There is no table in a terminal; positions stand in brackets."""
    (line,) = lines("probability", fit("pooled", [row("1", 0.934, 0.004), row("2", 0.5, 0.01)]))
    assert line == "  pooled · nuts: [1] 0.934; [2] 0.50"


def test_a_line_is_a_sentence() -> None:
    """What goes with an answer stands below it: a line of a log fits a window."""
    choice = {"label": "launch", "second": "wait", "difference": 12.34, "mcse": 0.05}
    rows = [row("launch", 12.34, 0.05, sd=3.0, loss=1.234), row("wait", 0.0, None, sd=0.0)]
    assert lines("decide", fit("pooled", rows, choice=choice), unit="euros") == [
        "  pooled · nuts: launch has the largest expected utility, 12.34 euros, 12.34 more than "
        "wait (Monte Carlo error 0.050).",
        "    The expected loss of launch, against knowing the truth, is 1.2 euros.",
    ]
    shares = {"label": "", "below": 0.1, "within": 0.3, "above": 0.6}
    ropes = [shares | dict.fromkeys(("mcse", "mcse_below", "mcse_above"), 0.01)]
    told = row("", 2.0, 0.05, sd=3.0, lower=-3.0, upper=7.0, rhat=1.02)
    others = lines("quantity", fit("pooled", [told], ropes=ropes), rope=(-1, 1))[1:]
    assert others == [
        "    Within [−1, 1] with probability 0.30, below 0.10, above 0.60.",
        "    Its chains do not agree on it: R-hat 1.020.",
    ]


def test_two_that_are_not_told_apart_stand_above_their_values() -> None:
    """Names as long as these leave no room for values on one line of a log."""
    names = ["school=Northern Grammar", "school=Southern Grammar"]
    choice = {"label": names[0], "second": names[1], "difference": 0.02, "mcse": 0.018}
    rows = [row(names[0], 0.41), row(names[1], 0.39)]
    answered = lines("argmax", fit("partial_pooling", rows, choice=choice, verdict="warn"))
    assert answered == [
        "  partial_pooling · nuts: These draws do not tell school=Northern Grammar and "
        "school=Southern Grammar apart. (warn)",
        "    They are the largest with probability 0.41 and 0.39 (Monte Carlo error of the "
        "difference 0.018).",
    ]
    assert max(map(len, answered)) <= 130


def test_a_fit_without_an_answer_says_why() -> None:
    """No value stands there, and a verdict that is no pass stands behind one; a fit of which it
    was not asked, as its program has no such variable, has no line."""
    failed = fit("centred", [], because="the fit failed its checks: R-hat", verdict="fail")
    warned = fit("pooled", [row("", 0.5)], verdict="warn")
    other = fit("small", [], because="its program has no theta")
    assert lines("probability", failed, warned, other) == [
        "  centred · nuts: No value: the fit failed its checks: R-hat.",
        "  pooled · nuts: Probability 0.50 (Monte Carlo error 0.010). (warn)",
    ]


def test_datasets_are_named_where_there_are_several() -> None:
    """One dataset needs no name."""
    here, there = fit("m", [row("", 0.5)]), fit("m", [row("", 0.5)], dataset="survey")
    assert [line.split(":")[0] for line in lines("probability", here)] == ["  m · nuts"]
    names = [line.split(":")[0] for line in lines("probability", here, there)]
    assert names == ["  schools · m · nuts", "  survey · m · nuts"]


def test_of_many_fits_eight_are_shown() -> None:
    """As at the report's first sight; the file has all."""
    fits = [fit(f"m{number}", [row("", 0.5)]) for number in range(11)]
    shown = lines("probability", *fits)
    assert len(shown) == 9 and shown[-1] == "  and 3 more in answers.csv"
