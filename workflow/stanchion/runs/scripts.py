"""What can be said of a person's own scripts without running them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stanchion.errors import DataError, Fault
from stanchion.plan.catalogue import STEPS
from stanchion.plan.model import Plan, Step
from stanchion.plan.settling import is_current
from stanchion.plan.staying import staying_steps
from stanchion.provenance.stamps import Content, contents
from stanchion.sampling.installed import MAKE_PYTHON, NO_PYTHON
from stanchion.system.interpreters import interpreter

_MAKES = "make_table"


def unmade(step: Step) -> list[Step]:
    """Return the steps before this one whose tables are not there, as they are to be made."""
    return [made for made in step.upstream if made.rule == _MAKES and not is_current(made)]


def made_tables(step: Step) -> tuple[Content, ...]:
    """Return what the tables hold that were made for a step; none where they are not made."""
    if unmade(step):
        return ()
    made = [before for before in step.upstream if before.rule == _MAKES]
    return tuple(contents(before.outputs, before.stamps)["table"] for before in made)


def require_made(step: Step) -> None:
    """Require the tables that a step reads to be made.

    Raises:
        DataError: one is not.
    """
    for made in unmade(step):
        raise DataError(
            f"the table of dataset {made.wildcards['dataset']} is not made yet: "
            f"{made.arguments['script']} makes it in a run",
            where=made.outputs["table"],
            todo="run first",
        )


def table_notes(plan: Plan) -> Iterator[str]:
    """Yield a sentence for each dataset whose table is not made yet."""
    steps = {s.wildcards["dataset"]: s for s in plan if s.rule == _MAKES and not is_current(s)}
    for dataset, step in steps.items():
        yield (
            f"the table of dataset {dataset} is not made yet: {step.arguments['script']} makes it "
            "in a run, which then checks its columns and rows"
        )


def python_faults(plan: Plan) -> Iterator[Fault]:
    """Yield a fault for each declared Python that is not there and is to run a script."""
    for key, python in dict(_pythons(plan)).items():
        if interpreter(python, Path()) is None:
            yield plan.project.fault(
                NO_PYTHON,
                *key,
                value=python,
                allowed="the path of a Python, from the project's folder, or a name on the PATH",
                todo=f"{MAKE_PYTHON}; without `python:` the script runs with Stanchion's own",
            )


def _pythons(plan: Plan) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield key and Python of each script that has no current result."""
    for step in plan:
        python = step.unkeyed.get("interpreter")
        if python is None or is_current(step) or _is_used(plan, step):
            continue
        if step.rule == _MAKES:
            yield ("datasets", step.wildcards["dataset"], "python"), str(python)
        else:
            analysis, method = step.wildcards["analysis"], step.wildcards["method"]
            yield ("analyses", analysis, "methods", method, "python"), str(python)


def _is_used(plan: Plan, step: Step) -> bool:
    """Tell whether what does not stay of a step is gone and what was made of it is current."""
    if STEPS[step.rule].keep is None or any(step is stays for stays in staying_steps(plan)):
        return False
    return all(is_current(after) for after in plan if any(step is s for s in after.upstream))
