"""A program's data as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.draws.naming import Naming


def data_arrays(data: Mapping[str, Any], naming: Naming) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield data as arrays, in declared order, then what the program does not declare.

    Stan's JSON has "NaN" and "Infinity" as text; tuples stay out.
    """
    for name in dict.fromkeys((*(name for name in naming.data if name in data), *data)):
        values = np.asarray(data[name])
        if values.dtype.kind == "U":
            values = values.astype(np.float64)
        if values.dtype != object:
            yield name, values
