"""Declarative, reproducible Bayesian analyses with Stan and Snakemake.

`stanchion.load` gives an analysis' results to Python.
"""

from __future__ import annotations

TYPE_CHECKING = False
"""As that of `typing`, whose import the client of every step would pay for."""
if TYPE_CHECKING:
    from stanchion.api import load as load

__all__ = ["load"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name == "load":
        from stanchion.api import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
