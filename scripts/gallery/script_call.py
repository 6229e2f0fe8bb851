"""How a script of the gallery is called, and how it writes what it leaves (docs/scripts.md)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

Group = Mapping[str, tuple[tuple[str, ...], np.ndarray]]


@dataclass(frozen=True)
class Call:
    """What a script is called with."""

    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    output: str
    seed: int
    chains: int
    draws: int

    @cached_property
    def streams(self) -> list[np.random.Generator]:
        """Random numbers, a stream a chain."""
        return np.random.default_rng(self.seed).spawn(self.chains)


def call() -> Call:
    """Return what this script is called with."""
    parser = argparse.ArgumentParser()
    for name in ("data", "settings", "output"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("seed", "chains", "draws"):
        parser.add_argument(f"--{name}", type=int, required=True)
    arguments = parser.parse_args()
    return Call(
        json.loads(Path(arguments.data).read_text()),
        json.loads(Path(arguments.settings).read_text()),
        arguments.output,
        arguments.seed,
        arguments.chains,
        arguments.draws,
    )


def leave(path: str, groups: Mapping[str, Group]) -> None:
    """Write groups of variables, each with its dimensions, as a netCDF."""
    tree = xr.DataTree.from_dict({name: xr.Dataset(group) for name, group in groups.items()})
    tree.to_netcdf(path, engine="h5netcdf")
