"""Every procedure: how a fit is sampled that takes more than one command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stanchion.sampling.archive import Archive
from stanchion.sampling.auto import auto
from stanchion.sampling.expanding import expanding
from stanchion.sampling.fit import Fit
from stanchion.sampling.hamiltonian import hamiltonian
from stanchion.sampling.optimising import optimising
from stanchion.sampling.script import script

PROCEDURES: Mapping[str, Callable[[Fit, Any], Archive]] = {
    "hamiltonian": hamiltonian,
    "auto": auto,
    "optimising": optimising,
    "expanding": expanding,
    "script": script,
}
"""By the name that a method gives as its `procedure`: each takes the fit and the method."""
