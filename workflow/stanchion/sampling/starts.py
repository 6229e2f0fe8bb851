"""Where the chains of a fit start."""

from __future__ import annotations

from stanchion.methods.hamiltonian import Hamiltonian
from stanchion.sampling.fit import Fit
from stanchion.sampling.parts import Starts


def starts_of(fit: Fit, method: Hamiltonian) -> Starts:
    """Return where the chains start: at the declared number, or at what the declared file holds."""
    declared = fit.job.path("init") if "init" in fit.job.inputs else None
    return Starts(inits=(declared,) * method.chains, metrics=(None,) * method.chains)
