"""How often the test of LOO-PIT warns for nothing, and how often it sees a wrong spread.

    .venv/bin/python benchmarks/loo_pit.py [--datasets 1000] [--seed 1]

Posteriors are conjugate, so their draws are exact and independent and no sampler is needed:
`normal` is y ~ Normal(mu, sigma) with sigma known, `bernoulli` and `poisson` are counts. `sigma` is
the model's standard deviation as a multiple of that of the data: 1 is calibrated, 2 and 0.5 are
wrong. For counts the data are changed instead, at the same mean: Binomial(8, 3/4) has half the
standard deviation of Poisson(6), a gamma mixture of Poissons (a negative binomial) twice.
`uniform` are independent uniform values in the place of LOO-PIT, of twenty times as many data sets.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from stanchion.stats.loo_pit import Pit, pit_of
from stanchion.stats.psis import leave_one_out
from stanchion.stats.uniformity import uniformity

Floats = NDArray[np.float64]
SIZES = (10, 40, 200)
SIGMAS = (1.0, 2.0, 0.5)
_CHAINS, _DRAWS = 4, 250
_MEAN = 6.0


@dataclass(frozen=True)
class Sampled:
    """Observations, their log likelihood and replications (`chain × draw × observation`)."""

    observed: Floats
    log_likelihood: Floats
    replicated: Floats
    discrete: bool

    def pit(self, seed: int) -> Pit:
        """Return LOO-PIT as the step makes it."""
        flat = self.replicated.reshape(-1, len(self.observed))
        weights = leave_one_out(self.log_likelihood)
        return pit_of(self.observed, flat, weights, discrete=self.discrete, seed=seed)


def normal(size: int, sigma: float, rng: np.random.Generator) -> Sampled:
    """Data of Normal(1, 1), a model with another sigma and the prior mu ~ Normal(0, 10)."""
    y = rng.normal(1, 1, size=size)
    precision = size / sigma**2 + 0.01
    mu = rng.normal(y.sum() / sigma**2 / precision, precision**-0.5, size=(_CHAINS, _DRAWS, 1))
    density = -0.5 * np.log(2 * np.pi * sigma**2) - 0.5 * ((y - mu) / sigma) ** 2
    return Sampled(y, density, rng.normal(mu, sigma, size=(_CHAINS, _DRAWS, size)), False)


def bernoulli(size: int, sigma: float, rng: np.random.Generator) -> Sampled:
    """Data of Bernoulli(0.3), the prior Beta(1, 1); their spread cannot be wrong."""
    y = rng.binomial(1, 0.3, size=size).astype(np.float64)
    p = rng.beta(1 + y.sum(), 1 + size - y.sum(), size=(_CHAINS, _DRAWS, 1))
    density = y * np.log(p) + (1 - y) * np.log1p(-p)
    replicated = rng.binomial(1, p, size=(_CHAINS, _DRAWS, size)).astype(np.float64)
    return Sampled(y, density, replicated, True)


def poisson(size: int, sigma: float, rng: np.random.Generator) -> Sampled:
    """Counts of mean 6, a Poisson model with the prior Gamma(0.6, 0.1) of its mean."""
    y = _counts(size, sigma, rng).astype(np.float64)
    mean = rng.gamma(0.6 + y.sum(), 1 / (0.1 + size), size=(_CHAINS, _DRAWS, 1))
    log_factorial = np.cumsum(np.log(np.maximum(np.arange(int(y.max()) + 1), 1)))
    density = y * np.log(mean) - mean - log_factorial[y.astype(np.intp)]
    replicated = rng.poisson(mean, size=(_CHAINS, _DRAWS, size)).astype(np.float64)
    return Sampled(y, density, replicated, True)


def _counts(size: int, sigma: float, rng: np.random.Generator) -> NDArray[np.int64]:
    if sigma == 2:
        return rng.binomial(8, 0.75, size=size)
    if sigma == 0.5:
        return rng.poisson(rng.gamma(2, _MEAN / 2, size=size))
    return rng.poisson(_MEAN, size=size)


Model = Callable[[int, float, np.random.Generator], Sampled]
MODELS: dict[str, tuple[Model, tuple[float, ...]]] = {
    "normal": (normal, SIGMAS),
    "bernoulli": (bernoulli, (1.0,)),
    "poisson": (poisson, SIGMAS),
}


def departs(model: Model, size: int, sigma: float, seed: int) -> bool:
    """Make a data set and its posterior, and tell whether LOO-PIT departs from uniformity."""
    sampled = model(size, sigma, np.random.default_rng([seed, size]))
    return not sampled.pit(seed).test.uniform


def uniform_departs(size: int, seed: int) -> bool:
    """Tell whether independent uniform values seem to depart from uniformity."""
    return not uniformity(np.random.default_rng([seed, size]).uniform(size=size)).uniform


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--datasets", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(
        f"share of {arguments.datasets} data sets whose LOO-PIT departs from uniformity (5 % level)"
    )
    print(f"{'data':10s} {'sigma':>5s}" + "".join(f"{f'N = {size}':>10s}" for size in SIZES))
    with get_context("fork").Pool(os.cpu_count()) as pool:

        def row(
            name: str, sigma: float, tests: list[Callable[[int], bool]], times: int = 1
        ) -> None:
            seeds = range(arguments.seed, arguments.seed + times * arguments.datasets)
            shares = [np.mean(pool.map(test, seeds, chunksize=10)) for test in tests]
            shown = "".join(f"{100 * share:8.1f} %" for share in shares)
            print(f"{name:10s} {sigma:5g}{shown}", flush=True)

        row("uniform", 1, [partial(uniform_departs, size) for size in SIZES], 20)
        for name, (model, sigmas) in MODELS.items():
            for sigma in sigmas:
                row(name, sigma, [partial(departs, model, size, sigma) for size in SIZES])


if __name__ == "__main__":
    main()
