"""Fits whose pictures are drawn in tests, and the figures that they were saved from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from stanchion.draws.labels import FACTOR
from stanchion.pictures.chains import Chains


def figures_of(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Return a list that each figure joins once it is saved."""
    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *arguments: Any, **options: Any) -> None:
        save(figure, *arguments, **options)
        figures.append(figure)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


def funnel(chains: int = 4, size: int = 500, schools: int = 4) -> Chains:
    """Return a funnel: effects about mu with a spread tau, divergences where tau is small.

    log_tau is tau once more, and noise has nothing to do with either; all are parameters.
    """
    rng = np.random.default_rng(1)
    log_tau = rng.normal(0, 1.5, (chains, size, 1))
    mu, noise = rng.normal(4, 3, (2, chains, size, 1))
    theta = mu + np.exp(log_tau) * rng.normal(size=(chains, size, schools))
    density = rng.normal(size=(chains, size, 1))
    draws = np.concatenate([density, mu, np.exp(log_tau), log_tau, noise, theta], axis=2)
    names = ["lp__", "mu", "tau", "log_tau", "noise"]
    diverging = (log_tau[:, :, 0] < -2) & (rng.uniform(size=(chains, size)) < 0.6)
    return Chains(
        names=[*names, *(f"theta[{number + 1}]" for number in range(schools))],
        draws=draws,
        rhats=np.linspace(1.0, 1.01, draws.shape[2]),
        varying=list(range(draws.shape[2])),
        variables=[*names, *["theta"] * schools],
        sampled=list(range(1, draws.shape[2])),
        diverging=diverging,
        energy=rng.normal(10, 2, (chains, size)),
        prior={1: rng.normal(0, 5, 800), 2: 100 * np.abs(rng.standard_cauchy(800))},
    )


def of_one(values: np.ndarray) -> Chains:
    """Return a fit of one scalar beside its log density, `chain × draw`."""
    draws = np.stack([np.zeros_like(values), values], axis=2)
    return Chains(
        names=["lp__", "x"],
        draws=draws,
        rhats=np.full(2, np.nan),
        varying=[1],
        variables=["lp__", "x"],
        sampled=[1],
        diverging=np.zeros(values.shape, np.bool_),
        energy=values,
    )


def band_tree(labels: Sequence[str], outcome: Sequence[float] | None) -> xr.DataTree:
    """Return draws of a level at each row, of a sigma, and the outcomes of the rows."""
    rng = np.random.default_rng(3)
    level = rng.normal(np.arange(len(labels)), 1, (4, 250, len(labels)))
    sizes = ("chain", "draw")
    coords = {"obs": xr.Variable("obs", np.array(labels), {FACTOR: "year"})}
    groups = {
        "posterior": xr.Dataset(
            {"level": ((*sizes, "obs"), level), "sigma": (sizes, level[..., 0])}, coords
        )
    }
    if outcome is not None:
        groups["observed_data"] = xr.Dataset({"y": ("obs", np.array(outcome))}, coords)
    return xr.DataTree.from_dict(groups)
