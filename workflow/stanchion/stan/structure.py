"""What a program's canonical text says of its priors: flat, hierarchical, summed out.

It is read with care for silence: what is not certain from the text is not said. Imports the
standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from stanchion.stan.program import Program, Variable

_BLOCK = re.compile(r"^([a-z ]+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_STRING = re.compile(r'"[^"\n]*"')
_WORD = re.compile(r"[A-Za-z]\w*")
_SAMPLED = re.compile(r"^(?P<outcome>.+?) ~ (?P<family>\w+)\((?P<rest>.*)$", re.DOTALL)
_DENSITY = re.compile(r"\b(?P<family>\w+)_(?:lpdf|lupdf|lpmf|lupmf|lcdf|lccdf)\(")
_ASSIGNED = re.compile(r"(?<![<>=!])([-+*/.]*)=(?!=)")
_ELEMENT = re.compile(r"^(\w+)(?:\[[^\]]*\])?$")
_SUMMED = re.compile(r"\b(log_mix|log_sum_exp|hmm_marginal)\(")
_OPEN, _CLOSE = "([", ")]"
SCALE_IS_LAST = frozenset(
    {"normal", "student_t", "cauchy", "double_exponential", "logistic", "lognormal", "gumbel"}
    | {"multi_normal", "multi_normal_cholesky", "multi_student_t", "multi_student_t_cholesky"}
)
"""Distributions whose last argument is a scale, of which a centred form makes a funnel."""
COMPACT = frozenset({"simplex", "unit_vector", "corr_matrix", "cholesky_factor_corr"})
"""Kinds whose values are bounded by themselves: uniform over them is a proper prior."""


@dataclass(frozen=True)
class Density:
    """One term of the log density: what it is of, its distribution and the arguments."""

    statement: str
    outcome: str
    family: str
    arguments: tuple[str, ...]

    @property
    def outcome_name(self) -> str | None:
        """The variable, or the variable of the element, that it is of; None of an expression."""
        match = _ELEMENT.match(self.outcome)
        return match[1] if match else None


@dataclass(frozen=True)
class Centred:
    """A parameter whose prior's scale is made of other parameters, in the statement."""

    parameter: str
    scales: tuple[str, ...]
    statement: str


class Structure:
    """A program, asked for what its text says with certainty."""

    def __init__(self, program: Program) -> None:
        self.program = program
        text = _STRING.sub('""', program.canonical)
        self._blocks: Mapping[str, str] = dict(_BLOCK.findall(text))
        self._parameters = {variable.name: variable for variable in program.parameters}

    @cached_property
    def statements(self) -> tuple[str, ...]:
        """The statements of transformed parameters and model, and the heads of their blocks."""
        blocks = (self._blocks.get(name, "") for name in ("transformed parameters", "model"))
        return tuple(s for block in blocks for s in _simple_statements(block))

    @cached_property
    def densities(self) -> tuple[Density, ...]:
        """The terms of the log density whose distributions are Stan's own."""
        return tuple(
            density
            for statement in self.statements
            for density in _densities(statement)
            if not self._is_users(density.family)
        )

    @property
    def flat(self) -> tuple[Variable, ...]:
        """Parameters of which no term of the log density is.

        A parameter counts as having a prior wherever it, or what is made of it, stands for more
        than an argument of a distribution.
        """
        having = set[str]()
        for statement in self.statements:
            having |= self._of(self._weighed(statement))
        return tuple(v for v in self.program.parameters if v.name not in having)

    @property
    def centred(self) -> tuple[Centred, ...]:
        """Parameters whose prior's scale is another parameter.

        Not those whose scale is that of the data too, or that are declared with a multiplier: these
        have no funnel.
        """
        identified = self._scales_of_data()
        result = dict[str, Centred]()
        for density in self.densities:
            name = density.outcome_name
            if name is None or name not in self._parameters:
                continue
            if density.family not in SCALE_IS_LAST:
                continue
            scales = self._of(set(_WORD.findall(density.arguments[-1]))) - identified - {name}
            if scales and not self._has_multiplier(name):
                first = result.get(name, Centred(name, (), density.statement))
                together = tuple(sorted({*first.scales, *scales}))
                result[name] = replace(first, scales=together)
        return tuple(result.values())

    @property
    def summed_out(self) -> tuple[str, ...]:
        """Statements that add a sum over the states of a discrete unknown to the log density."""
        return tuple(s for s in self.statements if s.startswith("target +=") and _SUMMED.search(s))

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Data variables of which there is a density."""
        data = {variable.name for variable in self.program.data}
        named = (density.outcome_name for density in self.densities)
        return tuple(dict.fromkeys(name for name in named if name in data and name is not None))

    @property
    def transforms_nothing(self) -> bool:
        """Whether there is neither a function of the user's nor a transformed variable."""
        return self.has_no_functions and "transformed parameters" not in self._blocks

    @property
    def has_no_functions(self) -> bool:
        """Whether there is neither a function of the user's nor transformed data."""
        return not {"functions", "transformed data"} & set(self._blocks)

    def _is_users(self, family: str) -> bool:
        written = self._blocks.get("functions", "")
        return re.search(rf"\breal\s+{family}_(?:lpdf|lpmf)\s*\(", written) is not None

    def _has_multiplier(self, name: str) -> bool:
        block = self._blocks.get("parameters", "")
        return any(
            "multiplier" in statement and name in _WORD.findall(statement)
            for statement in block.split(";")
        )

    def _scales_of_data(self) -> set[str]:
        """Return the parameters in the scale of a density that is of no parameter."""
        return {
            name
            for density in self.densities
            if not self._of(set(_WORD.findall(density.outcome)))
            for argument in density.arguments
            for name in self._of(set(_WORD.findall(argument)))
        }

    def _weighed(self, statement: str) -> set[str]:
        """Return the names in a statement that may bear a prior: all but distributions' arguments.

        An assignment bears none by itself: what is made of it may.
        """
        sampled = _SAMPLED.match(statement)
        if sampled is not None:
            whole = statement if self._is_users(sampled["family"]) else sampled["outcome"]
            return set(_WORD.findall(whole))
        if statement.startswith("print("):
            return set()
        if "_lp(" in statement:
            return set(_WORD.findall(statement))
        if _assignment(statement) is not None:
            return set()
        return set(_WORD.findall(self._without_arguments(statement)))

    def _of(self, names: set[str]) -> set[str]:
        """Return the parameters among names and among what these are made of."""
        seen, waiting = set[str](), set(names)
        while waiting:
            name = waiting.pop()
            seen.add(name)
            waiting |= self._made_of.get(name, set()) - seen
        return seen & self._parameters.keys()

    @cached_property
    def _made_of(self) -> Mapping[str, set[str]]:
        """Names that each variable but the parameters is assigned from."""
        made = dict[str, set[str]]()
        for statement in self.statements:
            assigned = _assignment(statement)
            if assigned is None:
                continue
            left = set(_WORD.findall(statement[: assigned.start()])) - self._parameters.keys()
            right = set(_WORD.findall(self._without_arguments(statement)))
            for name in left:
                made.setdefault(name, set()).update(right)
        return made

    def _without_arguments(self, text: str) -> str:
        """Return a text without what stands behind the bar of Stan's own densities."""
        remaining, rest = "", text
        while match := _DENSITY.search(rest):
            inside, after = _bracketed(rest[match.end() - 1 :])
            outcome, bar, _ = inside.partition("|")
            users = self._is_users(match["family"]) or not bar
            remaining += f"{rest[: match.start()]} {inside if users else outcome} "
            rest = after
        return remaining + rest


def _simple_statements(block: str) -> Iterator[str]:
    """Yield the parts of a block between `;`, `{` and `}` outside of brackets, on one line each."""
    depth, begin = 0, 0
    for index, sign in enumerate(block):
        depth += (sign in _OPEN) - (sign in _CLOSE)
        if depth == 0 and sign in ";{}":
            if statement := " ".join(block[begin:index].split()):
                yield statement
            begin = index + 1


def _is_simple(statement: str) -> bool:
    """Tell whether it is no head of a loop or condition, whose names may decide anything."""
    return re.match(r"(?:else )?(?:if|while|for|else|profile)\b", statement) is None


def _assignment(statement: str) -> re.Match[str] | None:
    """Return where a statement assigns to a variable; None of one that adds to the density."""
    adds = statement.startswith(("target ", "jacobian "))
    return _ASSIGNED.search(statement) if _is_simple(statement) and not adds else None


def _densities(statement: str) -> Iterator[Density]:
    if not _is_simple(statement):
        return
    sampled = _SAMPLED.match(statement)
    if sampled is not None:
        inside, _ = _bracketed("(" + sampled["rest"])
        arguments = tuple(_split(inside))
        yield Density(statement, sampled["outcome"], sampled["family"], arguments or ("",))
        return
    rest = statement
    while match := _DENSITY.search(rest):
        inside, rest = _bracketed(rest[match.end() - 1 :])
        outcome, bar, behind = inside.partition("|")
        if bar and not match[0].endswith(("_lcdf(", "_lccdf(")):
            parts = tuple(_split(behind)) or ("",)
            yield Density(statement, outcome.strip(), match["family"], parts)


def _bracketed(text: str) -> tuple[str, str]:
    """Return what stands within the bracket that opens the text, and what follows it."""
    depth = 0
    for index, sign in enumerate(text):
        depth += (sign in _OPEN) - (sign in _CLOSE)
        if depth == 0:
            return text[1:index], text[index + 1 :]
    return text[1:], ""


def _split(inside: str) -> Iterator[str]:
    """Yield arguments, without the commas within brackets."""
    depth, begin = 0, 0
    for index, sign in enumerate(inside):
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0 and sign == ",":
            yield inside[begin:index].strip()
            begin = index + 1
    if inside[begin:].strip():
        yield inside[begin:].strip()
