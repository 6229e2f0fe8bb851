"""Declared repair: what is sampled again, with other settings, where a round shows a fault."""

from __future__ import annotations

from stanchion.methods.hamiltonian import Hamiltonian
from stanchion.sampling.fit import Fit
from stanchion.sampling.parts import Sampled, Starts
from stanchion.sampling.until import sample_rounds


def sample_repaired(fit: Fit, method: Hamiltonian, starts: Starts) -> Sampled:
    """Sample the chains of a fit."""
    return sample_rounds(fit, method, starts)
