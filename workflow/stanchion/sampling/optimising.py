"""The procedure of `optimize`: the highest of the modes that several starts reach."""

from __future__ import annotations

from pathlib import Path

from stanchion.draws.modes import FILE
from stanchion.methods.method import Method
from stanchion.methods.optimize import Optimize
from stanchion.sampling.archive import Archive, attempts_of
from stanchion.sampling.fit import Fit
from stanchion.sampling.modes import Search, search


def optimising(fit: Fit, method: Optimize) -> Archive:
    """Return the highest mode, the other ends, and the curvature; raises ChainError for none."""
    result = search(fit, method)
    return searched(fit, method, result, result.highest.made.csv)


def searched(fit: Fit, method: Method, result: Search, chain: Path) -> Archive:
    """Return the chain that a search has led to, with its modes and the Stan CSVs of its starts."""
    result.modes.write(fit.path(FILE))
    starts = {end.made.run.file: end.made.csv for end in result.ends}
    return Archive([chain], attempts_of(method, result.tried), {**starts, FILE: fit.path(FILE)})
