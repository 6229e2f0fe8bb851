"""Keys: the fingerprint of a step, what its result depends on, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785

from stanchion.stan.states import without_draws
from stanchion.system.hashes import content_hash

SEED_LIMIT = 2**31
"""CmdStan takes seeds below 2³²; staying below 2³¹ suits every other program that may read one."""


def key_of(made_of: Mapping[str, object]) -> str:
    """Return the SHA-256 of the canonical JSON (RFC 8785) of what a step is made of."""
    return content_hash(rfc8785.dumps(made_of))  # type: ignore[arg-type]


def family_of(made_of: Mapping[str, Any], arguments: Mapping[str, Any], threads: int) -> str:
    """Return whose saved state a chain's is: its key but for the number of draws, with its threads.

    `made_of` is what its key is made of beside its arguments.
    """
    return key_of({**made_of, "arguments": without_draws(arguments), "threads": threads})


def seed_of(seed: int, *names: str) -> int:
    """Return a fit's seed: SHA-256 of the project's seed and the fit's names, below 2³¹."""
    digest = hashlib.sha256(rfc8785.dumps([seed, *names])).digest()
    return int.from_bytes(digest[:8], "big") % SEED_LIMIT
