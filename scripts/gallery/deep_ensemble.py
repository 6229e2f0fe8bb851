"""A deep ensemble of the network of neural_network.stan: each draw is a network of its own.

Every member starts at random and climbs to a mode of the posterior by Adam (Kingma & Ba 2015,
arXiv:1412.6980); the members are what is averaged over (Lakshminarayanan et al. 2017,
arXiv:1612.01474). They are independent, and no draws of the posterior: nothing of its width about
a mode is in them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

DECAYS, SMALL = (0.9, 0.999), 1e-8


class Network:
    """The members' parameters, `member × …`, and the gradient of their log posterior."""

    def __init__(
        self, data: dict[str, Any], members: int, start: float, rng: np.random.Generator
    ) -> None:
        self.X = np.array(data["X"], float)
        self.one_hot = np.eye(data["K"])[np.array(data["y"]) - 1]
        shapes = {
            "W": (data["P"], data["H"]),
            "b": (data["H"],),
            "V": (data["H"], data["K"]),
            "c": (data["K"],),
        }
        slope, logit = data["prior_slope"], data["prior_logit"]
        self.sd = {"W": slope, "b": slope, "V": logit / np.sqrt(data["H"]), "c": logit}
        self.values = {
            name: rng.normal(0, start, (members, *shape)) for name, shape in shapes.items()
        }

    def forward(self, design: Any) -> tuple[Any, Any]:
        """Return the hidden units and the probabilities, `member × row × …`."""
        v = self.values
        hidden = np.tanh(design @ v["W"] + v["b"][:, None])
        logits = hidden @ v["V"] + v["c"][:, None]
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return hidden, powers / powers.sum(axis=-1, keepdims=True)

    def gradient(self) -> dict[str, Any]:
        """Return the gradient of the log posterior of each member, by the chain rule."""
        hidden, p = self.forward(self.X)
        excess = self.one_hot - p
        bent = (excess @ self.values["V"].swapaxes(1, 2)) * (1 - hidden**2)
        of_data = {
            "W": self.X.T @ bent,
            "b": bent.sum(axis=1),
            "V": hidden.swapaxes(1, 2) @ excess,
            "c": excess.sum(axis=1),
        }
        return {name: of_data[name] - x / self.sd[name] ** 2 for name, x in self.values.items()}

    def climb(self, steps: int, rate: float) -> None:
        """Take so many steps of Adam; the rate falls to nothing over them, by a cosine."""
        first = {name: np.zeros_like(x) for name, x in self.values.items()}
        second = {name: np.zeros_like(x) for name, x in self.values.items()}
        for step in range(1, steps + 1):
            size = rate * (1 + np.cos(np.pi * step / steps)) / 2
            for name, slope in self.gradient().items():
                first[name] += (1 - DECAYS[0]) * (slope - first[name])
                second[name] += (1 - DECAYS[1]) * (slope**2 - second[name])
                mean = first[name] / (1 - DECAYS[0] ** step)
                square = second[name] / (1 - DECAYS[1] ** step)
                self.values[name] += size * mean / (np.sqrt(square) + SMALL)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("data", "settings", "output"):
        parser.add_argument(f"--{name}", type=Path)
    for name in ("seed", "chains", "draws"):
        parser.add_argument(f"--{name}", type=int)
    arguments = parser.parse_args()
    data = json.loads(arguments.data.read_text())
    settings = json.loads(arguments.settings.read_text())
    shape = (arguments.chains, arguments.draws)
    rng = np.random.default_rng(arguments.seed)
    network = Network(data, arguments.chains * arguments.draws, settings["start"], rng)
    network.climb(settings["steps"], settings["rate"])
    variables = dict(network.values)
    for rows in ("valid", "test"):
        _, variables[f"p_{rows}"] = network.forward(np.array(data[f"X_{rows}"], float))
    posterior = xr.Dataset()
    for name, x in variables.items():
        dims = ("chain", "draw", *(f"{name}_dim_{i}" for i in range(x.ndim - 1)))
        posterior[name] = (dims, x.reshape(*shape, *x.shape[1:]))
    slope = max(
        np.abs(x).reshape(len(x), -1).max(axis=1).mean() for x in network.gradient().values()
    )
    print(f"mean greatest slope of the log posterior where the members ended: {slope:.2g}")
    tree = xr.DataTree.from_dict({"posterior": posterior})
    tree.to_netcdf(arguments.output, engine="h5netcdf")


if __name__ == "__main__":
    main()
