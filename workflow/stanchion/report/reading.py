"""Files → plain values: tables, JSON and pictures, as the steps before the report wrote them."""

from __future__ import annotations

import csv
import json
import math
import struct
from base64 import b64encode
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from stanchion.draws.naming import variable_of
from stanchion.stats.intervals import ESTIMATE

_NAN = math.nan
_TALL = 1.5


@dataclass(frozen=True)
class Scalar:
    """A scalar of the program: Stan's name, and its label, the same where none is known."""

    name: str
    label: str

    @classmethod
    def of(cls, text: str, labels: Mapping[str, str]) -> Scalar:
        """Label a text that is a name, or begins with one and a colon."""
        name, colon, rest = text.partition(": ")
        return cls(text, f"{labels.get(name, name)}{colon}{rest}")


@dataclass(frozen=True)
class Check:
    """A check of a fit or a prior: value against threshold, where it is worst, who waived it."""

    check: str
    value: float
    threshold: float
    source: str
    verdict: str
    where: tuple[Scalar, ...]
    waiver: Mapping[str, str] | None
    messages: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Update:
    """An exact posterior after the rows of a dataset: the numbers of each parameter by name."""

    dataset: str
    rows: int
    log_evidence: float
    parameters: Mapping[Scalar, Mapping[str, float]]


@dataclass(frozen=True)
class Tried:
    """One thing that was tried for a fit: what came of it, and what it took where that is known."""

    name: str
    passed: bool
    because: str
    settings: Mapping[str, Any]
    gradients: int | None


@dataclass(frozen=True)
class Judged:
    """A verdict with the checks that it follows from, and what else is worth knowing.

    `weighting` is that of the draws of an approximation, with its reason; None of a sampled fit.
    `log_evidence` is that of an exact posterior, NaN of others, and `updates` are its batches.
    `tried` is what led to the draws, where their sampling decided by results.
    """

    verdict: str
    checks: tuple[Check, ...]
    notes: tuple[str, ...]
    weighting: str | None
    weighting_because: str
    log_evidence: float = _NAN
    updates: tuple[Update, ...] = ()
    tried: tuple[Tried, ...] = ()


@dataclass(frozen=True)
class Summary:
    """The first rows of a summary.csv, how many there are, and the names of its columns.

    `labels` are those of the rows, by Stan's names.
    """

    columns: tuple[str, ...]
    rows: Mapping[str, Mapping[str, float]]
    total: int
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_point(self) -> bool:
        """Whether its numbers are those of a point, with standard errors, and not of draws."""
        return ESTIMATE in self.columns


@dataclass(frozen=True)
class Compared:
    """A fit's row of comparison.csv."""

    dataset: str
    model: str
    method: str
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class Judgement:
    """What comparison.json says of the fits of one dataset.

    `conclusions` give model and what its difference to the best says; `left_out` a fit and why;
    `evidence` model, log marginal likelihood and what it is less than that of the best.
    """

    dataset: str
    judged: Judged
    observations: int
    conclusions: tuple[tuple[str, str], ...]
    left_out: tuple[tuple[str, str], ...]
    evidence: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True)
class Picture:
    """A PNG: its size in pixels, the address that shows it without a file, and what is seen."""

    width: int
    height: int
    address: str
    seen: str = ""

    @property
    def is_tall(self) -> bool:
        """Whether it would be too narrow to read at a third of a sheet's height."""
        return self.height > _TALL * self.width


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's content."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def read_judged(path: Path) -> Judged:
    """Read diagnostics.json or prior.json."""
    return judged(read_json(path))


def read_summary(path: Path, most: int, variables: Container[str] | None = None) -> Summary:
    """Read at most so many rows of a summary.csv; an empty field is NaN.

    With `variables` only the rows of these are read, and counted.
    """
    with path.open(newline="", encoding="utf-8") as file:
        lines: Iterator[list[str]] = csv.reader(file)
        columns = tuple(next(lines))[2:]
        if variables is not None:
            lines = (line for line in lines if variable_of(line[0]) in variables)
        rows, labels = {}, {}
        for name, label, *numbers in islice(lines, most):
            rows[name] = dict(zip(columns, map(number, numbers), strict=True))
            labels[name] = label
        return Summary(columns, rows, len(rows) + sum(1 for _ in lines), labels)


def read_comparison(path: Path) -> tuple[Compared, ...]:
    """Read comparison.csv."""
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(_compared(row) for row in csv.DictReader(file))


def read_judgements(path: Path) -> tuple[Judgement, ...]:
    """Read comparison.json: a judgement a dataset."""
    return tuple(
        Judgement(
            dataset=dataset["dataset"],
            judged=judged(dataset),
            observations=dataset["observations"],
            conclusions=tuple(
                (conclusion["model"], conclusion["says"]) for conclusion in dataset["conclusions"]
            ),
            left_out=tuple(
                (f"{out['model']}/{out['method']}", out["because"]) for out in dataset["left_out"]
            ),
            evidence=tuple(
                (entry["model"], entry["log_evidence"], entry["log_bayes_factor"])
                for entry in dataset.get("evidence", ())
            ),
        )
        for dataset in read_json(path)["datasets"]
    )


def read_picture(path: Path) -> Picture:
    """Read a PNG; its size stands in its first chunk, IHDR, what is seen in a text."""
    content = path.read_bytes()
    width, height = struct.unpack(">II", content[16:24])
    return Picture(width, height, address_of(content), _described(content))


def address_of(png: bytes) -> str:
    """Return the address that shows a PNG without a file."""
    return f"data:image/png;base64,{b64encode(png).decode('ascii')}"


def _described(content: bytes) -> str:
    """Return the description that a PNG holds as an uncompressed iTXt chunk, else nothing."""
    position = 8
    while position < len(content):
        size, kind = struct.unpack(">I4s", content[position : position + 8])
        keyword, _, rest = content[position + 8 : position + 8 + size].partition(b"\0")
        if kind == b"iTXt" and keyword == b"Description":
            return rest[2:].split(b"\0", 2)[2].decode("utf-8")
        position += 12 + size
    return ""


def number(value: object) -> float:
    """Return a field or a JSON value as a number; NaN where it is empty or null."""
    return _NAN if value is None or value == "" else float(str(value))


def leaves(values: object) -> Iterator[object]:
    """Yield the scalars of nested lists."""
    if isinstance(values, list):
        for value in values:
            yield from leaves(value)
    else:
        yield values


def judged(content: Mapping[str, Any]) -> Judged:
    labels = content.get("labels", {})
    checks = tuple(
        Check(
            check=check["check"],
            value=number(check["value"]),
            threshold=number(check["threshold"]),
            source=check["source"],
            verdict=check["verdict"],
            where=tuple(Scalar.of(text, labels) for text in check["where"]),
            waiver=check.get("waiver"),
            messages=tuple(check.get("messages", ())),
            note=check.get("note", ""),
        )
        for check in content["checks"]
    )
    return Judged(
        content["verdict"],
        checks,
        tuple(map(str, content.get("notes", ()))),
        content.get("weighting"),
        content.get("weighting_because", ""),
        number(content.get("log_evidence")),
        tuple(_update(update, labels) for update in content.get("updates", ())),
        tuple(map(_tried, content.get("attempts", {}).get("tried", ()))),
    )


def _tried(attempt: Mapping[str, Any]) -> Tried:
    return Tried(
        attempt["name"],
        attempt["passed"],
        attempt["because"],
        attempt["settings"],
        attempt["gradients"],
    )


def _update(content: Mapping[str, Any], labels: Mapping[str, str]) -> Update:
    parameters = {
        Scalar.of(name, labels): {column: number(value) for column, value in numbers.items()}
        for name, numbers in content["parameters"].items()
    }
    evidence = number(content["log_evidence"])
    return Update(content["dataset"], content["rows"], evidence, parameters)


def _compared(row: Mapping[str, str]) -> Compared:
    named = {"dataset", "model", "method"}
    numbers = {name: number(value) for name, value in row.items() if name not in named}
    return Compared(row["dataset"], row["model"], row["method"], numbers)
