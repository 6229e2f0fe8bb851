"""Whether models are fitted to the same outcome: their log densities compare only then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.system.hashes import content_hash


@dataclass(frozen=True)
class Outcomes:
    """What of a model's data may be its outcome, by name: its dimensions, and a digest."""

    digests: Mapping[str, tuple[int, str]]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Outcomes:
        """Take every variable of numbers."""
        digests = {name: _digest(value) for name, value in data.items()}
        return cls({name: digest for name, digest in digests.items() if digest is not None})


def differences(first: Outcomes, other: Outcomes, observed: str | None) -> Iterator[str]:
    """Say which outcomes of two models differ.

    Without `observed` these are the scalars and vectors that both have. A matrix is no outcome
    unless it is named: it is most likely of predictors.
    """
    if observed is not None:
        if first.digests.get(observed, "none") != other.digests.get(observed, "none"):
            yield f"their {observed} differs"
        return
    for name in sorted(first.digests.keys() & other.digests.keys()):
        (rank, digest), (rank_of_other, digest_of_other) = first.digests[name], other.digests[name]
        if digest != digest_of_other and max(rank, rank_of_other) <= 1:
            yield f"their {name} differs"


def _digest(value: Any) -> tuple[int, str] | None:
    """Return dimensions and digest of numbers, None of others; Stan's JSON has "NaN" as text."""
    try:
        numbers: NDArray[np.float64] = np.asarray(value, dtype=np.float64) + 0.0
    except (TypeError, ValueError):
        return None
    return numbers.ndim, content_hash(f"{numbers.shape}".encode() + numbers.tobytes())
