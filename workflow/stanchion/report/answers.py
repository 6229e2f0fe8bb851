"""What was asked by name, as sentences: for the page, the terminal and documents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, floor, isfinite, isnan, log10, nan
from pathlib import Path
from typing import Any

from stanchion.report.numbers import (
    MISSING,
    exact,
    probability,
    quantile_error,
    significant,
    supported,
    to_place,
)
from stanchion.report.reading import number, read_json

MOST_ELEMENTS = 200
"""Of a fit's answer that a page shows."""
_POSITIONS = re.compile(r"[0-9]+(, [0-9]+)*")
_RHAT = 1.01
_DIGITS = 8
_ROUNDING = 1e-15
"""Share of two numbers by which a difference of a few units in the last place may part them."""
_SURELY = 2.0
"""Monte Carlo errors by which two choices differ at least that are told apart."""


@dataclass(frozen=True)
class Density:
    """A curve of a quantity's density, or shares of single values where it is `discrete`."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    discrete: bool


@dataclass(frozen=True)
class Element:
    """One element of an answer, its numbers with the digits that their errors support."""

    label: str
    value: str
    interval: tuple[str, str] | None
    error: str
    share: float
    """The probability itself, NaN of other numbers."""
    ends: tuple[float, float]
    mean: float
    mcse: float
    density: Density | None
    loss: str
    name: str
    """The label as it is shown: positions stand in brackets, as they do in expressions."""


@dataclass(frozen=True)
class FitAnswer:
    """What one fit says, in sentences; without elements they say why it has no value."""

    dataset: str
    model: str
    method: str
    verdict: str
    because: str
    elements: tuple[Element, ...]
    sentences: tuple[str, ...]
    """The first is the answer itself, the others what goes with it."""

    @property
    def sentence(self) -> str:
        """All that it says, on one line."""
        return " ".join(self.sentences)

    @property
    def has_value(self) -> bool:
        """Whether there is an answer."""
        return bool(self.elements)

    @property
    def is_asked(self) -> bool:
        """Whether it has a value, or should have one."""
        return self.has_value or self.verdict == "fail"

    @property
    def name(self) -> str:
        """The fit's model and method; all models together have a name of their own."""
        return f"{self.model} · {self.method}" if self.method else "all models, stacked"


@dataclass(frozen=True)
class Answer:
    """A question with what each fit says to it."""

    name: str
    kind: str
    unit: str
    expressions: Mapping[str, str]
    rope: tuple[float, float] | None
    interval: str
    fits: tuple[FitAnswer, ...]

    @property
    def expression(self) -> str:
        """What was asked, as it was declared."""
        named = [f"{name}: {text}" if name else text for name, text in self.expressions.items()]
        return ", ".join(named)

    @property
    def asked(self) -> tuple[FitAnswer, ...]:
        """The fits that have a value, or should have one."""
        return tuple(fit for fit in self.fits if fit.is_asked)

    @property
    def others(self) -> tuple[FitAnswer, ...]:
        """The fits of which it was not asked, as their programs have no such variable."""
        return tuple(fit for fit in self.fits if not fit.is_asked)


def read_answers(path: Path) -> tuple[Answer, ...]:
    """Read answers.json."""
    return answers_of(read_json(path))


def answers_of(content: Mapping[str, Any]) -> tuple[Answer, ...]:
    """Return the answers that the content of an answers.json holds."""
    interval = content["interval"]
    return tuple(_answer(one, interval) for one in content["answers"])


def probability_text(value: float, error: float) -> str:
    """Return a probability with the digits that its error supports, never as 0 or 1.

    Without an error there are two decimals.
    """
    if not error > 0:
        return MISSING if isnan(value) else probability(value)
    place = min(floor(log10(error)), -1)
    scale = 10.0**-place
    if round(value, -place) >= 1:
        return f"> {to_place(max(floor((value - error) * scale) / scale, 0.0), place)}"
    if round(value, -place) <= 0:
        return f"< {to_place(min(ceil((value + error) * scale) / scale, 1.0), place)}"
    return to_place(value, place)


def _answer(content: Mapping[str, Any], interval: Mapping[str, Any]) -> Answer:
    kind, unit = content["kind"], content["unit"] or ""
    below = (1 - interval["prob"]) / 2
    percent = f"{100 * interval['prob']:g} % "
    rope = content["rope"]
    return Answer(
        name=content["answer"],
        kind=kind,
        unit=unit,
        expressions=content["expressions"],
        rope=None if rope is None else (rope[0], rope[1]),
        interval=percent + ("HDI" if interval["kind"] == "hdi" and kind != "score" else "interval"),
        fits=tuple(_fit(fit, content, below, percent) for fit in content["fits"]),
    )


def _fit(
    fit: Mapping[str, Any], content: Mapping[str, Any], below: float, percent: str
) -> FitAnswer:
    elements = tuple(_element(row, below, content["kind"]) for row in fit["rows"])
    return FitAnswer(
        dataset=fit["dataset"],
        model=fit["model"],
        method=fit["method"],
        verdict=fit["verdict"],
        because=fit["because"] or "",
        elements=elements,
        sentences=tuple(_sentences(fit, content, elements, percent)),
    )


def _element(row: Mapping[str, Any], below: float, kind: str) -> Element:
    is_share = kind in ("probability", "argmax")
    label = row["label"]
    is_position = kind != "decide" and _POSITIONS.fullmatch(label) is not None
    numbers = {name: number(row[name]) for name in ("value", "mcse", "lower", "upper", "sd")}
    value, error, sd = numbers["value"], numbers["mcse"], numbers["sd"]
    ends = numbers["lower"], numbers["upper"]
    density = row["density"]
    at_end = quantile_error(sd, (sd / error) ** 2, below) if error > 0 else nan
    loss, loss_error = number(row["loss"]), number(row["loss_mcse"])
    return Element(
        label=label,
        value=probability_text(value, error) if is_share else _number_text(value, error, sd),
        interval=(supported(ends[0], at_end, sd), supported(ends[1], at_end, sd))
        if all(map(isfinite, ends)) and sd != 0
        else None,
        error="" if isnan(error) else significant(error, 2),
        share=value if is_share else nan,
        ends=ends,
        mean=value,
        mcse=error,
        density=None
        if density is None
        else Density(tuple(density["x"]), tuple(density["y"]), density["discrete"]),
        loss="" if isnan(loss) else supported(loss, loss_error, sd),
        name=f"[{label}]" if is_position else label,
    )


def _number_text(value: float, error: float, sd: float) -> str:
    """Return a number with the digits that its error supports; one without spread as it is."""
    return exact(value, _DIGITS) if sd == 0 else supported(value, error, sd)


def _sentences(
    fit: Mapping[str, Any],
    content: Mapping[str, Any],
    elements: tuple[Element, ...],
    percent: str,
) -> Iterator[str]:
    """Yield what a fit says, a sentence at a time."""
    if not elements:
        yield f"No value: {fit['because']}."
        return
    kind, unit = content["kind"], f" {content['unit']}" if content["unit"] else ""
    if kind == "score":
        yield _scores(elements, percent)
    elif kind in ("argmax", "decide"):
        yield from _first(fit["choice"], kind, elements, unit)
    elif len(elements) > 1:
        yield f"{len(elements)} elements, in the table."
    else:
        yield _single(elements[0], kind, unit, percent)
    for rope in fit["ropes"] if len(elements) == 1 else []:
        yield _rope(rope, content["rope"])
    rhats = [number(row["rhat"]) for row in fit["rows"]]
    worst = max((rhat for rhat in rhats if not isnan(rhat)), default=nan)
    if worst > _RHAT:
        yield f"Its chains do not agree on it: R-hat {worst:.3f}."


def _single(element: Element, kind: str, unit: str, percent: str) -> str:
    value = f"Probability {element.value}" if kind == "probability" else element.value + unit
    interval = ""
    if element.interval is not None:
        interval = f", {percent}interval from {element.interval[0]} to {element.interval[1]}{unit}"
    return value + interval + _with_error(element.error)


def _scores(elements: tuple[Element, ...], percent: str) -> str:
    """Return the scores that a classifier is known by; the table has them all."""
    accuracy, log_score, *_ = elements
    calibration = next(element for element in elements if element.label == "calibration error")
    ends = "" if accuracy.interval is None else " to ".join(accuracy.interval)
    over_rows = f" ({percent}interval over such rows from {ends})" if ends else ""
    return (
        f"Accuracy {accuracy.value}{over_rows}, log score {log_score.value}, calibration error "
        f"{calibration.value}."
    )


def _with_error(error: str, what: str = "") -> str:
    return f" (Monte Carlo error{what} {error})." if error else "."


def _rope(rope: Mapping[str, Any], ends: tuple[float, float]) -> str:
    low, high = (significant_end(end) for end in ends)
    within, below, above = (
        probability_text(number(rope[name]), number(rope[error]))
        for name, error in (
            ("within", "mcse"),
            ("below", "mcse_below"),
            ("above", "mcse_above"),
        )
    )
    return f"Within [{low}, {high}] with probability {within}, below {below}, above {above}."


def significant_end(value: float) -> str:
    """Return a declared number as it is, with a true minus sign."""
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


def _first(
    choice: Mapping[str, Any] | None, kind: str, elements: tuple[Element, ...], unit: str
) -> Iterator[str]:
    """Yield what comes first and by how much, or which two the draws do not tell apart."""
    by_label = {element.label: element for element in elements}
    if choice is None:
        yield f"{elements[0].name}, the only one."
        return
    first, second = by_label[choice["label"]], by_label[choice["second"]]
    difference, error = number(choice["difference"]), number(choice["mcse"])
    shown = "" if isnan(error) else significant(error, 2)
    is_share = kind == "argmax"
    is_tie = abs(difference) <= _ROUNDING * max(abs(first.mean), abs(second.mean))
    if is_tie or (error > 0 and difference < _SURELY * error):
        values = f"{first.value} and {second.value}{unit}"
        of_what = (
            "They are the largest with probability" if is_share else "Their expected utilities are"
        )
        yield f"These draws do not tell {first.name} and {second.name} apart."
        yield f"{of_what} {values}{_with_error(shown, ' of the difference')}"
    else:
        is_near_one = is_share and difference > 0.5
        lead = (
            probability_text(difference, error)
            if is_near_one
            else supported(difference, error, nan)
        )
        verb = (
            "is the largest with probability" if is_share else "has the largest expected utility,"
        )
        ahead = f"{lead} more than {second.name}{_with_error(shown)}"
        yield f"{first.name} {verb} {first.value}{unit}, {ahead}"
    if not is_share:
        loss = f"{first.loss}{unit}"
        yield f"The expected loss of {first.name}, against knowing the truth, is {loss}."
