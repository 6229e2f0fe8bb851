"""The conjugate family that is a program's model, where its text says so with certainty."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stanchion.stan.program import Program, Variable
from stanchion.stan.structure import Structure

_OUTCOME = r"(?P<outcome>[A-Za-z]\w*)"
_NUMBER = r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_VALUE = rf"({_NUMBER}|[A-Za-z]\w*)"
_SWITCH = "if (!prior_only)"
_GATHERED = ("real lprior = 0", "target += lprior")
"""Statements of a program that gathers its prior in `lprior`."""
_ADDED = re.compile(r"lprior \+= (\w+)_lpdf\((\w+) \| (.*)\)")


@dataclass(frozen=True)
class Form:
    """How a family is written in Stan: bounds of the parameter, prior and likelihood of it."""

    family: str
    lower: str
    upper: str
    prior: str
    """With the parameter as `PARAMETER`, and a group for each number of the prior."""
    likelihood: str
    """With the parameter, the outcome and further data."""
    names: tuple[str, str]
    """Of the numbers of the prior, in the family's declaration."""
    data: tuple[str, ...]
    """Of outcome and further data, in the family's declaration."""


_TRIALS = r"(?P<other>[A-Za-z]\w*)"
_KNOWN = rf"(?P<other>{_NUMBER}|[A-Za-z]\w*)"
FORMS = (
    Form(
        *("beta_bernoulli", "0", "1", rf"PARAMETER ~ beta\({_VALUE}, {_VALUE}\)"),
        rf"{_OUTCOME} ~ bernoulli\(PARAMETER\)",
        *(("a", "b"), ("outcome",)),
    ),
    Form(
        *("beta_binomial", "0", "1", rf"PARAMETER ~ beta\({_VALUE}, {_VALUE}\)"),
        rf"{_OUTCOME} ~ binomial\({_TRIALS}, PARAMETER\)",
        *(("a", "b"), ("successes", "trials")),
    ),
    Form(
        *("gamma_poisson", "0", "", rf"PARAMETER ~ gamma\({_VALUE}, {_VALUE}\)"),
        rf"{_OUTCOME} ~ poisson\(PARAMETER\)",
        *(("shape", "rate"), ("counts",)),
    ),
    Form(
        *("normal", "", "", rf"PARAMETER ~ normal\({_VALUE}, {_VALUE}\)"),
        rf"{_OUTCOME} ~ normal\(PARAMETER, {_KNOWN}\)",
        *(("mean", "sd"), ("y", "sd")),
    ),
)


def same_family(
    program: Program, data: Mapping[str, Any], mapping: Mapping[str, Any]
) -> str | None:
    """Return the declaration of the family that is the same model; None where that is not sure.

    `data` are those of the fit, for numbers of the prior that are data; `mapping` says what each
    data variable is made of.
    """
    if len(program.parameters) != 1:
        return None
    (parameter,) = program.parameters
    statements = [s for s in _stated(Structure(program)) if s != _SWITCH]
    if parameter.dimensions or parameter.kind != "real" or len(statements) != 2:
        return None
    declared = (_declared(form, parameter, statements, data, mapping) for form in FORMS)
    return next((family for family in declared if family is not None), None)


def _stated(structure: Structure) -> list[str]:
    """Return the statements of a program, `lprior` as what is added to it; none if it transforms.

    What is added to `lprior` is the prior where `target` takes it as a whole, and once.
    """
    if structure.transforms_nothing:
        return list(structure.statements)
    statements = list(structure.statements)
    names = [variable.name for variable in structure.program.transformed_parameters]
    gathers = all(statements.count(statement) == 1 for statement in _GATHERED)
    if names != ["lprior"] or not gathers or not structure.has_no_functions:
        return []
    rest = [statement for statement in statements if statement not in _GATHERED]
    return [_ADDED.sub(r"\2 ~ \1(\3)", statement) for statement in rest]


def _declared(
    form: Form,
    parameter: Variable,
    statements: list[str],
    data: Mapping[str, Any],
    mapping: Mapping[str, Any],
) -> str | None:
    if (parameter.lower, parameter.upper) != (form.lower, form.upper):
        return None
    prior, likelihood = (
        _one_of(pattern.replace("PARAMETER", parameter.name), statements)
        for pattern in (form.prior, form.likelihood)
    )
    if prior is None or likelihood is None:
        return None
    observed = [
        text if re.fullmatch(_NUMBER, text) else mapping.get(text)
        for text in likelihood.groupdict().values()
    ]
    if None in observed:
        return None
    numbers = [_number(text, data) for text in prior.groups()]
    if any(number is None for number in numbers):
        return None
    given = [f"{name}: {value}" for name, value in zip(form.data, observed, strict=True)]
    chosen = [f"{name}: {value:g}" for name, value in zip(form.names, numbers, strict=True)]
    return f"{{family: {form.family}, {', '.join(given)}, prior: {{{', '.join(chosen)}}}}}"


def _one_of(pattern: str, statements: list[str]) -> re.Match[str] | None:
    """Return the match of the statement that is of this form as a whole."""
    matches = (re.fullmatch(pattern, statement) for statement in statements)
    return next((match for match in matches if match is not None), None)


def _number(text: str, data: Mapping[str, Any]) -> float | None:
    """Return a number that is written, or that the data hold."""
    if re.fullmatch(_NUMBER, text):
        return float(text)
    value = data.get(text)
    return float(value) if isinstance(value, int | float) and type(value) is not bool else None
