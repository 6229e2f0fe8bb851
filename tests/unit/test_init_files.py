"""Init files: `check` holds them to the parameters that they are to start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stanchion.config import load
from stanchion.errors import DeclarationError, Fault
from stanchion.plan.model import Facts
from stanchion.plan.planner import make_plan
from stanchion.runs.check import check_plan
from stanchion.stan.program import Program, Variable
from stanchion.system.hashes import file_hash

DECLARED = """\
datasets: {d: {path: DIR/d.json}}
models: {m: {program: m.stan}}
analyses:
  a:
    datasets: [d]
    models: [m]
    methods: {nuts: {init: DIR/init.json}, advi: {}}
"""
PROGRAM = Program(
    "m.stan",
    "",
    includes=(),
    data=(Variable("K", "int", 0, ()),),
    parameters=(
        Variable("mu", "real", 0, ()),
        Variable("sigma", "real", 0, (), lower="0"),
        Variable("beta", "vector", 1, ("K",), upper="mu"),
    ),
    transformed_parameters=(),
    generated_quantities=(),
)


SHARES = Variable("shares", "vector", 1, ("K",), kind="simplex")
CUTS = Variable("cuts", "vector", 1, ("K",), kind="ordered")
OF_KINDS = replace(PROGRAM, parameters=(SHARES, CUTS))


def refusals(folder: Path, init: str, program: Program = PROGRAM) -> list[Fault]:
    """Return what `check` says of an init file; data have K = 2."""
    (folder / "d.json").write_text('{"K": 2}')
    (folder / "init.json").write_text(init)
    (folder / "config.yaml").write_text(DECLARED.replace("DIR", str(folder)))
    project = load(folder / "config.yaml")
    files = {str(folder / name): file_hash(folder / name) for name in ("d.json", "init.json")}
    facts = Facts({"m": program}, files, {"m": {"cpu": "x86-64"}}, toolchain={}, waivers={})
    try:
        check_plan(make_plan(project, facts))
    except DeclarationError as error:
        return list(error.faults)
    return []


@pytest.mark.parametrize(
    ("init", "what", "allowed"),
    [
        ('{"mu": 1, "sigma": 1}', "there is no value for the parameter `beta`", "vector, 1"),
        ('{"mu": 1, "sigma": -1, "beta": [0, 0]}', "`sigma` holds -1", "at least 0"),
        ('{"mu": 1, "sigma": 1, "beta": [0, 3]}', "`beta` holds 3 at beta[2]", "at most mu = 1"),
        ('{"mu": 1, "sigma": 1, "beta": [0]}', "`beta` has 1 values, and K is 2", "vector, 1"),
        (
            '{"mu": 1, "sigma": 0, "beta": [0, 0]}',
            "`sigma` holds 0, the bound itself, where no chain can start",
            "more than 0, by the program",
        ),
        (
            '{"mu": 1, "sigma": 1, "beta": [0, 1]}',
            "`beta` holds 1 at beta[2], the bound itself",
            "less than mu = 1",
        ),
        ('{"mu": NaN, "sigma": 1, "beta": [0, 0]}', "`mu` holds a number that is not finite", "n"),
        (
            f'{{"mu": 1{"0" * 309}, "sigma": 1, "beta": [0, 0]}}',
            "`mu` holds a number that is not finite",
            "n",
        ),
        ('{"mu": "a", "sigma": 1, "beta": [0, 0]}', "`mu` holds 'a', which is no number", "real"),
        ('{"mu": 1,\n"sigma": 1', "line 2: Expecting ',' delimiter", None),
        ("[1, 2]", "holds no JSON object", '{"N": 3'),
    ],
)
def test_a_file_that_starts_no_chain_is_one_fault(
    tmp_path: Path, init: str, what: str, allowed: str | None
) -> None:
    """It names the declaration's line, the file, the parameter and what is allowed."""
    (refusal,) = refusals(tmp_path, init)
    assert refusal.where == f"{tmp_path}/config.yaml:7"
    assert refusal.key == "analyses.a.methods.nuts.init"
    assert refusal.what.startswith(f"{tmp_path}/init.json: {what}")
    assert (refusal.allowed or "").startswith(allowed or "")
    assert refusal.todo


def test_a_file_may_hold_more_than_the_parameters(tmp_path: Path) -> None:
    """As data may: one file can serve several programs."""
    assert refusals(tmp_path, '{"mu": 1, "sigma": 0.5, "beta": [0, 0.5], "tau": -3}') == []


@pytest.mark.parametrize(
    ("init", "what"),
    [
        ('{"shares": [0.5, 0.6], "cuts": [1, 2]}', "`shares` is declared simplex and is none"),
        ('{"shares": [1.5, -0.5], "cuts": [1, 2]}', "`shares` is declared simplex and is none"),
        ('{"shares": [1.0, 0.0], "cuts": [1, 2]}', "`shares` is declared simplex and is none"),
        ('{"shares": [0.5, 0.5], "cuts": [2, 2]}', "`cuts` is declared ordered and is none"),
        ('{"shares": [0.5, 0.5], "cuts": [-1, 2]}', None),
    ],
)
def test_vectors_are_of_their_kind(tmp_path: Path, init: str, what: str | None) -> None:
    """What a simplex and an ordered vector ask for beyond bounds is looked at, too."""
    words = [fault.what for fault in refusals(tmp_path, init, OF_KINDS)]
    assert words == ([] if what is None else [f"{tmp_path}/init.json: {what}"])
