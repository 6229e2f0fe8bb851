"""The procedure of `optimize`: the highest of the modes that several starts reach."""

from __future__ import annotations

from pathlib import Path

from stanchion.draws.attempts import Attempts
from stanchion.draws.modes import FILE
from stanchion.methods.optimize import Optimize
from stanchion.sampling.archive import Archive
from stanchion.sampling.fit import Fit
from stanchion.sampling.modes import Search, search


def optimising(fit: Fit, method: Optimize) -> Archive:
    """Return the highest mode, the other ends, and the curvature; raises ChainError for none."""
    result = search(fit, method)
    attempts = Attempts(
        method=method.method,
        method_version=method.version,
        settings=method.settings,
        tried=result.tried,
    )
    result.modes.write(fit.path(FILE))
    others = others_of(result) | {FILE: fit.path(FILE)}
    return Archive([result.highest.made.csv], attempts, others)


def others_of(result: Search) -> dict[str, Path]:
    """Return the Stan CSVs of the starts, by their names in the archive."""
    return {end.made.run.file: end.made.csv for end in result.ends}
