"""Every method that can be declared: its name, and the file that says all of it."""

from __future__ import annotations

from collections.abc import Mapping

from stanchion.errors import StepError
from stanchion.methods.advi import Advi
from stanchion.methods.auto import Auto
from stanchion.methods.conjugate import Conjugate
from stanchion.methods.draws import Draws
from stanchion.methods.fixed_param import FixedParam
from stanchion.methods.gq import Gq
from stanchion.methods.hmc import Hmc
from stanchion.methods.laplace import Laplace
from stanchion.methods.method import Method
from stanchion.methods.nuts import Nuts
from stanchion.methods.optimize import Optimize
from stanchion.methods.pathfinder import Pathfinder
from stanchion.methods.script import Script

METHODS: Mapping[str, type[Method]] = {
    "nuts": Nuts,
    "hmc": Hmc,
    "advi": Advi,
    "pathfinder": Pathfinder,
    "laplace": Laplace,
    "optimize": Optimize,
    "fixed_param": FixedParam,
    "conjugate": Conjugate,
    "auto": Auto,
    "gq": Gq,
    "script": Script,
    "draws": Draws,
}


def method_of(name: str, version: int) -> type[Method]:
    """Return the method that a job names.

    Raises:
        StepError: the job was planned with another version of it, as before an installation.
    """
    if METHODS[name].version != version:
        raise StepError(
            f"another version of Stanchion has planned this run, whose {name} may differ",
            todo="run again",
        )
    return METHODS[name]
