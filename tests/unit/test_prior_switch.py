"""Does `prior_only` do anything: log densities of prior draws, with the likelihood and without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stanchion.checks.catalogue import CHECKS
from stanchion.checks.gate import Check, Limit, judged
from stanchion.checks.switch import Switch
from stanchion.stan.prior_switch import DRAWS, densities
from stanchion.stan.process import ProgramFailedError, run_program
from stanchion.steps.prior import has_observations
from tests.unit.draws_cases import write_chains

PRIOR = (-(np.arange(20.0) ** 2)).tolist()


def switch_check(prior: Any, posterior: Any, *, observations: bool) -> Check:
    """Return the check of what `prior_only` does to these log densities."""
    effect = Switch(prior, posterior, observations).effect()
    return judged(CHECKS["prior_only"], effect, Limit(0))


def verdict(posterior: Any, *, prior: Any = PRIOR, observations: bool = True) -> str:
    return switch_check(prior, posterior, observations=observations).verdict


def test_a_switch_that_does_nothing_fails() -> None:
    """The same density, or another by a constant that the switch adds: the posterior's draws."""
    for constant in (0.0, 2.5, -1e6):
        result = switch_check(PRIOR, [p + constant for p in PRIOR], observations=True)
        assert result.verdict == "fail"


def test_a_switch_that_works_passes() -> None:
    """However little the data say: what varies by more than rounding is a likelihood."""
    rng = np.random.default_rng(1)
    for scale in (1.0, 1e-6):
        assert (
            verdict([p + scale * x for p, x in zip(PRIOR, rng.normal(size=20), strict=True)])
            == "pass"
        )


def test_a_likelihood_that_refuses_a_prior_draw_is_an_effect() -> None:
    """By a density of zero, or by an exception that leaves no numbers at all."""
    assert verdict([*PRIOR[1:], -np.inf]) == "pass"
    assert verdict(None) == "pass"


def test_what_cannot_be_computed_is_no_pass() -> None:
    """Where not even the prior's own density can be evaluated, nobody knows."""
    assert verdict(PRIOR, prior=None) == "warn"
    assert verdict(PRIOR, prior=[np.nan] * 20) == "warn"


def test_without_observations_both_are_the_same() -> None:
    """A likelihood of nothing is a constant: no fault of the program."""
    assert verdict(PRIOR, observations=False) == "pass"
    assert not has_observations({"N": 0, "y": [], "prior_only": 0}, "y")
    assert has_observations({"N": 0, "y": [], "x": [1]}, "x")
    assert not has_observations({"N": 0, "y": [], "x": [[]]}, None)
    assert has_observations({"trials": 9, "successes": 3}, None)


PROGRAM = """#!/usr/bin/env python3
import json, sys
told = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
points = told["constrained_params"]
files = [word[5:] for word in sys.argv[1:] if word.startswith("file=")]
switch = json.load(open(files[0]))["prior_only"]
if switch == 0 and {refuses}:
    sys.exit("Exception: reject")
rows = [line.strip().split(",") for line in open(points) if line[0] != "#"]
place = rows[0].index("mu")
with open(files[1], "w") as table:
    print("# method = log_prob", "lp__,g_mu", sep="\\n", file=table)
    for row in rows[1:]:
        print(float(row[place]) + 10 * switch, 0, sep=",", file=table)
"""


@pytest.fixture
def chains(tmp_path: Path) -> list[Path]:
    """Four chains whose draws of mu say where they stand."""
    return write_chains(tmp_path, [{"mu": 1000.0 * c + np.arange(250.0)} for c in range(4)])


def started(program: Path) -> Callable[[Sequence[str], str], object]:
    def run(arguments: Sequence[str], name: str) -> object:
        return run_program([str(program), *arguments], program.parent / "log", chain=name)

    return run


def test_twenty_draws_of_all_chains_are_evaluated(tmp_path: Path, chains: list[Path]) -> None:
    """The same draws with `prior_only` 1 and 0, evenly spaced over every chain."""
    program = tmp_path / "model"
    program.write_text(PROGRAM.format(refuses=False))
    program.chmod(0o755)
    result = densities(started(program), {"prior_only": 0}, chains, tmp_path)
    assert result.prior is not None and result.posterior is not None
    assert len(result.posterior) == DRAWS
    assert result.posterior == [1000 * c + d for c in range(4) for d in range(0, 250, 50)]
    assert result.prior == [lp + 10 for lp in result.posterior]


def test_a_program_that_refuses_is_told_from_one_that_is_missing(
    tmp_path: Path, chains: list[Path]
) -> None:
    """An exception of the likelihood is an answer; a program that cannot be started is none."""
    program = tmp_path / "model"
    program.write_text(PROGRAM.format(refuses=True))
    program.chmod(0o755)
    result = densities(started(program), {"prior_only": 0}, chains, tmp_path)
    assert result.prior is not None and result.posterior is None
    with pytest.raises(Exception, match="could not be started") as caught:
        densities(started(tmp_path / "none"), {}, chains, tmp_path)
    assert not isinstance(caught.value, ProgramFailedError)
