"""Methods that are declared for programs with which they cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanchion.config import Project
from stanchion.errors import Fault
from stanchion.stan.program import Program


def misfits(project: Project, programs: Mapping[str, Program]) -> Iterator[Fault]:
    """Yield a fault for each method of an analysis that refuses one of its programs."""
    for name, analysis in project.analyses.items():
        for label, method in analysis.methods.items():
            for model in analysis.models:
                misfit = method.misfit(programs[model])
                if misfit is not None:
                    yield project.fault(
                        f"{project.models[model].program} {misfit.what}",
                        *("analyses", name, "methods", label),
                        value=method.method,
                        todo=misfit.todo,
                    )
