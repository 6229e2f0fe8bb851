"""What `check` says of declared pictures: functions and arguments of arviz_plots, and variables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stanchion.config import Project
from stanchion.config.plots import VARIABLES, Plot
from stanchion.errors import Fault
from stanchion.pictures.declared import functions, keywords
from stanchion.schema.locations import Key, nearest
from stanchion.stan.program import Program


def plot_faults(project: Project, name: str, programs: Sequence[Program]) -> Iterator[Fault]:
    """Yield what is wrong with the pictures that an analysis of these programs declares."""
    known = functions()
    for position, plot in enumerate(project.analyses[name].plots):
        key = ("analyses", name, "plots", position)
        if plot.plot not in known:
            suggestion = nearest(plot.plot, known)
            yield project.fault(
                f"arviz_plots has no {plot.plot!r} whose first argument is a DataTree",
                *(*key, "plot"),
                value=plot.plot,
                allowed=", ".join(known),
                todo=f"write {suggestion}" if suggestion else "choose one of these",
            )
            continue
        yield from _arguments(project, plot, key)
        yield from _variables(project, plot, key, programs)


def _arguments(project: Project, plot: Plot, key: Key) -> Iterator[Fault]:
    taken, needed = keywords(plot.plot)
    for option in plot.options:
        if option not in taken:
            suggestion = nearest(option, taken)
            yield project.fault(
                f"{plot.plot} takes no {option!r} here",
                *(*key, option),
                allowed=", ".join(taken),
                todo=f"write {suggestion}" if suggestion else "remove it",
            )
    for option in needed:
        if option not in plot.options:
            yield project.fault(f"{plot.plot} needs {option!r}", *key, todo=f"add {option}: …")


def _variables(
    project: Project, plot: Plot, key: Key, programs: Sequence[Program]
) -> Iterator[Fault]:
    """A picture is of variables that one of the programs has, all of them."""
    declared = [
        v.name for program in programs for block in program.variables().values() for v in block
    ]
    names = list(dict.fromkeys(declared))
    unknown = [variable for variable in plot.variables if variable not in names]
    for variable in unknown:
        suggestion = nearest(variable, names)
        yield project.fault(
            f"no program of this analysis has a variable {variable!r}",
            *(*key, VARIABLES),
            value=variable,
            allowed=", ".join(names),
            todo=f"write {suggestion}" if suggestion else "correct or remove it",
        )
    if not unknown and not any(all(map(p.has, plot.variables)) for p in programs):
        yield project.fault(
            f"no program of this analysis has all of {', '.join(plot.variables)}, so that it would "
            "be drawn of no fit",
            *(*key, VARIABLES),
            todo="declare a picture of each model's variables",
        )
