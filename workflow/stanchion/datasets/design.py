"""Design matrices by formula: formulaic, held to fail where it would be silent.

formulaic drops rows with missing values, encodes levels that it has not seen as zeros, and
computes means anew for new rows inside plain functions. None of it happens here unnoticed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stanchion.datasets.faults import at_rows, stop
from stanchion.datasets.formulas import CONTRASTS, FUNCTIONS, formula_columns, plain
from stanchion.datasets.frame import Frame
from stanchion.datasets.positions import positions
from stanchion.datasets.rules import NUMERIC
from stanchion.errors import DataError, Fault

_TOLERANCE = 1e-9
"""How far two evaluations of one row may differ: rounding, relative to 1 or to the value."""


@dataclass(frozen=True)
class Formula:
    """A right-sided formula, and the key that declares it."""

    text: str
    key: str

    def fault(self, what: str, **details: Any) -> Fault:
        """Return a fault of this formula."""
        return Fault(what, key=self.key, value=self.text, **details)


@dataclass(frozen=True)
class Design:
    """A formula with the levels, scales and knots of the fitted rows.

    `matrix` is that of the fitted rows, row × column; `labels` are formulaic's names of columns.
    """

    formula: Formula
    frame: Frame
    spec: Any
    labels: tuple[str, ...]
    matrix: NDArray[np.float64]

    def apply(self, frame: Frame) -> NDArray[np.float64]:
        """Return the matrix of other rows, row × column, by what the fitted rows settled.

        Raises:
            DataError: a level is unknown, a value lies beyond the knots, or the formula takes
                something from the other rows that is not kept, as in `x - np.mean(x)`.
        """
        self._refuse_dependence()
        return self._evaluate(frame)

    def _evaluate(self, frame: Frame) -> NDArray[np.float64]:
        table = _table(self.formula, frame, self.frame)
        where = str(frame.path)
        matrix = _guarded(
            self.formula, where, lambda: self.spec.get_model_matrix(table, context=_context())
        )
        return _numbers(self.formula, matrix, self.labels, frame)

    def _refuse_dependence(self) -> None:
        """Refuse a formula by which the first or last row on its own differs from it among all."""
        for row in (0, len(self.matrix) - 1):
            (alone,), among_all = self._evaluate(self.frame.take([row])), self.matrix[row]
            differs = np.abs(alone - among_all) > _TOLERANCE * np.maximum(1.0, np.abs(among_all))
            if differs.any():
                label = self.labels[differs.argmax()]
                what = f"`{label}` depends on the other rows, so new rows would change it"
                allowed = "functions that keep their constants: scale, center, bs, cr, poly"
                raise DataError(self.formula.fault(what, allowed=allowed))


def fit_design(formula: Formula, frame: Frame) -> Design:
    """Return a formula's design on the fitted rows.

    Raises:
        DataError: the formula is wrong, has two sides, or gives a cell that is no finite number.
    """
    table = _table(formula, frame, frame)
    matrix = _guarded(formula, None, lambda: _fit(formula, table))
    labels = tuple(matrix.model_spec.column_names)
    numbers = _numbers(formula, matrix, labels, frame)
    return Design(formula, frame, matrix.model_spec, labels, numbers)


def _fit(formula: Formula, table: pd.DataFrame) -> Any:
    from formulaic import ModelSpec
    from formulaic.materializers import NAAction

    spec = ModelSpec.from_spec(formula.text, na_action=NAAction.IGNORE)
    if not isinstance(spec, ModelSpec):
        what, allowed = "the formula has more than one side", 'a right side only: "~ x + z"'
        raise DataError(formula.fault(what, allowed=allowed))
    return spec.get_model_matrix(table, context=_context())


def _context() -> dict[str, Any]:
    """Return our own functions, and nothing in place of formulaic's that we do not name."""
    from formulaic.transforms import TRANSFORMS

    named = {*FUNCTIONS, *(name.partition(".")[0] for name in CONTRASTS)}
    return {**dict.fromkeys(TRANSFORMS.keys() - named), "sqrt": np.sqrt}


def _table(formula: Formula, frame: Frame, fitted: Frame) -> pd.DataFrame:
    """Return the columns that a formula names; categories have the levels of the fitted rows."""
    columns: dict[str, Any] = {}
    for name in formula_columns(formula.text):
        series = frame.column(name)
        if series.kind == "category":
            levels = fitted.column(name).levels()
            codes = positions(series, levels, frame.location, formula.key) - 1
            columns[name] = pd.Categorical.from_codes(codes, categories=pd.Index(levels))
        elif series.kind in NUMERIC:
            values = series.values.to_numpy()
            kind = {"bool": bool, "int": np.int64}.get(series.kind, np.float64)
            columns[name] = values.astype(np.float64 if values.dtype == object else kind)
        else:
            what = f"column `{name}` is a {series.kind}, which a formula cannot take"
            raise DataError(formula.fault(what, allowed="numbers, bool and categories"))
    return pd.DataFrame(columns, index=range(len(frame)))


def _guarded(formula: Formula, where: str | None, make: Callable[[], Any]) -> Any:
    """Run formulaic so that what it would only warn of, or not even that, stops it."""
    from formulaic.errors import DataMismatchWarning

    try:
        with warnings.catch_warnings(), np.errstate(divide="raise", over="raise", invalid="raise"):
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", DataMismatchWarning)
            return make()
    except DataMismatchWarning:
        why = "it meets a level that the fitted rows do not have"
    except Exception as error:  # whatever formulaic, pandas and numpy meet in a formula
        why = plain(error)
    raise DataError(formula.fault(f"the formula cannot be evaluated: {why}", where=where))


def _numbers(
    formula: Formula, matrix: Any, labels: tuple[str, ...], frame: Frame
) -> NDArray[np.float64]:
    """Return a matrix as an array, row × column, each number finite, and none of them −0."""
    array: NDArray[np.float64] = matrix.to_numpy(dtype=float) + 0.0

    def fault(row: int, column: int) -> Fault:
        what = f"`{labels[column]}` of the formula is {array[row, column]}"
        allowed = "a finite number in every row"
        return formula.fault(what, where=frame.location(row), allowed=allowed)

    stop(
        at_rows(
            np.argwhere(~np.isfinite(array)).tolist(),
            lambda cell: fault(*cell),
            alike=lambda cell: (cell[1], str(array[*cell])),
        )
    )
    return array
