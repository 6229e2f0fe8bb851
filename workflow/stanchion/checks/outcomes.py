"""Whether models are fitted to the same outcome: their log densities compare only then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Outcomes:
    """What of a model's data may be its outcome, by name: its dimensions, and a digest."""

    found: Mapping[str, tuple[int, str]]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Outcomes:
        """Take every variable of numbers."""
        numbers = {name: _numbers(value) for name, value in data.items()}
        return cls({n: (v.ndim, _digest(v)) for n, v in numbers.items() if v is not None})


def differences(one: Outcomes, other: Outcomes, observed: str | None) -> Iterator[str]:
    """Say which outcomes of two models differ.

    Without `observed` these are the scalars and vectors that both have. A matrix is no outcome
    unless it is named: it is most likely of predictors.
    """
    if observed is not None:
        if one.found.get(observed, "none") != other.found.get(observed, "none"):
            yield f"their {observed} differs"
        return
    for name in sorted(one.found.keys() & other.found.keys()):
        (rank, digest), (rank_of_other, digest_of_other) = one.found[name], other.found[name]
        if digest != digest_of_other and max(rank, rank_of_other) <= 1:
            yield f"their {name} differs"


def _numbers(value: Any) -> NDArray[np.float64] | None:
    """Return numbers as an array, None where it holds others; Stan's JSON has "NaN" as text."""
    try:
        return np.asarray(value, dtype=np.float64) + 0.0
    except (TypeError, ValueError):
        return None


def _digest(values: NDArray[np.float64]) -> str:
    return sha256(f"{values.shape}".encode() + values.tobytes()).hexdigest()
