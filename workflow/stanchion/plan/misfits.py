"""Methods that are declared for programs with which they cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanchion.config import Analysis, Project
from stanchion.errors import Fault
from stanchion.methods.method import Method, Misfit
from stanchion.stan.program import Program, Variable

_IS_PROGRAM = Misfit(
    "is a program, and only a conjugate model has an exact posterior",
    "use another method such as nuts, or declare `conjugate` in place of `program`",
)
_IS_CONJUGATE = Misfit(
    "is conjugate, and has no program that this method could run",
    "use `method: conjugate`, or declare a program",
)


def misfits(
    project: Project, programs: Mapping[str, Program], own_programs: Mapping[str, Program]
) -> Iterator[Fault]:
    """Yield a fault for each method of an analysis that refuses a program of it.

    `programs` are by model, `own_programs` by the path that a method declares.
    """
    for name, analysis in project.analyses.items():
        for model in analysis.models:
            for label, method in analysis.methods_of(model).items():
                key = ("analyses", name, "methods", label)
                own = None if programs[model].family else own_programs.get(method.own_program or "")
                program = own or programs[model]
                misfit = _misfit(method, program)
                if misfit is not None:
                    limited = "" if own else _or_limited(method, analysis, programs)
                    yield project.fault(
                        f"{method.own_program if own else project.models[model].title} "
                        f"{misfit.what}",
                        *(*key, *misfit.at),
                        value=misfit.at[-1] if misfit.at else method.method,
                        todo=misfit.todo + limited,
                    )
                elif method.draws_of is not None:
                    source = analysis.methods[method.draws_of]
                    drawn = own_programs.get(source.own_program or "", programs[model])
                    for what, todo in _unlike(program, drawn, method.draws_of):
                        path = method.own_program or project.models[model].program
                        yield project.fault(f"{path} {what}", *key, "program", todo=todo)


def _misfit(method: Method, program: Program) -> Misfit | None:
    if method.is_exact != bool(program.family):
        return _IS_PROGRAM if method.is_exact else _IS_CONJUGATE
    return method.misfit(program)


def _or_limited(method: Method, analysis: Analysis, programs: Mapping[str, Program]) -> str:
    """Return the way out that leaves the method to the models that it can fit."""
    fitted = [m for m in analysis.models if _misfit(method, programs[m]) is None]
    return f"; or limit it by `models: [{', '.join(fitted)}]`" if fitted else ""


def _unlike(program: Program, drawn: Program, source: str) -> Iterator[tuple[str, str]]:
    """Yield how the parameters of a program are not those that a source draws, and what to do."""
    known = {parameter.name: parameter for parameter in drawn.parameters}
    for parameter in program.parameters:
        other = known.get(parameter.name)
        if other is None:
            yield (
                f"declares a parameter `{parameter.name}` that {source} does not draw",
                f"declare parameters of {drawn.path} only ({', '.join(known)}), and compute the "
                "rest in the generated quantities",
            )
        elif _differ(parameter, other):
            yield (
                f"declares `{parameter.name}` as {_words(parameter)}, and {source} draws "
                f"{_words(other)}",
                f"declare it as {drawn.path} does",
            )


def _differ(one: Variable, other: Variable) -> bool:
    """Tell whether types differ, or sizes that are numbers; names are looked up when they run."""
    sizes = zip(one.sizes, other.sizes, strict=False)
    return (one.type, one.dimensions) != (other.type, other.dimensions) or any(
        a.isdecimal() and b.isdecimal() and a != b for a, b in sizes
    )


def _words(variable: Variable) -> str:
    sizes = f"[{', '.join(variable.sizes)}]" if variable.dimensions else ""
    return f"{variable.kind or variable.type}{sizes}"
