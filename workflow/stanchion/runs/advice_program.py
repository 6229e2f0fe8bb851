"""What a program and its data say for themselves: size, priors, hierarchy, families."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from stanchion.runs.advised_family import same_family
from stanchion.runs.measured import (
    EXACT,
    FAMILIES,
    HIERARCHIES,
    LABELS,
    MIXTURE,
    NON_CENTRED,
    Cell,
    Measured,
)
from stanchion.stan.program import Program, Variable
from stanchion.stan.structure import COMPACT, Centred, Structure
from stanchion.system.sentences import counted, listed

_PLAIN = frozenset(
    {"real", "vector", "row_vector", "matrix", "ordered", "positive_ordered", "simplex"}
)
_TERM = re.compile(r"(\w+)(?: ([-+]) (\d+))?")


@dataclass(frozen=True)
class Advice:
    """A few sentences on one matter, with the checks that catch it in a run."""

    topic: str
    text: str
    checks: tuple[str, ...] = ()
    measured: tuple[Measured | Cell, ...] = ()


def program_advice(
    program: Program,
    data: Mapping[str, Any],
    mapping: Mapping[str, Any],
    *,
    observed: str | None,
    means_no_priors: bool,
) -> Iterator[Advice]:
    """Yield what program and data say with certainty.

    `observed` is the outcome that the analysis declares; `means_no_priors` says that the model
    declares to have none.
    """
    structure = Structure(program)
    yield from _size(structure, data, observed)
    yield from _summed_out(structure)
    yield from _family(program, data, mapping)
    yield from (_centred(program, centred) for centred in structure.centred)
    if not means_no_priors:
        yield from _flat(structure, data)


def _size(structure: Structure, data: Mapping[str, Any], observed: str | None) -> Iterator[Advice]:
    numbers = [_free(variable, data) for variable in structure.program.parameters]
    if not numbers or any(number is None for number in numbers):
        return
    parameters = counted(sum(n for n in numbers if n is not None), "parameter")
    outcomes = structure.outcomes if observed is None else (observed,)
    rows = _count(data.get(outcomes[0])) if len(outcomes) == 1 else None
    if rows is None:
        yield Advice("size", f"{parameters}.")
    else:
        yield Advice("size", f"{parameters}, {counted(rows, 'observation')} of {outcomes[0]}.")


def _free(variable: Variable, data: Mapping[str, Any]) -> int | None:
    """Return how many numbers of a parameter are free; None where that is not known here."""
    if variable.kind not in _PLAIN:
        return None
    sizes = [_number(size, data) for size in variable.sizes]
    if any(size is None for size in sizes):
        return None
    known = [size for size in sizes if size is not None]
    if variable.kind == "simplex":
        known[-1] -= 1
    return prod(known)


def _number(size: str, data: Mapping[str, Any]) -> int | None:
    """Return a size such as `3`, `J` or `K - 1`."""
    match = _TERM.fullmatch(size)
    if match is None:
        return None
    first = int(match[1]) if match[1].isdecimal() else data.get(match[1])
    if type(first) is not int:
        return None
    return first + int(f"{match[2]}{match[3]}") if match[2] else first


def _count(value: Any) -> int | None:
    """Return the number of values of an array or nested list, None of what is missing."""
    if isinstance(value, list):
        counts = [_count(part) for part in value]
        return None if None in counts else sum(c for c in counts if c is not None)
    if hasattr(value, "size"):
        return int(value.size)
    return 1 if isinstance(value, int | float) else None


def _summed_out(structure: Structure) -> Iterator[Advice]:
    ordered, exact, unordered = LABELS
    for statement in structure.summed_out[:1]:
        yield Advice(
            "discrete",
            f"`{_short(statement)}` sums out a discrete unknown, as Stan needs it: "
            f"{MIXTURE.words}. States that can change their names give several modes, in which "
            f"chains disagree: in the gallery {ordered.text} with states in order, where "
            f"{exact.text} is exact, and {unordered.text} without ({exact.page}).",
            ("rhat",),
            (MIXTURE, *LABELS),
        )


def _family(
    program: Program, data: Mapping[str, Any], mapping: Mapping[str, Any]
) -> Iterator[Advice]:
    family = same_family(program, data, mapping)
    if family is None:
        return
    sampled, exact = FAMILIES[family.removeprefix("{family: ").partition(",")[0]]
    yield Advice(
        "conjugate",
        f"The same model is the family `conjugate: {family}`, whose posterior is known: no "
        f"compiling and no Monte Carlo error, where {EXACT.words}. In the gallery NUTS "
        f"gave {sampled.text} for {exact.text} ({exact.page}).",
        (),
        (EXACT, sampled, exact),
    )


def _centred(program: Program, centred: Centred) -> Advice:
    scale = listed(centred.scales)
    many, many_other, few, few_other = HIERARCHIES
    return Advice(
        "centred",
        f"The scale of the prior of {centred.parameter} is made of {scale}, in "
        f"{_place(program, centred.statement)}: the centred form. Where the data say little of "
        f"{centred.parameter}, that is a funnel, whose neck NUTS does not enter. The non-centred "
        f"form (`std_normal()` times the scale) has none: {NON_CENTRED.words}. Of persons with "
        f"three rows the centred form had {few.text} divergences in the gallery, the other "
        f"{few_other.text}; of persons with ten it gave {many.text} draws' worth of 1,000 leapfrog "
        f"steps, the other {many_other.text} ({many.page}).",
        ("divergences", "ebfmi", "rhat", "ess_bulk", "ess_tail"),
        (NON_CENTRED, *HIERARCHIES),
    )


def _place(program: Program, statement: str) -> str:
    """Return the statement, with file and line where one line of the program is the statement."""
    try:
        lines = Path(program.path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    sought = _squeezed(f"{statement};")
    matches = [n for n, line in enumerate(lines, 1) if _squeezed(line.split("//")[0]) == sought]
    where = f"{program.path}:{matches[0]}, " if len(matches) == 1 else ""
    return f"{where}`{_short(statement)}`"


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _short(statement: str, most: int = 80) -> str:
    return statement if len(statement) <= most else f"{statement[: most - 1]}…"


def _flat(structure: Structure, data: Mapping[str, Any]) -> Iterator[Advice]:
    flat = [v for v in structure.flat if _free(v, data) != 0]
    bounded = [v.name for v in flat if _is_bounded(v)]
    open_ended = [v.name for v in flat if not _is_bounded(v)]
    if open_ended:
        have, are = ("has", "is") if len(open_ended) == 1 else ("have", "are")
        yield Advice(
            "flat",
            f"{listed(open_ended)} {have} no prior statement, and {are} not bounded on both sides: "
            "the prior is flat and improper, and so may the posterior be. It has no prior "
            "predictive draws, and no marginal likelihood.",
            ("extent", "rhat", "constant"),
        )
    if bounded:
        have = "has" if len(bounded) == 1 else "have"
        yield Advice(
            "uniform",
            f"{listed(bounded)} {have} no prior statement: the prior is uniform within the "
            "bounds, on the scale that they are declared on.",
        )


def _is_bounded(variable: Variable) -> bool:
    bounds = (variable.lower, variable.upper)
    return variable.kind in COMPACT or (all(bounds) and not any("infinity" in b for b in bounds))
