"""Chains in rounds: each samples the same chains for more draws."""

from __future__ import annotations

from stanchion.methods.hamiltonian import Hamiltonian
from stanchion.sampling.fit import Fit
from stanchion.sampling.parts import Sampled, Starts
from stanchion.sampling.rounds import sample_round


def sample_rounds(fit: Fit, method: Hamiltonian, starts: Starts, label: str = "") -> Sampled:
    """Sample the chains of a fit; `label` names these, where others of the fit were sampled."""
    return sample_round(fit, method, starts, label)
