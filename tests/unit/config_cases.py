"""Declarations that the tests of the configuration share."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanchion.config import Project, load
from stanchion.errors import DeclarationError, Fault

EXAMPLE = """\
# yaml-language-server: $schema=schema.json
project: schools
seed: 20261121
about: {study: a, protocol: b, author: c}

datasets:
  schools:
    path: data/eight_schools.csv
    columns:
      effect: {type: real}
      se: {type: real, lower: 0}
    missing: error
    stan: {J: nrow(), y: effect, sigma: se}

models:
  partial: {program: stan/models/eight_schools.stan, parameters: [mu, tau, theta]}
  pooled: {program: stan/models/pooled_means.stan}

analyses:
  coaching:
    question: Does coaching raise scores, and by how much?
    datasets: [schools]
    models: [partial, pooled]
    methods:
      nuts: {chains: 4, warmup: 1000, draws: 1000, adapt_delta: 0.95}
      advi: {algorithm: meanfield, draws: 1000, on_fail: flag}
    prior_predictive: {draws: 1000}
    posterior_predictive: {observed: y, replicated: y_rep, statistics: [mean, sd, min, max]}
    checks: {on_fail: stop, rhat: 1.01, ess: 400}
    compare: {by: loo}
"""
"""The design's example: the contract for tests and tools."""

SMALLEST = """\
datasets: {d: {path: d.json}}
models: {m: {program: m.stan}}
analyses:
  a: {datasets: [d], models: [m], methods: {nuts: {}}}
"""


def changed(old: str, new: str, text: str = EXAMPLE) -> str:
    """Return a declaration with a piece replaced, which must be in it."""
    assert old in text
    return text.replace(old, new)


def declared(folder: Path, text: str, overrides: dict[str, object] | None = None) -> Project:
    """Load a declaration from a text."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, overrides)


def faults(folder: Path, text: str, overrides: dict[str, object] | None = None) -> list[Fault]:
    """Return the faults of a declaration that must be refused, `where` without the folder."""
    with pytest.raises(DeclarationError) as caught:
        declared(folder, text, overrides)
    assert all(fault.what for fault in caught.value.faults)
    return [
        Fault(
            fault.what,
            (fault.where or "").removeprefix(f"{folder}/"),
            fault.key,
            fault.value,
            fault.allowed,
            fault.todo,
        )
        for fault in caught.value.faults
    ]


def fault(folder: Path, text: str, overrides: dict[str, object] | None = None) -> Fault:
    """Return the one fault of a declaration that must be refused."""
    (messages,) = faults(folder, text, overrides)
    return messages


def line_of(piece: str, text: str = EXAMPLE) -> int:
    """Return the line that a piece of text stands in, from 1."""
    return next(i for i, line in enumerate(text.splitlines(), 1) if piece in line)
