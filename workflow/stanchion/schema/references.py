"""Names of other datasets in the expressions of `stan:`; `datasets.expressions` reads the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass

_OTHER = re.compile(r"\s*(?P<dataset>[A-Za-z][A-Za-z0-9_-]*)\s*\.\s*[A-Za-z_]\w*\s*(?P<of>\(.*)?")


@dataclass(frozen=True)
class Reference:
    """An expression that names another dataset: `counties.uranium(county)`, `new.N`."""

    dataset: str
    is_call: bool


def reference(expression: object) -> Reference | None:
    """Return the dataset that an expression names, declared or not; None where it names none."""
    match = _OTHER.fullmatch(expression) if isinstance(expression, str) else None
    return Reference(match["dataset"], match["of"] is not None) if match is not None else None
