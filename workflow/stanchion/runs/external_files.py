"""Whether files of draws hold what the programs and the declaration say of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stanchion.datasets.stan_json import pieces
from stanchion.errors import ChainError, DataError, Fault
from stanchion.plan.argument_json import read_arguments
from stanchion.plan.arguments import CollectDraws
from stanchion.plan.model import Plan, Step
from stanchion.sampling.external import external_draws


def external_faults(plan: Plan, data_of: Callable[[Step], Mapping[str, Any]]) -> Iterator[Fault]:
    """Yield a fault for each fit whose file of draws is not one of its model's program.

    `data_of` makes a program's data; where that fails, the fault is another's to tell.
    """
    for fit in plan.fits:
        method = plan.project.analyses[fit.analysis].methods[fit.method]
        if not method.drawn_files:
            continue
        step = plan.of(fit, "collect_draws")
        source = next(s for s in step.upstream if step.inputs["data"] in s.outputs.values())
        arguments = read_arguments(CollectDraws, {**step.arguments, **step.unkeyed}, fit.name)
        try:
            values = json.loads("".join(pieces(data_of(source))))
            paths = [Path(path) for path in method.drawn_files]
            external_draws(paths, method, arguments.variables, values, {"sizes": {}})
        except DataError:
            continue
        except ChainError as error:
            fault = error.faults[0]
            yield plan.project.fault(
                f"{fault.where or ', '.join(method.drawn_files)}: {fault.what}",
                *("analyses", fit.analysis, "methods", fit.method, "file"),
                allowed=fault.allowed,
                todo=fault.todo,
            )
