"""Methods that are declared for programs with which they cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanchion.config import Analysis, Project
from stanchion.errors import Fault
from stanchion.methods.method import Method, Misfit
from stanchion.stan.program import Program

_IS_PROGRAM = Misfit(
    "is a program, and only a conjugate model has an exact posterior",
    "use another method such as nuts, or declare `conjugate` in place of `program`",
)
_IS_CONJUGATE = Misfit(
    "is conjugate, and has no program that this method could run",
    "use `method: conjugate`, or declare a program",
)


def misfits(project: Project, programs: Mapping[str, Program]) -> Iterator[Fault]:
    """Yield a fault for each method of an analysis that refuses one of its programs."""
    for name, analysis in project.analyses.items():
        for model in analysis.models:
            for label, method in analysis.methods_of(model).items():
                misfit = _misfit(method, programs[model])
                if misfit is not None:
                    yield project.fault(
                        f"{project.models[model].title} {misfit.what}",
                        *("analyses", name, "methods", label, *misfit.at),
                        value=misfit.at[-1] if misfit.at else method.method,
                        todo=misfit.todo + _or_limited(method, analysis, programs),
                    )


def _misfit(method: Method, program: Program) -> Misfit | None:
    if method.is_exact != bool(program.family):
        return _IS_PROGRAM if method.is_exact else _IS_CONJUGATE
    return method.misfit(program)


def _or_limited(method: Method, analysis: Analysis, programs: Mapping[str, Program]) -> str:
    """Return the way out that leaves the method to the models that it can fit."""
    fitted = [m for m in analysis.models if _misfit(method, programs[m]) is None]
    return f"; or limit it by `models: [{', '.join(fitted)}]`" if fitted else ""
