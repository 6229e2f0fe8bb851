"""Names of other datasets in the expressions of `stan:`; `datasets.expressions` reads the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass

FUNCTIONS = frozenset({"nrow", "ncol", "nlevels", "index", "design"})
"""What may stand behind a dataset's name; any other call there is of one of its columns."""
_OTHER = re.compile(
    r"\s*(?P<dataset>[A-Za-z][A-Za-z0-9_-]*)\s*\.\s*(?P<name>[A-Za-z_]\w*)\s*(?P<of>\(.*)?"
)


@dataclass(frozen=True)
class Reference:
    """An expression that names another dataset: `counties.uranium(county)`, `new.N`."""

    dataset: str
    name: str
    is_call: bool

    @property
    def is_lookup(self) -> bool:
        """Whether it takes a column's values, and does not apply the mapping to the rows."""
        return self.is_call and self.name not in FUNCTIONS


def reference(expression: object) -> Reference | None:
    """Return the dataset that an expression names, declared or not; None where it names none."""
    match = _OTHER.fullmatch(expression) if isinstance(expression, str) else None
    if match is None:
        return None
    return Reference(match["dataset"], match["name"], match["of"] is not None)
