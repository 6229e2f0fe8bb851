"""The data: which file, which rows, and what became of them on the way to Stan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from stanchion.plan.report_arguments import Dataset, Made, Pair
from stanchion.report.numbers import exact
from stanchion.report.reading import leaves, number
from stanchion.system.sentences import counted, listed, visible

MOST_DROPPED, MOST_LEVELS, _LONGEST = 20, 40, 160


@dataclass(frozen=True)
class ColumnView:
    """A declared column and what was asked of it."""

    name: str
    type: str
    rules: str


@dataclass(frozen=True)
class DatasetView:
    """A dataset as declared, with the SHA-256 of its file, and what a script has made it from."""

    dataset: Dataset
    sha256: str
    made_from: tuple[tuple[str, str, str], ...]
    """Setting, path and SHA-256 of each file."""
    columns: tuple[ColumnView, ...]
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Variable:
    """A variable of Stan's data: where it comes from, and what it holds."""

    name: str
    expression: str
    shape: str
    content: str


@dataclass(frozen=True)
class Given:
    """A column as a model is given it: its type, its levels and its scaling."""

    column: str
    type: str
    levels: tuple[tuple[str, bool], ...]
    """Each with whether it is the reference of a design."""
    more_levels: str
    scaling: tuple[str, ...]


@dataclass(frozen=True)
class Mapped:
    """What models were given of a dataset, all of them the same."""

    dataset: str
    models: str
    used: str
    dropped: tuple[str, ...]
    dropped_more: str
    transforms: tuple[str, ...]
    columns: tuple[Given, ...]
    variables: tuple[Variable, ...]
    unused: tuple[str, ...]


def dataset_view(
    dataset: Dataset, made: Made | None = None, sha256: str | None = None
) -> DatasetView:
    """Return a dataset's declaration in words; of one that a script made, with its SHA-256."""
    declared = dataset.declared
    rows = [
        ("rows kept", "; ".join(f"{c} is {_either(v)}" for c, v in declared.where.items())),
        ("sorted by", ", ".join(declared.sort)),
    ]
    if declared.columns:
        dropped = declared.missing == "drop"
        rows.append(("missing values", "their rows are dropped" if dropped else "are an error"))
    return DatasetView(
        dataset=dataset,
        sha256=sha256 or dataset.sha256 or "",
        made_from=_made_from(made) if made is not None else (),
        columns=tuple(_column(name, rules) for name, rules in declared.columns.items()),
        rows=tuple((name, text) for name, text in rows if text),
    )


def _made_from(made: Made) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (setting, path, digest)
        for setting, files in made.files.items()
        for path, digest in files.items()
    )


def mapped(
    pair: Pair, mapping: Mapping[str, Any], meta: Mapping[str, Any], values: Mapping[str, Any]
) -> Mapped:
    """Return what a model was given of a dataset: `values` is its Stan data."""
    dropped = meta["dropped"]
    more = len(dropped) - MOST_DROPPED
    columns = meta.get("columns", ())
    described = {column["column"] for column in columns}
    return Mapped(
        dataset=pair.dataset,
        models=pair.model,
        used=_used(meta["rows"], len(dropped)) + _batches(meta.get("batches", ())),
        dropped=tuple(_drop(row) for row in dropped[:MOST_DROPPED]),
        dropped_more=counted(more, "more row") if more > 0 else "",
        transforms=(
            *(
                _transform(name, how)
                for name, how in meta["transforms"].items()
                if name not in described
            ),
            *(f"{name}: days from {listed(d)}" for name, d in meta.get("origins", {}).items()),
        ),
        columns=tuple(map(_given, columns)),
        variables=tuple(
            Variable(name, _expression(name, mapping), *_described(value))
            for name, value in values.items()
        ),
        unused=tuple(meta["unused"]),
    )


def merged(views: Iterable[Mapped]) -> tuple[Mapped, ...]:
    """Show once what several models were given alike."""
    models: dict[Mapped, list[str]] = {}
    for view in views:
        models.setdefault(replace(view, models=""), []).append(view.models)
    return tuple(replace(view, models=listed(names)) for view, names in models.items())


def shape(value: object) -> tuple[int, ...]:
    """Return the lengths of nested lists, outermost first."""
    sizes = []
    while isinstance(value, list):
        sizes.append(len(value))
        value = value[0] if value else None
    return tuple(sizes)


def _described(value: object) -> tuple[str, str]:
    if isinstance(value, Mapping):
        return "tuple", ""
    if not isinstance(value, list):
        return "one number", exact(number(value), 6)
    size = " × ".join(map(str, shape(value)))
    numbers = [n for n in map(_finite, leaves(value)) if n is not None]
    if not numbers:
        return size, ""
    return size, f"{exact(min(numbers), 4)} … {exact(max(numbers), 4)}"


def _finite(value: object) -> float | None:
    if isinstance(value, int | float) and isfinite(value):
        return float(value)
    return None


def _used(rows: int | None, dropped: int) -> str:
    if rows is None:
        return "A file in Stan's JSON form, taken as it stands."
    used = counted(rows, "row")
    return f"{used} used, {dropped} dropped." if dropped else f"{used} used, none dropped."


def _batches(batches: Sequence[Mapping[str, Any]]) -> str:
    parts = [f"{counted(batch['rows'], 'row')} of {batch['dataset']}" for batch in batches]
    return f" One after another: {', '.join(parts)}." if parts else ""


def _drop(row: Mapping[str, Any]) -> str:
    return f"row {row['row']}, {row['column']}: {row['why']}"


def _transform(name: str, how: Mapping[str, Any]) -> str:
    fixed = {word: value for word, value in how.items() if word != "kind" and value is not None}
    constants = [f"{word} {exact(value, 6)}" for word, value in fixed.items()]
    return f"{name}: {how['kind']}" + (f" ({', '.join(constants)})" if constants else "")


def _given(column: Mapping[str, Any]) -> Given:
    levels, references = column.get("levels", ()), column.get("reference", ())
    more = len(levels) - MOST_LEVELS
    return Given(
        column["column"],
        column["type"],
        tuple((level, level in references) for level in levels[:MOST_LEVELS]),
        counted(more, "more level") if more > 0 else "",
        tuple(map(_scaling, column.get("scaling", ()))),
    )


def _scaling(how: Mapping[str, Any]) -> str:
    words = {"center": "less {}", "scale": "divided by {}"}
    parts = [
        text.format(exact(how[key], 6))
        for key, text in words.items()
        if how[key] is not None and (key, how[key]) != ("scale", 1.0)
    ]
    return how["by"] + (f": {', '.join(parts)}" if parts else "")


def _expression(name: str, mapping: Mapping[str, Any]) -> str:
    if name == "prior_only":
        return "supplied: 0 for a fit, 1 for the prior"
    text = str(mapping[name]) if name in mapping else "as in the file"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _column(name: str, rules: Mapping[str, Any]) -> ColumnView:
    words = {"lower": "≥ {}", "upper": "≤ {}", "allowed": "one of {}", "levels": "levels {}"}
    limits = [
        text.format(_either(rules[rule]))
        for rule, text in words.items()
        if rules.get(rule) is not None
    ]
    if rules.get("label"):
        limits.insert(0, f"called {visible(rules['label'])}")
    if rules.get("unique"):
        limits.append("unique")
    if rules.get("transform"):
        limits.append(str(rules["transform"]))
    kind = str(rules.get("type") or "as found")
    unit = f", in {visible(rules['unit'])}" if rules.get("unit") else ""
    return ColumnView(name, kind + unit, ", ".join(limits))


def heading(name: str, *declared: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what a table calls a column's values as they stand in the file.

    The label and the unit are each of the first declaration of the column that has one.
    """
    rules = [columns[name] for columns in declared if name in columns]
    label, unit = (next(filter(None, (r.get(k) for r in rules)), "") for k in ("label", "unit"))
    return visible(f"{label or name} ({unit})" if unit else label or name)


def _either(values: object) -> str:
    if isinstance(values, float):
        return exact(values, 6)
    if isinstance(values, Sequence) and not isinstance(values, str):
        text = ", ".join(map(str, values))
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return str(values)
