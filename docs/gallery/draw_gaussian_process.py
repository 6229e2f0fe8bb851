"""Draw gaussian_process.png and gaussian_process_next.png from a project's results.

python docs/gallery/draw_gaussian_process.py PROJECT docs/gallery
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr

COLOUR, BAND = "#2a6f97", {"color": "#2a6f97", "alpha": 0.25, "linewidth": 0}
COVARIANCES = {
    "exp_quad": "squared exponential",
    "matern52": "Matérn 5/2",
    "periodic": "periodic",
    "sum": "sum of both kinds: a trend and a wave",
}


def draw_covariances(project: Path, picture: Path) -> None:
    """Draw mean and band of each covariance, with the months fitted and those held out."""
    months = pd.read_csv(project / "data/gallery/co2.csv", parse_dates=["month"])
    fitted, held_out = months[months["year"] < 1996], months[months["year"] >= 1996]
    figure, axes = plt.subplots(
        4, 1, figsize=(7.2, 8.2), sharex=True, sharey=True, layout="constrained"
    )
    for axis, (model, title) in zip(axes, COVARIANCES.items(), strict=True):
        path = project / f"results/kernels/co2/{model}/nuts/effects.csv"
        curve = pd.read_csv(path, parse_dates=["value"])
        axis.fill_between(curve["value"], curve["lower"], curve["upper"], **BAND)
        axis.plot(curve["value"], curve["mean"], color=COLOUR, linewidth=1.1)
        axis.plot(fitted["month"], fitted["co2"], ".", color="#222", markersize=3)
        style = {"mfc": "white", "mec": "#c1121f", "markersize": 3.2, "mew": 0.9}
        axis.plot(held_out["month"], held_out["co2"], "o", **style)
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_ylabel("CO₂, ppm", fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_ylim(346, 374)
    figure.savefig(picture, dpi=90)


def draw_next(project: Path, picture: Path) -> None:
    """Draw what is known of the yield, and the expected improvement at each candidate."""
    table = pd.read_csv(project / "data/gallery/yields.csv")
    measured, candidates = (
        table[table["status"] == status] for status in ("measured", "candidate")
    )
    path = project / "results/next/reaction/next/nuts/draws.nc"
    tree = xr.open_datatree(path, engine="h5netcdf")
    mean, sd, improvement = (
        tree[group][name].stack(sample=("chain", "draw")).transpose("sample", ...).to_numpy()
        for group, name in (("posterior", "f_new"), ("posterior", "sd_new"), ("predictions", "ei"))
    )
    yields = mean + sd * np.random.default_rng(1).normal(size=mean.shape)
    lower, upper = np.quantile(yields, [0.05, 0.95], axis=0)
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(6.4, 4.6), sharex=True, layout="constrained"
    )
    at = candidates["temperature"]
    above.fill_between(at, lower, upper, **BAND)
    above.plot(at, mean.mean(axis=0), color=COLOUR)
    above.plot(measured["temperature"], measured["yield"], "o", color="#222", markersize=5)
    above.set_ylabel("yield, %")
    below.bar(at, improvement.mean(axis=0), width=1.4, color=COLOUR)
    below.set_ylabel("expected\nimprovement, %")
    below.set_xlabel("temperature, °C")
    for axis in (above, below):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(picture, dpi=90)


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    draw_covariances(source, target / "gaussian_process.png")
    draw_next(source, target / "gaussian_process_next.png")
