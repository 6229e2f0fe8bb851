"""Parallel tempering for a location with heavy-tailed errors: all chains and levels at once.

A level has the density prior × likelihood^power, with powers from 0, the prior, to 1, the
posterior. Each moves by random-walk Metropolis, and neighbours trade their positions with the
probability that leaves all of them as they are (Geyer 1991). The target is that of
`stan/models/gallery/robust_location.stan`. Settings: `powers`, ascending from 0 to 1; `warmup`,
iterations; `thin`, iterations a draw.
"""

from __future__ import annotations

from math import lgamma, log, pi

import numpy as np
from script_call import Call, call, leave


class Location:
    """The target."""

    def __init__(self, data: dict[str, float]) -> None:
        self.y = np.array(data["y"], dtype=float)
        self.sigma, self.nu = float(data["sigma"]), float(data["nu"])
        self.prior_mean, self.prior_sd = float(data["prior_mean"]), float(data["prior_sd"])

    def log_lik(self, mu: np.ndarray) -> np.ndarray:
        """Return the log likelihood of each outcome, in a further dimension."""
        half = (self.nu + 1) / 2
        constant = lgamma(half) - lgamma(self.nu / 2) - log(self.nu * pi) / 2 - log(self.sigma)
        z = (self.y - mu[..., None]) / self.sigma
        return constant - half * np.log1p(z**2 / self.nu)

    def log_prior(self, mu: np.ndarray) -> np.ndarray:
        """Return the log density of the prior, up to a constant."""
        return -0.5 * ((mu - self.prior_mean) / self.prior_sd) ** 2


def tempered(arguments: Call, target: Location, powers: np.ndarray, steps: int) -> np.ndarray:
    """Return the positions of the last level after each step, step × chain."""
    levels = len(powers)
    shape = (steps, 2 * levels)
    log_uniform = np.stack([np.log(rng.uniform(size=shape)) for rng in arguments.streams], axis=1)
    # As wide as a mode is at its power, and the prior's width at most.
    scale = np.minimum(target.sigma / np.sqrt(np.maximum(powers, 1e-9)), 2 * target.prior_sd)
    moves = scale * np.stack(
        [rng.normal(size=(steps, levels)) for rng in arguments.streams], axis=1
    )
    mu = target.prior_mean + target.prior_sd * np.stack(
        [rng.normal(size=levels) for rng in arguments.streams]
    )
    likelihood, path = target.log_lik(mu).sum(axis=-1), np.empty((steps, arguments.chains))
    for step in range(steps):
        proposal = mu + moves[step]
        proposed = target.log_lik(proposal).sum(axis=-1)
        prior = target.log_prior(proposal) - target.log_prior(mu)
        accept = log_uniform[step, :, :levels] < prior + powers * (proposed - likelihood)
        mu, likelihood = np.where(accept, proposal, mu), np.where(accept, proposed, likelihood)
        lower = np.arange(step % 2, levels - 1, 2)  # pairs (0, 1), (2, 3), …, then (1, 2), …
        gain = (powers[lower + 1] - powers[lower]) * (
            likelihood[:, lower] - likelihood[:, lower + 1]
        )
        order = np.tile(np.arange(levels), (arguments.chains, 1))
        trade = log_uniform[step][:, levels + lower] < gain
        order[:, lower] += trade
        order[:, lower + 1] -= trade
        mu = np.take_along_axis(mu, order, axis=1)
        likelihood = np.take_along_axis(likelihood, order, axis=1)
        path[step] = mu[:, -1]
    return path


def main() -> None:
    """Sample, and leave every `thin`-th position of the posterior's level."""
    arguments = call()
    target, settings = Location(arguments.data), arguments.settings
    warmup, thin = settings["warmup"], settings["thin"]
    powers = np.array(settings["powers"], dtype=float)
    path = tempered(arguments, target, powers, warmup + thin * arguments.draws)
    mu = path[warmup + thin - 1 :: thin].T
    size = (arguments.draws, len(target.y))
    errors = np.stack([rng.standard_t(target.nu, size=size) for rng in arguments.streams])
    rows = ("chain", "draw", "reading")
    groups = {
        "posterior": {"mu": (rows[:2], mu)},
        "log_likelihood": {"y": (rows, target.log_lik(mu))},
        "posterior_predictive": {"y": (rows, mu[:, :, None] + target.sigma * errors)},
    }
    leave(arguments.output, groups)


main()
