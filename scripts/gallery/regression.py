"""What the samplers of a regression share: the target, where they start, what they leave.

The target is that of `stan/models/gallery/linear.stan`: outcomes normal about `X beta`, independent
normal priors of the coefficients, a uniform prior of sigma below a bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import script_call
from script_call import Call


class Regression:
    """The target, by sums over the rows that are taken once."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.X = np.array(data["X"], dtype=float)
        self.y = np.array(data["y"], dtype=float)
        self.N, self.P = self.X.shape
        self.prior_precision = np.array(data["prior_sd"], dtype=float) ** -2.0
        self.sigma_max = float(data["sigma_max"])
        self.XX, self.Xy, self.yy = self.X.T @ self.X, self.X.T @ self.y, self.y @ self.y
        self.least_squares = np.linalg.solve(self.XX, self.Xy)
        residuals = self.y - self.X @ self.least_squares
        self.scatter = np.sqrt(residuals @ residuals / (self.N - self.P))
        self.errors = self.scatter * np.sqrt(np.diag(np.linalg.inv(self.XX)))

    def squares(self, beta: np.ndarray) -> np.ndarray:
        """Return the sum of squared residuals for coefficients, chain × P, of each chain."""
        return self.yy + ((beta @ self.XX - 2 * self.Xy) * beta).sum(axis=1)

    def starts(self, streams: list[np.random.Generator]) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients, chain × P, and sigmas, a chain each, far apart from one another."""
        noise = np.stack([rng.normal(size=self.P + 1) for rng in streams])
        sigma = np.minimum(self.scatter * np.exp(0.5 * noise[:, -1]), 0.9 * self.sigma_max)
        return self.least_squares + 5 * self.errors * noise[:, :-1], sigma


def leave(call: Call, target: Regression, beta: np.ndarray, sigma: np.ndarray) -> None:
    """Write draws, chain × draw (× P), with the program's log_lik and replications."""
    shape = (call.chains, call.draws, target.N)
    noise = np.stack([rng.normal(size=shape[1:]) for rng in call.streams])
    mu, sd = beta @ target.X.T, sigma[:, :, None]
    log_lik = -0.5 * ((target.y - mu) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi)
    rows = ("chain", "draw", "row")
    groups = {
        "posterior": {
            "beta": (("chain", "draw", "coefficient"), beta),
            "sigma": (("chain", "draw"), sigma),
            "mu": (rows, mu),
        },
        "log_likelihood": {"y": (rows, log_lik)},
        "posterior_predictive": {"y": (rows, mu + sd * noise)},
    }
    script_call.leave(call.output, groups)
