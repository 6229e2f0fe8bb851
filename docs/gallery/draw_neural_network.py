"""Draw neural_network.png from a project's results.

python docs/gallery/draw_neural_network.py PROJECT docs/gallery/neural_network.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr

BLOCK = 100
MARKERS = {"setosa": "o", "versicolor": "s", "virginica": "v"}
PREDICTORS = ["sepal_length", "sepal_width"]
THIN = 4


def entropy(p: np.ndarray) -> np.ndarray:
    """Return the entropy of probabilities, … × class, in nats."""
    return -(p * np.log(np.clip(p, 1e-300, None))).sum(axis=-1)


def probabilities(weights: dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Return the probabilities of the network, draw × row × class."""
    hidden = np.tanh(rows @ weights["W"] + weights["b"][:, None])
    logits = hidden @ weights["V"] + weights["c"][:, None]
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def uncertainty(fit: Path, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return predictive entropy and mutual information at rows, over the draws of a fit."""
    posterior = xr.open_datatree(fit / "draws.nc", engine="h5netcdf")["posterior"]
    stacked = {name: posterior[name].to_numpy() for name in "WbVc"}
    weights = {name: x.reshape(-1, *x.shape[2:])[::THIN] for name, x in stacked.items()}
    draws = len(weights["c"])
    mean, entropies = np.zeros((len(rows), 3)), np.zeros(len(rows))
    for first in range(0, draws, BLOCK):
        block = {name: x[first : first + BLOCK] for name, x in weights.items()}
        p = probabilities(block, rows)
        mean += p.sum(axis=0) / draws
        entropies += entropy(p).sum(axis=0) / draws
    return entropy(mean), entropy(mean) - entropies


def main(project: Path, picture: Path) -> None:
    """Draw both maps by NUTS and by the ensemble, with the flowers of the fit."""
    table = pd.read_csv(project / "data/gallery/iris.csv")
    flowers = table[table["part"] == "train"]
    values = flowers[PREDICTORS].to_numpy()
    x, y = np.linspace(3.5, 9, 80), np.linspace(1.5, 5, 70)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    rows = (grid - values.mean(axis=0)) / values.std(axis=0)
    figure, axes = plt.subplots(
        2, 2, figsize=(7, 6.2), sharex=True, sharey=True, layout="constrained"
    )
    for method, pair in zip(("nuts", "ensemble"), axes, strict=True):
        maps = uncertainty(project / "results/predictions/train/network" / method, rows)
        for axis, name, z in zip(
            pair, ("predictive entropy", "mutual information"), maps, strict=True
        ):
            levels = np.linspace(0, 1.1, 12)
            drawn = axis.contourf(x, y, z.reshape(70, 80), levels, cmap="Blues", extend="max")
            for species, marker in MARKERS.items():
                of = flowers[flowers["species"] == species]
                style = {"s": 16, "marker": marker, "facecolor": "white", "edgecolor": "black"}
                axis.scatter(of[PREDICTORS[0]], of[PREDICTORS[1]], label=species, **style)
            axis.set_title(f"{name}, {method}", fontsize=11, loc="left")
            axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[1]:
        axis.set_xlabel("sepal length (cm)")
    for axis in axes[:, 0]:
        axis.set_ylabel("sepal width (cm)")
    axes[0, 0].legend(fontsize=8, loc="lower right")
    figure.colorbar(drawn, ax=axes, label="nats", shrink=0.7)
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
