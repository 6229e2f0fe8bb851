"""The answers of an analysis as lines of a terminal: a fit a line, below what was asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import nan
from typing import Any

from stanchion.checks.verdicts import PASS
from stanchion.report.numbers import probability, supported

_MOST = 3
"""Elements of a quantity that are shown; answers.csv has all."""


def answer_lines(content: Mapping[str, Any]) -> list[str]:
    """Return lines for the content of an answers.json."""
    share = f"{100 * content['interval']['prob']:g} %"
    lines = []
    for answer in content["answers"]:
        lines.append(answer["answer"])
        several = len({fit["dataset"] for fit in answer["fits"]}) > 1
        for fit in answer["fits"]:
            lines.append(f"  {_name(fit, several)}: {_phrase(answer, fit, share)}{_verdict(fit)}")
    return lines


def _name(fit: Mapping[str, Any], several: bool) -> str:
    parts = [fit["dataset"] if several else "", fit["model"], fit["method"] or ""]
    return "/".join(part for part in parts if part)


def _verdict(fit: Mapping[str, Any]) -> str:
    shown = fit["because"] is None and fit["verdict"] not in (None, PASS)
    return f" ({fit['verdict']})" if shown else ""


def _phrase(answer: Mapping[str, Any], fit: Mapping[str, Any], share: str) -> str:
    """Return what a fit answers, or why it does not."""
    if fit["because"] is not None:
        return f"no answer: {fit['because']}"
    rows, choice = fit["rows"], fit["choice"]
    if choice is not None:
        return _chosen(answer, rows, choice)
    if answer["kind"] == "probability":
        return "; ".join(f"{_of(row)}probability {_probable(row)}" for row in rows[:_MOST])
    unit = f" {answer['unit']}" if answer["unit"] else ""
    ropes = {rope["label"]: rope for rope in fit["ropes"]}
    shown = [_quantity(row, unit, share, ropes.get(row["label"])) for row in rows[:_MOST]]
    return "; ".join([*shown, *_rest(rows)])


def _quantity(row: Mapping[str, Any], unit: str, share: str, rope: Mapping[str, Any] | None) -> str:
    sd, error = _number(row["sd"]), _number(row["mcse"])
    value = supported(_number(row["value"]), error, sd)
    lower, upper = (supported(_number(row[bound]), error, sd) for bound in ("lower", "upper"))
    text = f"{_of(row)}{value}{unit}, {share} [{lower}, {upper}]"
    if rope is None:
        return text
    return f"{text}, no effect with probability {probability(_number(rope['within']))}"


def _chosen(
    answer: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], choice: Mapping[str, Any]
) -> str:
    """Return which element comes first, and by how much before the second."""
    label, second = choice["label"], choice["second"]
    ahead = supported(_number(choice["difference"]), _number(choice["mcse"]), nan)
    if answer["kind"] == "argmax":
        row = next(row for row in rows if row["label"] == label)
        return f"{label}, with probability {_probable(row)}; {ahead} before {second}"
    return f"{label}, whose expected utility is {ahead} above that of {second}"


def _probable(row: Mapping[str, Any]) -> str:
    return supported(_number(row["value"]), _number(row["mcse"]), nan)


def _of(row: Mapping[str, Any]) -> str:
    return f"{row['label']} " if row["label"] else ""


def _rest(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(rows) > _MOST:
        yield f"and {len(rows) - _MOST} more in answers.csv"


def _number(value: float | None) -> float:
    return nan if value is None else float(value)
