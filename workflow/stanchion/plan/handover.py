"""A run's plan, kept for its jobs on other machines, which read it instead of working it out.

Were a node to look at the world for itself, then a declaration edited since, another CPU or the
date would give a job other keys than those it was sent for; and each job would hash all data.
"""

from __future__ import annotations

import gzip
import pickle
from contextlib import suppress

from stanchion import __version__
from stanchion.plan.model import Plan
from stanchion.provenance.runs import run_folder
from stanchion.system.temporaries import own_name

_NAME = "plan.pickle.gz"


def keep(plan: Plan) -> None:
    """Write a plan into its run's folder, in one rename."""
    path = run_folder() / _NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(own_name(f".{_NAME}"))
    with gzip.open(temporary, "wb", compresslevel=1) as file:
        pickle.dump((__version__, plan), file, pickle.HIGHEST_PROTOCOL)
    temporary.replace(path)


def handed_over() -> Plan | None:
    """Return the plan of the run that this process belongs to, or None where there is none."""
    with suppress(OSError, EOFError, AttributeError, ImportError, pickle.UnpicklingError):
        with gzip.open(run_folder() / _NAME, "rb") as file:
            version, plan = pickle.load(file)
        if version == __version__:
            return plan
    return None
