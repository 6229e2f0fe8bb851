"""Declarative, reproducible Bayesian analyses with Stan and Snakemake.

`stanchion.load` gives an analysis' results to Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stanchion.api import load as load

__all__ = ["load"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name == "load":
        from stanchion.api import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
