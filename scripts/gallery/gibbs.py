"""Gibbs sampling for a regression: each coefficient in its turn, then sigma; all chains at once.

Given all else, a coefficient is normal, and sigma² inverse gamma with (N - 1) / 2 degrees, since
the prior is flat in sigma; one above the bound of sigma is drawn again. With `block: true` the
coefficients are drawn together, given sigma. Settings: `warmup`, iterations; `thin`, iterations a
draw; `block`.
"""

from __future__ import annotations

import numpy as np
from regression import Regression, leave
from script_call import call


def next_sigma(
    target: Regression, beta: np.ndarray, streams: list[np.random.Generator]
) -> np.ndarray:
    """Return sigma given the coefficients, a chain each."""
    halves = target.squares(beta) / 2
    sigma = np.empty(len(streams))
    for chain, rng in enumerate(streams):
        sigma[chain] = np.inf
        while sigma[chain] >= target.sigma_max:
            sigma[chain] = np.sqrt(halves[chain] / rng.standard_gamma((target.N - 1) / 2))
    return sigma


def one_by_one(
    target: Regression, beta: np.ndarray, sigma: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """Return the coefficients, chain × P, each drawn given the others."""
    beta = beta.copy()
    for p in range(target.P):
        precision = target.XX[p, p] / sigma**2 + target.prior_precision[p]
        others = target.Xy[p] - beta @ target.XX[p] + beta[:, p] * target.XX[p, p]
        beta[:, p] = others / sigma**2 / precision + noise[:, p] / np.sqrt(precision)
    return beta


def together(target: Regression, sigma: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return the coefficients, chain × P, drawn as one vector."""
    precision = target.XX / sigma[:, None, None] ** 2 + np.diag(target.prior_precision)
    root = np.linalg.cholesky(precision)
    right = np.linalg.solve(root, (target.Xy / sigma[:, None] ** 2)[:, :, None])
    return np.linalg.solve(root.swapaxes(1, 2), right + noise[:, :, None])[:, :, 0]


def main() -> None:
    """Warm up, sample, and leave every `thin`-th position."""
    arguments = call()
    target, settings = Regression(arguments.data), arguments.settings
    warmup, thin = settings["warmup"], settings["thin"]
    beta, sigma = target.starts(arguments.streams)
    steps = warmup + thin * arguments.draws
    noise = np.stack([rng.normal(size=(steps, target.P)) for rng in arguments.streams], axis=1)
    betas, sigmas = np.empty((steps, *beta.shape)), np.empty((steps, len(sigma)))
    for step in range(steps):
        if settings["block"]:
            beta = together(target, sigma, noise[step])
        else:
            beta = one_by_one(target, beta, sigma, noise[step])
        sigma = next_sigma(target, beta, arguments.streams)
        betas[step], sigmas[step] = beta, sigma
    kept = slice(warmup + thin - 1, None, thin)
    leave(arguments, target, betas[kept].swapaxes(0, 1), sigmas[kept].T)


main()
