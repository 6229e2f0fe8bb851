"""The inverse metric that adaptation starts from, out of the draws of another fit."""

from __future__ import annotations

import json
import re
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stanchion.draws.attempts import Attempt
from stanchion.draws.files import Scalars, read_gated
from stanchion.draws.quantities import write_parameters
from stanchion.errors import ChainError
from stanchion.methods.hamiltonian import Hamiltonian
from stanchion.sampling.fit import Fit

Floats = NDArray[np.float64]
MOST_DRAWS = 1000
"""As many give a variance to 5 %; Stan's own last window of a warm-up of 1,000 has 450."""
_SHRINKAGE, _TOWARDS = 5.0, 1e-3
_INDICES = re.compile(r"\[([^\]]*)\]")


def metric_of(fit: Fit, method: Hamiltonian) -> tuple[Path, Attempt]:
    """Write the metric that the draws of the method's source give, and say how.

    Raises:
        CannotEvaluateError: the program's CmdStan is not Stanchion's own.
        ChainError: a draw is not finite, on the declared or on the unconstrained scale.
    """
    draws = read_gated(fit.job.path("source"))
    points = _unconstrained(fit, draws, str(method.source))
    dense = method.metric == "dense_e"
    metric = covariance(points) if dense else variances(points)
    path = fit.path("inverse_metric.json")
    path.write_text(json.dumps({"inv_metric": metric.tolist()}))
    form = "covariances" if dense else "variances"
    return path, Attempt(
        name=f"the metric of {method.source}",
        settings={},
        runs=(),
        gradients=None,
        passed=True,
        because=f"the adaptation starts from the {form} of {len(points)} of its draws on the "
        "unconstrained scale, whatever its checks say: they decide how soon the chains are "
        "adapted, and not what they converge to",
    )


def variances(points: Floats) -> Floats:
    """Return the variance of each column of `draw × parameter`, regularised as Stan does.

    n / (n + 5) s² + 5 / (n + 5) 10⁻³ for n draws (Stan Reference Manual, "Automatic parameter
    tuning"; stan/mcmc/var_adaptation.hpp).
    """
    size = len(points)
    return _shrunk(points.var(axis=0, ddof=1), np.ones(points.shape[1]), size)


def covariance(points: Floats) -> Floats:
    """Return the covariance matrix of `draw × parameter`, regularised likewise."""
    matrix = np.atleast_2d(np.cov(points, rowvar=False, ddof=1))
    return _shrunk(matrix, np.eye(points.shape[1]), len(points))


def _shrunk(estimate: Floats, unit: Floats, size: int) -> Floats:
    return (size * estimate + _SHRINKAGE * _TOWARDS * unit) / (size + _SHRINKAGE)


def _unconstrained(fit: Fit, draws: Scalars, source: str) -> Floats:
    """Return the draws of the parameters on the unconstrained scale, evenly thinned."""
    sampled = [i for v in draws.variables if v.sampled for i in range(v.start, v.stop)]
    rows = draws.values.reshape(-1, draws.values.shape[2])[:, sampled]
    if not np.isfinite(rows).all():
        raise _not_finite(source, "its draws")
    path = fit.path("source.csv")
    names = [stan_name(draws.names[index]) for index in sampled]
    write_parameters(names, rows[:: ceil(len(rows) / MOST_DRAWS)], path)
    points = fit.evaluate(path).unconstrained
    if not np.isfinite(points).all() or len(points) < 2:
        raise _not_finite(source, "its draws on the unconstrained scale")
    return points


def stan_name(scalar: str) -> str:
    """Return the name in a Stan CSV of a scalar: `x.1:2.3` of `x[1].2[3]`."""
    slots = scalar.replace(".", ":")
    return _INDICES.sub(lambda match: "." + match[1].replace(",", "."), slots)


def _not_finite(source: str, what: str) -> ChainError:
    return ChainError(
        f"{source} gives no metric to start from: {what} are not finite",
        todo=f"look at the checks of {source}; remove metric_from, or name another method",
    )
