"""The modes that an optimiser reached from several starts, and the curvature at the highest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stanchion.draws.files import open_draws
from stanchion.draws.tree import MODES
from stanchion.stats.curvature import distance_to_mode

FILE = f"{MODES}.json"
"""Their name in a procedure's archive."""
_TEXTS = ("because", "parameter_because", "returned")
_NUMBERS = ("starts", "without", "stopped", "evaluated")


@dataclass(frozen=True, kw_only=True)
class Mode:
    """A mode, with the numbers of the starts that ended there."""

    log_density: float
    """Up to a constant, the highest that one of them reached."""
    starts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Modes:
    """The distinct modes, the highest first, and what is known of the highest.

    Lists of `parameters` are on the unconstrained scale, `errors` one of each of the `columns`
    (names of the Stan CSV). What could not be computed is empty, and `because` says why.
    """

    modes: tuple[Mode, ...]
    starts: int
    """How many starts there were."""
    without: int
    """How many of them ended at no mode."""
    returned: str
    """In words, with what the optimiser ended at the highest."""
    stopped: bool
    """Whether it was stopped there, by its most iterations, before it had converged."""
    evaluated: bool = True
    """Whether the CmdStan at hand evaluates programs at given points."""
    because: str = ""
    parameter_because: str = ""
    """The unconstrained parameter that is to blame, where one is."""
    parameters: tuple[str, ...] = ()
    unconstrained: tuple[float, ...] = ()
    gradient: tuple[float, ...] = ()
    covariance: tuple[tuple[float, ...], ...] = ()
    columns: tuple[str, ...] = ()
    errors: tuple[float, ...] = ()

    @property
    def distance(self) -> float:
        """How far the mode is from the highest point, in standard errors; NaN where unknown."""
        if not self.covariance:
            return nan
        return distance_to_mode(np.array(self.gradient), np.array(self.covariance))

    def errors_of(self, columns: Sequence[str]) -> NDArray[np.float64]:
        """Return the standard errors of columns of a Stan CSV, NaN where there are none."""
        known = dict(zip(self.columns, self.errors, strict=True))
        return np.array([known.get(column, nan) for column in columns])

    def write(self, path: Path) -> None:
        """Write them as JSON, the same bytes for the same modes."""
        path.write_text(json.dumps(asdict(self)) + "\n")

    @classmethod
    def read(cls, path: Path) -> Modes:
        """Read what `write` wrote."""
        content = _tuples(json.loads(path.read_text()))
        return cls(**{**content, "modes": tuple(Mode(**mode) for mode in content["modes"])})

    def dataset(self) -> xr.Dataset:
        """Return them as the group of draws.nc."""
        variables: dict[str, Any] = {
            "log_density": ("mode", [mode.log_density for mode in self.modes]),
            "reached_by": ("mode", [",".join(map(str, mode.starts)) for mode in self.modes]),
            "unconstrained": ("parameter", np.array(self.unconstrained)),
            "gradient": ("parameter", np.array(self.gradient)),
        }
        coords: dict[str, Any] = {"parameter": list(self.parameters)}
        if self.covariance:
            both = ("parameter", "parameter_2")
            variables["covariance"] = (both, np.array(self.covariance))
            variables["standard_error"] = ("column", np.array(self.errors))
            coords |= {"parameter_2": list(self.parameters), "column": list(self.columns)}
        numbers = {name: int(getattr(self, name)) for name in _NUMBERS}
        texts = {name: getattr(self, name) for name in _TEXTS}
        return xr.Dataset(variables, coords, {**texts, **numbers})


def read_modes(path: Path) -> Modes | None:
    """Return the modes that draws.nc holds, None where its method looks for none."""
    with open_draws(path, MODES) as tree:
        if MODES not in tree.children:
            return None
        group = tree[MODES].to_dataset().load()
    densities, starts = group["log_density"].values, group["reached_by"].values
    has_errors = "covariance" in group
    attributes = group.attrs
    return Modes(
        modes=tuple(
            Mode(log_density=float(d), starts=tuple(map(int, str(s).split(","))))
            for d, s in zip(densities, starts, strict=True)
        ),
        starts=int(attributes["starts"]),
        without=int(attributes["without"]),
        stopped=bool(attributes["stopped"]),
        evaluated=bool(attributes["evaluated"]),
        **{name: str(attributes[name]) for name in _TEXTS},
        parameters=tuple(map(str, group["parameter"].values)),
        unconstrained=tuple(group["unconstrained"].values.tolist()),
        gradient=tuple(group["gradient"].values.tolist()),
        covariance=_tuples(group["covariance"].values.tolist()) if has_errors else (),
        columns=tuple(map(str, group["column"].values)) if has_errors else (),
        errors=tuple(group["standard_error"].values.tolist()) if has_errors else (),
    )


def _tuples(value: Any) -> Any:
    """Return nested lists as tuples."""
    if isinstance(value, dict):
        return {name: _tuples(inner) for name, inner in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
