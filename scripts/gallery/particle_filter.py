"""Particle marginal Metropolis-Hastings for the local level model (Andrieu, Doucet & Holenstein
2010, doi:10.1111/j.1467-9868.2009.00736.x): a random walk of the two sds, in which the likelihood
is what a bootstrap particle filter estimates (Gordon, Salmond & Smith 1993,
doi:10.1049/ip-f-2.1993.0015).

The estimate is unbiased, so that the chain's distribution is the posterior itself, whatever the
number of particles; with few of them it moves seldom.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import xarray as xr


class LocalLevel:
    """The data and priors of the model, as the Stan program declares them."""

    def __init__(self, data):
        self.y = np.array(data["y"], dtype=float)
        self.level = data["prior_level"], data["prior_level_sd"]
        self.scales = np.array([data["prior_sigma_y"], data["prior_sigma_level"]])

    def log_prior(self, log_sds):
        """Return the log density of the logarithms of both sds (`chain × 2`), up to a constant."""
        return (log_sds - 0.5 * (np.exp(log_sds) / self.scales) ** 2).sum(axis=1)

    def filter(self, log_sds, particles, rng):
        """Return what one pass over the data gives for each chain, by name, `chain × time`.

        `log_lik` are the estimated factors of p(y | sds); `ahead` and `filtered` are levels given
        the outcomes before and up to each time; `level` is a path given all of them.

        Levels move by their prior, are weighted by the outcome, and are resampled systematically.
        """
        sd, step = np.exp(log_sds).T[..., None]
        chains, times = len(log_sds), len(self.y)
        shape = times, chains, particles
        levels, parents = rng.standard_normal(shape), np.empty(shape, dtype=int)
        chain = np.arange(chains)[:, None]
        start = rng.uniform(size=(times, chains, 1))
        heights = (start + np.arange(particles)) / particles + chain
        factors = np.empty((times, chains))
        levels[0] = self.level[0] + self.level[1] * levels[0]
        for t in range(times):
            log_weight = -0.5 * ((self.y[t] - levels[t]) / sd) ** 2
            most = log_weight.max(axis=1, keepdims=True)
            total = np.exp(log_weight - most).cumsum(axis=1)
            factors[t] = (most + np.log(total[:, -1:] / (particles * sd)))[:, 0]
            ends = total / total[:, -1:] + chain
            parent = np.searchsorted(ends.ravel(), heights[t].ravel())
            parents[t] = np.minimum(parent, ends.size - 1).reshape(chains, particles)
            if t + 1 < times:
                levels[t + 1] = levels[t].ravel()[parents[t]] + step * levels[t + 1]
        factors -= 0.5 * np.log(2 * np.pi)
        # Before a resampling any particle is a draw; after it any parent, with all of its line.
        row = np.arange(times)[:, None]
        some = rng.integers(particles, size=(2, times, chains)) + np.arange(chains) * particles
        levels, parents = levels.reshape(times, -1), parents.reshape(times, -1)
        level, line = np.empty((times, chains)), some[1, -1]
        for t in range(times - 1, -1, -1):
            line = parents[t, line]
            level[t] = levels[t, line]
        drawn = {
            "log_lik": factors,
            "ahead": levels[row, some[0]],
            "filtered": levels[row, parents[row, some[1]]],
            "level": level,
        }
        return {name: values.T for name, values in drawn.items()}


def sample(model, chains, draws, settings, rng):
    """Return draws of the log sds and of what `filter` gives, and the shares of accepted moves."""
    particles, thin, correlation = (settings[n] for n in ("particles", "thin", "correlation"))
    step = np.diag(settings["scale"]) @ np.linalg.cholesky([[1, correlation], [correlation, 1]])
    start = np.log(model.scales / 2) + 0.3 * rng.standard_normal((chains, 2))
    state = {"log_sds": start, **model.filter(start, particles, rng)}
    log_density = state["log_lik"].sum(axis=1) + model.log_prior(start)
    kept, accepted = [], np.zeros(chains)
    for iteration in range(1 - settings["warmup"], draws * thin + 1):
        log_sds = state["log_sds"] + rng.standard_normal((chains, 2)) @ step.T
        proposal = {"log_sds": log_sds, **model.filter(log_sds, particles, rng)}
        proposed = proposal["log_lik"].sum(axis=1) + model.log_prior(log_sds)
        moves = np.log(rng.uniform(size=chains)) < proposed - log_density
        log_density = np.where(moves, proposed, log_density)
        state = {n: np.where(moves[:, None], proposal[n], state[n]) for n in state}
        accepted += moves
        if iteration % thin == 0:
            if iteration > 0:
                kept.append({**state, "accepted": accepted / thin})
            accepted = np.zeros(chains)
    return {name: np.stack([draw[name] for draw in kept], axis=1) for name in kept[0]}


def main():
    """Read data and settings, sample, and leave draws as ArviZ names them."""
    parser = argparse.ArgumentParser()
    for name in ("data", "settings", "output"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("seed", "chains", "draws"):
        parser.add_argument(f"--{name}", type=int, required=True)
    arguments = parser.parse_args()
    data, settings = (
        json.loads(Path(path).read_text()) for path in (arguments.data, arguments.settings)
    )
    rng = np.random.default_rng(arguments.seed)
    drawn = sample(LocalLevel(data), arguments.chains, arguments.draws, settings, rng)
    each, of_times = ("chain", "draw"), ("chain", "draw", "time")
    sigma_y, sigma_level = np.moveaxis(np.exp(drawn["log_sds"]), -1, 0)
    y_next = rng.normal(drawn["level"][..., -1], np.hypot(sigma_y, sigma_level))
    posterior = {
        "sigma_y": (each, sigma_y),
        "sigma_level": (each, sigma_level),
        "filtered": (of_times, drawn["filtered"]),
        "level": (of_times, drawn["level"]),
        "y_next": (each, y_next),
    }
    groups = {
        "posterior": xr.Dataset(posterior),
        "posterior_predictive": xr.Dataset(
            {"y": (of_times, rng.normal(drawn["ahead"], sigma_y[..., None]))}
        ),
        "log_likelihood": xr.Dataset({"y": (of_times, drawn["log_lik"])}),
        "sample_stats": xr.Dataset({"acceptance_rate": (each, drawn["accepted"])}),
    }
    xr.DataTree.from_dict(groups).to_netcdf(arguments.output, engine="h5netcdf")


if __name__ == "__main__":
    main()
