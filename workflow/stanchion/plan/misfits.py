"""Methods that are declared for programs with which they cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanchion.config import Analysis, Project
from stanchion.errors import Fault
from stanchion.methods.method import Method
from stanchion.stan.program import Program


def misfits(project: Project, programs: Mapping[str, Program]) -> Iterator[Fault]:
    """Yield a fault for each method of an analysis that refuses one of its programs."""
    for name, analysis in project.analyses.items():
        for model in analysis.models:
            for label, method in analysis.methods_of(model).items():
                misfit = method.misfit(programs[model])
                if misfit is not None:
                    yield project.fault(
                        f"{project.models[model].program} {misfit.what}",
                        *("analyses", name, "methods", label, *misfit.at),
                        value=misfit.at[-1] if misfit.at else method.method,
                        todo=misfit.todo + _or_limited(method, analysis, programs),
                    )


def _or_limited(method: Method, analysis: Analysis, programs: Mapping[str, Program]) -> str:
    """Return the way out that leaves the method to the models that it can fit."""
    fitted = [m for m in analysis.models if method.misfit(programs[m]) is None]
    return f"; or limit it by `models: [{', '.join(fitted)}]`" if fitted else ""
