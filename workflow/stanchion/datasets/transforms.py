"""A column after its transform, by the constants that new rows are transformed by too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.config.transforms import TRANSFORMS
from stanchion.datasets.faults import at_rows
from stanchion.datasets.rules import Rule, Series
from stanchion.errors import Fault

Constants = Mapping[str, Any]
"""The transform's `kind`, and the constants that the fitted rows settled."""


@dataclass(frozen=True)
class Transformed:
    """A column's values after its transform, unless there are faults."""

    values: NDArray[np.float64]
    constants: Constants
    faults: list[Fault]


def transform(
    rule: Rule, series: Series, location: Callable[[int], str], fixed: Constants | None
) -> Transformed:
    """Return a transformed column; the constants are `fixed` where other rows settled them."""
    name, key = str(rule.transform), f"{rule.key}.transform"
    by = TRANSFORMS[name]
    values = series.values.to_numpy(dtype=np.float64)
    outside = np.flatnonzero(~by.domain(values)).tolist() if by.domain else []
    if outside:

        def fault(row: int) -> Fault:
            value = values.item(row)
            what = f"column `{rule.name}` holds {value!r}, which has no {by.lacks}"
            return Fault(what, where=location(row), key=key, value=value, allowed=by.allowed)

        return Transformed(values, {}, at_rows(outside, fault))
    constants = fixed or {"kind": name, **by.constants(values)}
    if constants.get("scale") == 0:
        what = f"column `{rule.name}` has the same value in every row: it cannot be standardized"
        return Transformed(values, {}, [Fault(what, key=key, todo="use `center`, or none")])
    return Transformed(by.apply(values, constants), constants, [])
