"""A column of a dataset: its type and what its values may be."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from stanchion.config.transforms import TRANSFORMS
from stanchion.schema.fields import (
    DATE_WORDS,
    Bound,
    Distinct,
    Label,
    NotEmpty,
    Scalar,
    Section,
    Text,
    read_date,
    refused,
)

ColumnType = Literal["real", "int", "bool", "category", "date"]
TransformName = Literal[*TRANSFORMS]  # type: ignore[valid-type]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "real": ((int, float), "numbers"),
    "int": ((int,), "whole numbers"),
    "category": ((str,), "text; write numbers in quotes"),
    "date": ((str,), DATE_WORDS),
}
_SUITS: dict[str, tuple[str, ...]] = {
    "lower": ("real", "int", "date"),
    "upper": ("real", "int", "date"),
    "allowed": ("real", "int", "category", "date"),
    "levels": ("category", "int"),
    "transform": ("real", "int"),
}


class Column(Section):
    """A column is checked before anything runs; a fault names the row, the column and the value."""

    type: ColumnType = Field(default="real", description="What the column holds.")
    label: Text | None = Field(
        default=None, description="What report and pictures call it; else its name."
    )
    unit: Text | None = Field(
        default=None,
        description="The unit of its values, as they stand in the file: in the report, and on the "
        "axes of pictures of a Stan variable that is this column. Neither unit nor label decides a "
        "number, so that an edit makes no fit again.",
    )
    lower: Bound | None = Field(
        default=None, description="Least value, itself allowed; a date in a date column."
    )
    upper: Bound | None = Field(
        default=None, description="Greatest value, itself allowed; a date in a date column."
    )
    allowed: Annotated[list[Scalar], NotEmpty, Distinct] | None = Field(
        default=None, description="The only values there may be."
    )
    levels: Annotated[list[Label], NotEmpty, Distinct] | None = Field(
        default=None,
        description="The levels of a category, or of whole numbers, in the order that `index()` "
        "counts; without it, the order of code points or size of what the data hold.",
    )
    unique: bool = Field(
        default=False,
        description="No value may stand twice. The first such column of categories, whole numbers "
        "or dates, untransformed and without gaps, names the rows in draws, summary and "
        "predictions, where the program counts them by `nrow()`: `theta[pupil=Ann]`.",
    )
    transform: TransformName | None = Field(
        default=None,
        description="Applied before mapping, its constants recorded: "
        + "; ".join(f"`{name}`, {by.words}" for name, by in TRANSFORMS.items())
        + ".",
    )

    def title(self, name: str) -> str | None:
        """Return what an axis of the column's values is called; None where nothing is declared.

        A transform changes the unit.
        """
        if self.label is None and self.unit is None:
            return None
        unit = self.unit or ""
        if self.transform is not None:
            unit = TRANSFORMS[self.transform].unit.format(unit=unit).strip()
        return f"{self.label or name} ({unit})" if unit else self.label

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        for key, types in _SUITS.items():
            if getattr(self, key) is not None and self.type not in types:
                raise refused(
                    f"{key!r} does not go with type {self.type}",
                    at=[key],
                    todo=f"remove it, or set type to {' or '.join(types)}",
                )
        self._check_values("lower", [self.lower])
        self._check_values("upper", [self.upper])
        self._check_values("allowed", self.allowed or [])
        self._check_levels()
        bounds: list[Any] = [self.lower, self.upper]
        if None not in bounds and bounds != sorted(bounds):
            raise refused(
                "'upper' lies below 'lower'",
                at=["upper"],
                value=self.upper,
                allowed=f"at least {self.lower}",
            )
        return self

    def _check_levels(self) -> None:
        if self.levels is None:
            return
        if self.allowed is not None:
            raise refused("'levels' already says what is allowed", at=["allowed"], todo="remove it")
        for position, level in enumerate(self.levels):
            if self.type == "int" and not _INTEGER.fullmatch(level):
                what = f"{level!r} does not go with type int"
                raise refused(what, at=["levels", position], allowed=_KINDS["int"][1])

    def _check_values(self, key: str, values: list[Any]) -> None:
        kinds, words = _KINDS.get(self.type, ((), ""))
        if self.type == "int" and key != "allowed":
            kinds, words = _KINDS["real"]
        for position, value in enumerate(values):
            if value is None:
                continue
            at: list[str | int] = [key, position] if key == "allowed" else [key]
            if isinstance(value, bool) or not isinstance(value, kinds):
                what = f"{value!r} does not go with type {self.type}"
                raise refused(what, at=at, value=value, allowed=words)
            if self.type == "date" and read_date(value) is None:
                raise refused(f"{value!r} is not a date", at=at, value=value, allowed=words)
