"""How well a Hamiltonian sampler explores the energy."""

from __future__ import annotations

import numpy as np
from arviz_stats.base import array_stats
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def ebfmi(energy: Floats) -> Floats:
    """Return the energy Bayesian fraction of missing information of each chain (`chain × draw`).

    Betancourt 2016, arXiv:1604.00695; NaN where the energy does not vary or is no number.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return array_stats.bfmi(energy)
