"""The procedure of Hamiltonian samplers: where chains start, how long they run, what is mended."""

from __future__ import annotations

from stanchion.methods.hamiltonian import Hamiltonian
from stanchion.sampling.archive import Archive, attempts_of
from stanchion.sampling.fit import Fit
from stanchion.sampling.parts import Sampled
from stanchion.sampling.repair import sample_repaired
from stanchion.sampling.starts import starts_of


def hamiltonian(fit: Fit, method: Hamiltonian) -> Archive:
    """Sample a fit's chains; raises ChainError where one cannot be had."""
    return archive_of(sample_repaired(fit, method, starts_of(fit, method)))


def archive_of(sampled: Sampled) -> Archive:
    """Return the chains of a fit with all that was tried for them."""
    tried = (*sampled.starts.tried, *sampled.tried)
    attempts = attempts_of(sampled.method, tried, sampled.retries)
    return Archive([made.csv for made in sampled.made], attempts, sampled.others)
