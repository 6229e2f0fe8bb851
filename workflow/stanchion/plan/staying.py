"""Which steps of a plan were asked for, and which results stay after a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stanchion.errors import StanchionError
from stanchion.plan.catalogue import STEPS
from stanchion.plan.model import Plan, Step


def chosen_analyses(plan: Plan, analyses: Sequence[str]) -> list[str]:
    """Return the analyses asked for, all where none is, in the order of their declaration.

    Raises:
        StanchionError: one is not declared.
    """
    declared = list(plan.project.analyses)
    for name in analyses:
        if name not in declared:
            raise StanchionError(f"no analysis {name!r}", allowed=", ".join(declared))
    return [name for name in declared if not analyses or name in analyses]


def staying_steps(plan: Plan, analyses: Iterable[str] = ()) -> list[Step]:
    """Return the steps of these analyses, or of all, whose results stay after a run."""
    declared = plan.project.analyses
    chosen = set(analyses) or set(declared)
    return [
        step
        for step in plan
        if (analysis := step.wildcards.get("analysis")) in chosen
        and STEPS[step.rule].keep in (None, *declared[analysis].keep)
    ]


def targets(plan: Plan, analyses: Iterable[str] = ()) -> list[str]:
    """Return what a run makes: all results that stay, with the key files that prove them."""
    return [
        path
        for step in staying_steps(plan, analyses)
        for path in (*step.ruled_outputs.values(), step.key_file)
    ]
