"""draws.nc → a statistic that is declared as an expression."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import xarray as xr
from numpy.typing import NDArray

from stanchion.draws.files import open_draws
from stanchion.draws.labels import labels_along
from stanchion.draws.naming import program_name
from stanchion.errors import StepError
from stanchion.expressions.check import Axis
from stanchion.expressions.faults import ExpressionError
from stanchion.expressions.replicated import Data, expressed
from stanchion.expressions.statistics import names_of, parse_statistic
from stanchion.stats.predictive import Statistic


def expressed_statistic(
    draws: Path, source: str, observed: str, replicated: NDArray[Any]
) -> Statistic:
    """Compare an expression of the observed data with that of each replication.

    `replicated` is chain × draw × shape of the observed variable.

    Raises:
        StepError: the expression is none of these data.
    """
    try:
        data = _data(draws, {observed, *names_of(parse_statistic(source, observed))})
        return expressed(source, observed, data, replicated.reshape(-1, *replicated.shape[2:]))
    except ExpressionError as error:
        raise StepError(
            str(error),
            key="posterior_predictive.statistics",
            allowed=error.allowed,
            todo=error.todo or "`stanchion check` says what is wrong with it",
        ) from None


def _data(draws: Path, names: Collection[str]) -> Data:
    """Return those of these data that a fit has, by their names in the program."""
    with open_draws(draws, "observed_data", "constant_data") as tree:
        variables = {
            name: variable
            for node in tree.leaves
            for stored, variable in node.data_vars.items()
            if (name := program_name(str(stored))) in names
        }
        return Data(
            axes={name: _axes(variable) for name, variable in variables.items()},
            values={name: variable.values for name, variable in variables.items()},
        )


def _axes(variable: xr.DataArray) -> tuple[Axis, ...]:
    return tuple(Axis(str(d), n, labels_along(variable, str(d))) for d, n in variable.sizes.items())
