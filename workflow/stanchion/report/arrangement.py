"""The order of quantities in the picture of intervals: as declared or sorted, alone or by group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from stanchion.draws.naming import variable_of
from stanchion.plan.report_arguments import Forest
from stanchion.report.forest import Quantity
from stanchion.report.reading import Scalar
from stanchion.system.sentences import visible

INTERCEPT, SLOPE = "intercept", "slope"
_COLUMN_OF_ONES = "Intercept"
"""What formulaic calls it."""
_OF_COLUMNS = "_column"
"""How the name of a dimension ends that counts the columns of a matrix of predictors."""


@dataclass(frozen=True)
class Arrangement:
    """What was declared of the picture, and the labels that the data of a model have.

    `labels` are by the name of their dimension.
    """

    declared: Forest = field(default_factory=Forest)
    labels: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, declared: Forest | None, meta: Mapping[str, Any]) -> Arrangement:
        """Take the labels that preparing the data recorded."""
        labels = {
            size["dim"]: frozenset(visible(str(label)) for label in size["labels"])
            for size in meta["sizes"].values()
            if size["labels"]
        }
        return cls(declared or Forest(), labels)

    def kind(self, scalar: Scalar) -> str:
        """Return whether a scalar is a coefficient of a column of predictors, and of which kind.

        A program's own `alpha` is neither: nothing says what it is.
        """
        columns = {
            label
            for dim, labels in self.labels.items()
            if dim.endswith(_OF_COLUMNS)
            for label in labels
        }
        coefficients = [part for part in parts(scalar) if part in columns]
        if not coefficients:
            return ""
        return INTERCEPT if _COLUMN_OF_ONES in coefficients else SLOPE

    def group(self, scalar: Scalar) -> str:
        """Return a scalar's label along the declared dimension, or by the declared factor."""
        name = self.declared.group
        if name is None:
            return ""
        labels = self.labels.get(name, frozenset())
        return next((p for p in parts(scalar) if p in labels or p.startswith(f"{name}=")), "")


def arranged(quantities: Sequence[Quantity], arrangement: Arrangement) -> list[Quantity]:
    """Return the quantities in order, each with its kind and its group.

    A variable's elements stay together: intercepts apart from slopes, then by group where groups
    are declared, then the largest median first where that is declared, else as in the program.
    """
    described = [
        replace(q, kind=arrangement.kind(q.scalar), group=arrangement.group(q.scalar))
        for q in quantities
    ]
    variables = _ranks(variable_of(quantity.scalar.name) for quantity in described)
    kinds = _ranks(quantity.kind for quantity in described)
    groups = _ranks(quantity.group for quantity in described)
    is_sorted = arrangement.declared.order == "median"
    return sorted(
        described,
        key=lambda quantity: (
            variables[variable_of(quantity.scalar.name)],
            kinds[quantity.kind],
            groups[quantity.group],
            -_median(quantity) if is_sorted else 0.0,
        ),
    )


def parts(scalar: Scalar) -> list[str]:
    """Return what stands for each index in a scalar's label; none where it is not labelled."""
    _, bracket, inside = scalar.label.removesuffix(f" ({scalar.name})").partition("[")
    if scalar.label == scalar.name or not bracket or not inside.endswith("]"):
        return []
    result, depth = [""], 0
    for character in inside[:-1]:
        depth += (character in "[(") - (character in ")]")
        if character == "," and depth == 0:
            result.append("")
        else:
            result[-1] += character
    return result


def _ranks(values: Iterable[str]) -> dict[str, int]:
    """Return the place of each value in the order of first appearance."""
    return {value: rank for rank, value in enumerate(dict.fromkeys(values))}


def _median(quantity: Quantity) -> float:
    """Return the median in the first fit that has one; what has none stands last."""
    middles = (i.middle for i in quantity.intervals if i.drawable and not i.is_point)
    return next(middles, -inf)
