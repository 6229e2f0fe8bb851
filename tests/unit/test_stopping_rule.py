"""A fit stops where all that is asked of its draws is reached, and nothing else stops it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from arviz_stats.base import array_stats
from numpy.typing import NDArray

from stanchion.draws.columns import Span
from stanchion.draws.files import Scalars
from stanchion.methods.until import Until
from stanchion.sampling.stopping_rule import Decision, StoppingRule

OF_CHECKS = {"rhat": 1.01, "rhat_of": {}, "ess": 400}


def scalars(values: NDArray[np.float64], names: str = "lp__ mu theta[1] theta[2]") -> Scalars:
    """Draws of `lp__`, a scalar parameter and a vector of two."""
    spans = [Span(0, 1, (), sampled=False), Span(1, 2, (), sampled=True)]
    return Scalars(names.split(), values, [*spans, Span(2, 4, (2,), sampled=True)])


def independent(draws: int = 250, seed: int = 1) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(4, draws, 4))


def decide(values: NDArray[np.float64], **until: Any) -> Decision:
    return StoppingRule.of(Until(**until), OF_CHECKS).decide(scalars(values))


def test_enough_independent_draws_pass() -> None:
    """A thousand independent draws have an effective size above 400, and an R-hat below 1.01."""
    decision = decide(independent(), ess=400, rhat=1.01, mcse={"theta": 0.05})
    assert decision.passed
    assert "not" not in decision.because


@pytest.mark.parametrize(
    ("until", "words"),
    [
        ({"ess": 100_000}, "bulk ESS"),
        ({"rhat": 1.0000001}, "R-hat"),
        ({"mcse": {"theta": 0.03}}, "MCSE of the mean"),
    ],
)
def test_each_threshold_alone_keeps_it_going(until: dict[str, Any], words: str) -> None:
    """One threshold that is not reached is enough, and is said with its number and where."""
    decision = decide(independent(), **until)
    assert not decision.passed
    (sentence,) = [x for x in decision.because.split("; ") if x.startswith(words) and ", not" in x]
    assert " of " in sentence


def test_error_is_that_of_arviz_and_of_every_element() -> None:
    """The greatest error of a container's elements is held to its limit, as ArviZ computes it."""
    values = independent()
    values[:, :, 3] *= 2
    errors = [array_stats.mcse(values[:, :, i], chain_axis=0, draw_axis=1) for i in (2, 3)]
    greatest = float(max(errors))
    assert greatest == errors[1] > 1.5 * errors[0]
    assert decide(values, mcse={"theta": greatest * (1 + 1e-9)}).passed
    refusal = decide(values, mcse={"theta": greatest * (1 - 1e-9)})
    assert not refusal.passed
    assert "of theta[2], not ≤" in refusal.because


def test_what_is_not_declared_is_that_of_the_checks() -> None:
    """Without `ess` and `rhat` those of the checks are to be reached: the fit is to pass."""
    few = independent(draws=50)
    assert not decide(few, mcse={"mu": 1}).passed
    assert "bulk ESS" in decide(few, mcse={"mu": 1}).because
    assert decide(few, mcse={"mu": 1}, ess=50, rhat=1.1).passed
    tight = StoppingRule.of(Until(ess=50), {**OF_CHECKS, "rhat": 1.1, "rhat_of": {"mu": 1.00001}})
    assert ", not ≤ 1.00001" in tight.decide(scalars(few)).because


def test_r_hat_of_until_is_that_of_all() -> None:
    """A declared R-hat is for every quantity, whatever the checks say of some."""
    rule = StoppingRule.of(Until(rhat=1.005), {**OF_CHECKS, "rhat_of": {"mu": 1.1}})
    values = independent(4000)
    values[0, :, 1] += 0.3
    decision = rule.decide(scalars(values))
    assert not decision.passed and "of mu, not ≤ 1.005" in decision.because


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("column", [0, 1, 3])
def test_what_cannot_be_computed_does_not_pass(bad: float, column: int) -> None:
    """One draw that is no number keeps the fit going, in `lp__` too."""
    values = independent()
    values[2, 7, column] = bad
    decision = decide(values, ess=4, rhat=2)
    assert not decision.passed
    assert decision.because.startswith("non-finite quantities: ")


def test_chain_that_does_not_move_does_not_pass() -> None:
    """A parameter that rests in a chain, or in all, keeps the fit going."""
    for chains in (slice(0, 1), slice(None)):
        values = independent()
        values[chains, :, 1] = 2
        decision = decide(values, ess=4, rhat=100)
        assert not decision.passed
        assert "stuck quantities: mu" in decision.because


def test_too_few_draws_for_a_number_do_not_pass() -> None:
    """Three draws a chain have no R-hat."""
    decision = decide(independent(3), ess=1, rhat=100)
    assert not decision.passed
    assert "cannot be computed" in decision.because


def test_variable_that_nobody_has_drawn_does_not_pass() -> None:
    """The error of what is not there cannot be computed, nor that of what never has a value."""
    assert not decide(independent(), mcse={"nu": 100}).passed
    others = Scalars(["y"], np.full((4, 250, 1), np.nan), [Span(0, 1, (), sampled=False)])
    rule = StoppingRule.of(Until(mcse={"y": 100, "mu": 1}), OF_CHECKS)
    assert not rule.decide(scalars(independent()), others).passed
    others = Scalars(["y"], independent()[:, :, :1], [Span(0, 1, (), sampled=False)])
    assert rule.decide(scalars(independent()), others).passed


def test_element_that_never_varies_has_no_error() -> None:
    """A constant element of a generated quantity is left out where another varies."""
    values = independent()[:, :, :2]
    values[:, :, 0] = 1
    others = Scalars(["y[1]", "y[2]"], values, [Span(0, 2, (2,), sampled=False)])
    rule = StoppingRule.of(Until(mcse={"y": 1}), OF_CHECKS)
    assert rule.decide(scalars(independent()), others).passed


def test_superchains_are_held_to_nested_r_hat() -> None:
    """Chains that began at one point agree with each other: the groups of them are compared."""
    rule = StoppingRule.of(Until(rhat=1.01, ess=40), {}, superchains=2)
    values = independent(1000)
    assert "nested R-hat" in rule.decide(scalars(values)).because
    assert rule.decide(scalars(values)).passed
    values[:2, :, 1] += 1
    refusal = rule.decide(scalars(values))
    assert not refusal.passed and "nested R-hat" in refusal.because.split(" of mu, not ≤")[0]
