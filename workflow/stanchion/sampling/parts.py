"""What the parts of a procedure of Markov chains hand to one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stanchion.draws.attempts import Attempt
from stanchion.methods.hamiltonian import Hamiltonian
from stanchion.sampling.fit import Made


@dataclass(frozen=True, kw_only=True)
class Starts:
    """Where the chains start, an entry a chain, and what was run to know it."""

    inits: tuple[Path | None, ...]
    """Files of initial values; None where the method's own `init` says."""
    metrics: tuple[Path | None, ...]
    """Files of the inverse metric that the adaptation starts from."""
    seeds: Mapping[int, int] = field(default_factory=dict)
    """Seeds that are not the fit's, by the chain's number: of chains that were started anew."""
    restarts: int = 0
    """How often chains that were stuck have been started anew."""
    tried: tuple[Attempt, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """The chains of a fit, one a number from 1, and how it came to them."""

    made: Sequence[Made]
    method: Hamiltonian
    """With the settings that the chains were sampled with."""
    starts: Starts
    """Where they did start: for more draws of the same chains, and for the next refit."""
    tried: tuple[Attempt, ...]
    """Of the chains, without those of the starts; the last one gave these chains."""
    retries: tuple[str, ...] = ()
    """Each failure that was gone over."""
    others: Mapping[str, Path] = field(default_factory=dict)
    """Stan CSVs of chains that were given up, by the name of their file."""
