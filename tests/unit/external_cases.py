"""Files of draws as other programs leave them, of the fits that tests of the steps share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from stanchion.draws.columns import containers
from tests.unit.steps_cases import Y, chain

Groups = dict[str, dict[str, Any]]
CHAINS, DRAWS = 4, 500
_OF_DRAWS = ("chain", "draw")


def groups(**changes: Mapping[str, Any] | None) -> Groups:
    """Return ArviZ's groups of the chains that `chain` makes; a group or variable None is none."""
    drawn = [chain(seed) for seed in range(1, CHAINS + 1)]
    names = tuple(drawn[0])
    values = np.stack([np.stack([one[name] for name in names], axis=1) for one in drawn])
    arrays = {c.name: c.of(values) for c in containers(names)}
    rng = np.random.default_rng(9)
    whole: Groups = {
        "posterior": {name: arrays[name] for name in ("mu", "twice")},
        "sample_stats": {
            "lp": rng.normal(size=values.shape[:2]),
            "diverging": np.zeros(values.shape[:2], np.bool_),
            "energy": rng.normal(size=values.shape[:2]),
        },
        "log_likelihood": {"y": arrays["log_lik"]},
        "posterior_predictive": {"y": arrays["y_rep"]},
        "predictions": {"y_new": arrays["y_new"]},
        "observed_data": {"y": Y},
    }
    for name, change in changes.items():
        if change is None:
            del whole[name]
            continue
        for variable, array in change.items():
            whole.setdefault(name, {})[variable] = array
            if array is None:
                del whole[name][variable]
    return whole


def write(path: Path, content: Groups, **attributes: Any) -> Path:
    """Write groups as ArviZ does; arrays are chain × draw × shape but those of the data."""
    datasets = {}
    for group, variables in content.items():
        leading = () if group.endswith("_data") else _OF_DRAWS
        datasets[group] = xr.Dataset(
            {
                name: (
                    (*leading, *(f"{name}_dim_{k}" for k in range(np.ndim(v) - len(leading)))),
                    v,
                )
                for name, v in variables.items()
            },
            attrs=attributes,
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    xr.DataTree.from_dict(datasets).to_netcdf(path, engine="h5netcdf")
    return path
