"""The coefficients of a matrix of transformed columns → those of the columns as they were.

A column that is centred or divided by a scale is s·x + t of the original x, so that a product of
such columns is a sum of products of originals, and the coefficients map linearly: with X the matrix
of the model and O that of the products, X β = O (M β) in every row.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from stanchion.datasets.design import Design
from stanchion.datasets.frame import Frame
from stanchion.datasets.transforms import Constants

SCALING = frozenset({"center", "scale", "standardize"})
INTERCEPT = "Intercept"

Product = tuple[str, ...]
"""What is multiplied in a column, in the order of its name; () is the intercept."""


class NotLinearError(Exception):
    """The coefficients have no linear map that is known; the message says of what."""


@dataclass(frozen=True)
class Part:
    """A factor of a column: `slope` times what is called `name`, and `offset` more.

    `levels` are the names of all parts of its factor, where they add up to one in every row.
    """

    name: str
    slope: float = 1.0
    offset: float = 0.0
    levels: Mapping[str, None] = field(default_factory=dict)


@dataclass(frozen=True)
class Original:
    """Coefficients on the original scale by their labels.

    `columns` has for each column of the matrix the index and the weight of each label that its
    coefficient counts in.
    """

    labels: tuple[str, ...]
    columns: tuple[tuple[tuple[int, float], ...], ...]

    def as_json(self) -> dict[str, Any]:
        """Return labels and columns."""
        return {"labels": list(self.labels), "columns": [list(map(list, c)) for c in self.columns]}


def original_scale(frame: Frame, matrix: Design | Sequence[str]) -> Original | None:
    """Return the map of a design's coefficients, or of a list of columns; None where none differs.

    Where the matrix has no intercept, and no category whose levels stand for one, the constant by
    which centres shift it is left out.

    Raises:
        NotLinearError: a column's transform has no linear map, or none that is known.
    """
    if isinstance(matrix, Design):
        columns = list(_design_parts(matrix, frame))
    else:
        columns = [(_column_part(name, frame),) for name in matrix]
    if all((part.slope, part.offset) == (1.0, 0.0) for parts in columns for part in parts):
        return None
    return _mapped(columns)


def _mapped(columns: Sequence[tuple[Part, ...]]) -> Original:
    present = {_key(part.name for part in parts): None for parts in columns}
    fillers = _fillers(columns)
    labels: dict[Product, str] = {}
    for parts in columns:
        names = tuple(part.name for part in parts)
        labels.setdefault(_key(names), ":".join(names) or INTERCEPT)
    weights: list[dict[Product, float]] = []
    for parts in columns:
        weights.append({})
        for names, weight in _expanded(parts):
            key = _key(names)
            stand_ins = [key] if key in present else fillers.get(key, [key])
            for stand_in in stand_ins:
                if stand_in == () and () not in present:
                    continue
                labels.setdefault(stand_in, ":".join(names))
                weights[-1][stand_in] = weights[-1].get(stand_in, 0.0) + weight
    index = {key: position for position, key in enumerate(labels)}
    return Original(
        tuple(labels.values()),
        tuple(tuple((index[key], w) for key, w in row.items() if w != 0) for row in weights),
    )


def _expanded(parts: Sequence[Part]) -> Iterator[tuple[Product, float]]:
    """Yield the products of originals that a product of parts is a sum of, and their weights."""
    choices = [
        [(part.name, part.slope), *([("", part.offset)] if part.offset else [])] for part in parts
    ]
    for chosen in product(*choices):
        weight = 1.0
        for _, factor in chosen:
            weight *= factor
        yield tuple(name for name, _ in chosen if name), weight


def _fillers(columns: Sequence[tuple[Part, ...]]) -> dict[Product, list[Product]]:
    """Return for a product without column those whose sum it is: itself by each level."""
    keys = {_key(part.name for part in parts) for parts in columns}
    fillers: dict[Product, list[Product]] = {}
    tried = set[tuple[Product, str]]()
    for parts in columns:
        for part in parts:
            rest = [other.name for other in parts if other is not part]
            tried_key = (_key(rest), next(iter(part.levels), ""))
            if not part.levels or tried_key in tried:
                continue
            tried.add(tried_key)
            by_level = [_key([*rest, level]) for level in part.levels]
            if keys.issuperset(by_level):
                fillers.setdefault(_key(rest), by_level)
    return fillers


def _key(names: Iterator[str] | Sequence[str]) -> Product:
    return tuple(sorted(names))


def _design_parts(design: Design, frame: Frame) -> Iterator[tuple[Part, ...]]:
    """Yield the parts of each column of a design."""
    reader = _Reader(design, frame)
    for structure in design.spec.structure:
        for label in structure.columns:
            yield reader.parts(structure, label)


@dataclass(frozen=True)
class _Reader:
    """Reads factors of a formula by the constants that formulaic settled."""

    design: Design
    frame: Frame
    levels: dict[str, dict[str, None]] = field(default_factory=dict)
    """The names of a category's parts, by factor."""

    def parts(self, structure: Any, label: str) -> tuple[Part, ...]:
        """Return the parts of a column by its label: the names of its factors, joined by colons."""
        for scoped in structure.scoped_terms:
            reduced = {entry.factor.expr: entry.reduced for entry in scoped.factors}
            expressions = [f.expr for f in structure.term.factors if f.expr in reduced]
            bracket = r"(\[(?:(?!\]:).)*\])?"
            pattern = ":".join(re.escape(text) + bracket for text in expressions)
            match = re.fullmatch(pattern, label, re.DOTALL)
            if scoped.scale == 1 and (match or (not expressions and label == INTERCEPT)):
                brackets = match.groups() if match and expressions else ()
                return tuple(
                    self._part(text, level, reduced=reduced[text])
                    for text, level in zip(expressions, brackets, strict=True)
                )
        raise NotLinearError(f"`{label}` is no product of columns")

    def _part(self, text: str, bracket: str | None, *, reduced: bool) -> Part:
        if text in self.frame.kinds:
            part = _column_part(text, self.frame)
        else:
            part = self._affine(*parsed_factor(text), text)
        if bracket is None:
            return part
        if (part.slope, part.offset) != (1.0, 0.0):
            raise NotLinearError(f"`{text}` makes several columns of one that is centred or scaled")
        names = {} if reduced else self._names(text)
        return Part(text + bracket, levels=names if text + bracket in names else {})

    def _names(self, text: str) -> Mapping[str, None]:
        if text not in self.levels:
            state = self.design.spec.encoder_state.get(text, (None, {}))[1]
            levels = state["contrasts"].levels if "contrasts" in state else ()
            self.levels[text] = {f"{text}[{level}]": None for level in levels}
        return self.levels[text]

    def _affine(self, node: ast.expr, names: Mapping[str, str], text: str) -> Part:
        """Return a factor as slope × original + offset."""
        match node:
            case ast.Name(id=name):
                return _column_part(names.get(name, name), self.frame)
            case ast.Call(func=ast.Name(id="I"), args=[inner]):
                part = self._affine(inner, names, shown_factor(inner, names))
                return Part(text) if (part.slope, part.offset) == (1.0, 0.0) else part
            case ast.Call(func=ast.Name(id=name), args=[inner, *_]) if name in SCALING:
                part = self._affine(inner, names, shown_factor(inner, names))
                center, scale = self._constants(node, text)
                return Part(part.name, part.slope / scale, (part.offset - center) / scale)
        self._require_untransformed(node, names, text)
        return Part(text)

    def _constants(self, node: ast.expr, text: str) -> tuple[float, float]:
        state = self.design.spec.transform_state.get(ast.unparse(node), {})
        center, scale = state.get("center"), state.get("scale")
        try:
            found = (
                0.0 if center is None else float(center),
                1.0 if scale is None else float(scale),
            )
        except TypeError:
            found = (0.0, 0.0)
        if not {"center", "scale"} <= state.keys() or found[1] == 0:
            raise NotLinearError(f"the constants of `{text}` are not known")
        return found

    def _require_untransformed(self, node: ast.expr, names: Mapping[str, str], text: str) -> None:
        calls = {id(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}
        for inner in ast.walk(node):
            match inner:
                case ast.Name() if id(inner) in calls and inner.id not in SCALING:
                    pass
                case ast.Call(func=ast.Name(id=name)) if name in SCALING:
                    raise NotLinearError(
                        f"`{text}` is not linear in what `{name}` centres or scales"
                    )
                case ast.Name(id=name) if names.get(name, name) in self.frame.transforms:
                    column = names.get(name, name)
                    kind = self.frame.transforms[column]["kind"]
                    raise NotLinearError(
                        f"`{text}` is not linear in column `{column}`, which has "
                        f"`transform: {kind}`"
                    )


def _column_part(name: str, frame: Frame) -> Part:
    """Return a column as it stands in the file, times a slope and with an offset; its logarithm
    where that is its transform.
    """
    constants: Constants = frame.transforms.get(name, {})
    if not constants:
        return Part(name)
    if constants["kind"] in ("standardize", "center"):
        scale = float(constants["scale"])
        return Part(name, 1 / scale, -float(constants["center"]) / scale)
    return Part(f"{constants['kind']}({name})")


def parsed_factor(text: str) -> tuple[ast.expr, dict[str, str]]:
    """Return a factor's expression, and the columns that its names in backquotes stand for."""
    from formulaic.utils.code import sanitize_variable_names

    aliases: dict[str, str] = {}
    return ast.parse(sanitize_variable_names(text, {}, aliases), mode="eval").body, aliases


def shown_factor(node: ast.AST, names: Mapping[str, str]) -> str:
    """Return an expression as the formula has it."""
    text = ast.unparse(node)
    for alias, name in names.items():
        text = f"`{name}`".join(re.split(rf"\b{re.escape(alias)}\b", text))
    return text
