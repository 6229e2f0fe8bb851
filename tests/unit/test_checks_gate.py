"""The checks of a fit and its verdict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stanchion.checks import gate
from stanchion.checks.agreement import Agreement, Reference, agreement
from stanchion.checks.catalogue import OF_SAMPLED, prior_thresholds, thresholds
from stanchion.checks.numbers import FitNumbers, Generated, Sampler
from stanchion.checks.reasons import why_stopped
from stanchion.checks.row import Size
from stanchion.checks.scan import scan
from stanchion.draws.attempts import Attempt, Attempts
from stanchion.draws.columns import Span
from stanchion.methods.advi import Advi
from stanchion.methods.hamiltonian import FEWEST_DRAWS
from stanchion.stats.energy import ebfmi
from stanchion.stats.psis import smooth
from tests.unit.test_stats_psis import pareto_ratios

TRANSFORMED = Span(0, 2, (2,), sampled=False)
SAMPLED = Span(0, 2, (2,), sampled=True)
SIZE = Size(chains=4, draws=1000)
THRESHOLDS = {key: one.default_of(SIZE) for key, one in thresholds().items()} | {"khat": 0.7}


def draws(columns: int = 2, chains: int = 4, seed: int = 1) -> Any:
    """Return independent draws, `chain × draw × column`."""
    return np.random.default_rng(seed).normal(size=(chains, 1000, columns))


def checks(
    values: Any,
    sampler: Sampler | None = None,
    variables: tuple[Span, ...] = (),
    **changed: Any,
) -> dict[str, Any]:
    """Return the checks of a NUTS fit by name."""
    names = [f"theta[{index + 1}]" for index in range(values.shape[2])]
    return sampled(names, values, sampler or Sampler(), variables, **changed)


def sampled(
    names: list[str],
    values: Any,
    sampler: Sampler,
    variables: tuple[Span, ...] = (),
    **changed: Any,
) -> dict[str, Any]:
    """Return the checks of a NUTS fit of named columns."""
    numbers = FitNumbers(names, scan(values, variables), chains=values.shape[0], sampler=sampler)
    judged = gate.check_fit(OF_SAMPLED, numbers, {**THRESHOLDS, **changed})
    return {check.check: check for check in judged}


def test_independent_chains_pass() -> None:
    """Nothing to find, nothing found."""
    judged = checks(draws())
    assert gate.verdict(list(judged.values())) == "pass"
    assert judged["rhat"].where[0].startswith("theta[")


def test_the_worst_come_first_and_at_most_ten_are_named() -> None:
    """A check names what broke it, worst first."""
    values = draws(columns=20)
    values[0] += np.arange(20) / 20
    rhat = checks(values)["rhat"]
    assert rhat.verdict == "fail"
    assert rhat.where[0] == "theta[20]"
    assert len(rhat.where) == 10
    assert rhat.value > 1.05


def test_the_threshold_itself_is_good() -> None:
    """R-hat ≤ 1.01, ESS ≥ 400, k̂ ≤ 0.7: equality passes."""
    values = draws()
    judged = checks(values)
    exact = checks(values, rhat=judged["rhat"].value, ess=judged["ess_tail"].value)
    assert exact["rhat"].verdict == exact["ess_tail"].verdict == "pass"
    strict = checks(values, rhat=np.nextafter(judged["rhat"].value, 0))
    assert strict["rhat"].verdict == "fail"


def test_without_a_declared_ess_it_is_a_hundred_a_chain() -> None:
    """Four chains: 400."""
    assert thresholds()["ess"].default_of(SIZE) == 400


@pytest.mark.parametrize(
    ("chains", "verdict"), [(1, "fail"), (2, "warn"), (3, "warn"), (4, "pass")]
)
def test_few_chains_are_a_warning_and_one_is_none(chains: int, verdict: str) -> None:
    """One chain cannot be compared with another."""
    assert checks(draws(chains=chains))["chains"].verdict == verdict


def test_a_draw_that_is_not_a_number_fails() -> None:
    """One NaN or infinity in one draw is enough; the other columns are still judged."""
    for bad in (np.nan, np.inf):
        values = draws()
        values[2, 500, 1] = bad
        judged = checks(values)
        assert (judged["finite"].verdict, judged["finite"].where) == ("fail", ("theta[2]",))
        assert judged["rhat"].verdict == "pass"


def test_a_constant_is_noted_and_passes() -> None:
    """The corner of a Cholesky factor is 1 in every draw; minus infinity may be meant, NaN not."""
    for constant, verdict in ((1.0, "pass"), (-np.inf, "pass"), (np.nan, "fail")):
        values = draws()
        values[:, :, 1] = constant
        assert gate.verdict(list(checks(values).values())) == verdict
        notes = gate.notes(["a", "b"], scan(values))
        assert notes == (["equal to one constant in all chains: b"] if constant == constant else [])


def test_a_chain_that_rests_while_others_move_fails() -> None:
    """Constant within a chain but not over chains: stuck."""
    values = draws()
    values[3, :, 0] = 0.25
    judged = checks(values)["constant"]
    assert (judged.verdict, judged.value, judged.where) == ("fail", 1, ("theta[1]",))
    apart = draws()
    apart[:, :, 0] = np.arange(4)[:, None]
    assert checks(apart)["constant"].verdict == "fail"


def test_an_element_that_is_never_filled_is_noted() -> None:
    """The upper triangle of a transformed matrix is NaN in every draw; its variable is not."""
    values = draws()
    values[:, :, 1] = np.nan
    judged = checks(values, variables=(TRANSFORMED,))
    assert gate.verdict(list(judged.values())) == "pass"
    notes = gate.notes(["L[1,1]", "L[1,2]"], scan(values, (TRANSFORMED,)))
    assert notes == ["NaN in every draw, as an element that the program does not fill: L[1,2]"]
    assert checks(values, variables=(SAMPLED,))["finite"].verdict == "fail"
    values[:, :, 0] = np.nan
    assert checks(values, variables=(TRANSFORMED,))["finite"].verdict == "fail"
    values = draws()
    values[:3, :, 1] = np.nan
    assert checks(values, variables=(TRANSFORMED,))["finite"].verdict == "fail"


def test_chains_that_are_frozen_at_one_point_fail() -> None:
    """All chains at the same values: nothing was sampled, and nothing can be judged."""
    values = np.broadcast_to([0.5, 2.0], (4, 1000, 2)).copy()
    judged = checks(values, variables=(SAMPLED,))
    assert (judged["constant"].verdict, judged["constant"].value) == ("fail", 2)
    for name in ("rhat", "ess_bulk", "ess_tail"):
        assert (judged[name].verdict, judged[name].value) == ("fail", None)
    still = Sampler(energy=np.full((4, 1000), 3.0))
    assert checks(draws(), still, (SAMPLED,))["ebfmi"].verdict == "fail"


def test_a_program_without_parameters_has_no_energy_to_judge() -> None:
    """The sampler writes 0 in every draw: there is nothing that could fail to move."""
    judged = checks(np.zeros((4, 1000, 1)), Sampler(energy=np.zeros((4, 1000))))
    assert (judged["ebfmi"].verdict, judged["ebfmi"].value) == ("pass", None)
    assert gate.verdict(list(judged.values())) == "pass"


def test_one_parameter_that_never_moves_fails() -> None:
    """A scale that underflows to its bound in every draw, while the rest moves."""
    values = draws()
    values[:, :, 1] = 0.0
    judged = checks(values, variables=(SAMPLED,))["constant"]
    assert (judged.verdict, judged.where) == ("fail", ("theta[2]",))
    assert checks(values, variables=(TRANSFORMED,))["constant"].verdict == "pass"


@pytest.mark.parametrize(
    ("constraint", "shape", "moving", "verdict"),
    [
        ("cholesky_factor_corr", (2, 2), (1, 3), "pass"),
        ("cholesky_factor_corr", (2, 2), (), "fail"),
        ("corr_matrix", (1, 1), (), "pass"),
        ("cholesky_factor_cov", (1, 1), (), "fail"),
        ("simplex", (1,), (), "pass"),
        ("simplex", (4,), (0, 1, 3), "fail"),
        ("unit_vector", (2, 1), (), "pass"),
        ("simplex", (1, 4), (), "fail"),
        ("cholesky_factor_corr", (1, 2, 2), (), "fail"),
        ("corr_matrix", (3, 1, 1), (), "pass"),
        ("", (4,), (0, 1, 2), "fail"),
    ],
)
def test_a_parameter_rests_only_where_its_type_says_so(
    constraint: str, shape: tuple[int, ...], moving: tuple[int, ...], verdict: str
) -> None:
    """The zeros of a Cholesky factor and a simplex of length one are constant by definition."""
    size = int(np.prod(shape))
    values = np.ones((4, 1000, size + 1))
    values[:, :, [*moving, size]] = draws(columns=len(moving) + 1)
    variable = Span(0, size, shape, sampled=True, constraint=constraint)
    assert checks(values, variables=(variable,))["constant"].verdict == verdict


@pytest.mark.parametrize("length", [1, 2, 3])
def test_too_few_draws_to_judge_fail(length: int) -> None:
    """Below four draws a chain neither R-hat nor ESS exist, and nothing passes for it."""
    judged = checks(draws()[:, :length], variables=(SAMPLED,))
    for name in ("rhat", "ess_bulk", "ess_tail"):
        assert (judged[name].verdict, judged[name].value) == ("fail", None)
        assert length == 1 or set(judged[name].where) == {"theta[1]", "theta[2]"}


def test_the_fewest_draws_that_are_accepted_can_be_judged() -> None:
    """What `check` refuses and what cannot be computed are the same, and the same as ArviZ's."""
    from arviz_stats.base import array_stats

    for length, names in ((FEWEST_DRAWS - 1, False), (FEWEST_DRAWS, True)):
        values = draws(columns=1)[:, :length]
        findings = scan(values)
        assert (
            bool(np.isfinite(findings.rhat[0])) is bool(np.isfinite(findings.ess_tail[0])) is names
        )
        if not names:
            assert np.isnan(array_stats.rhat(values[:, :, 0], chain_axis=0, draw_axis=1))
    for length, names in ((Advi.fewest_draws - 1, False), (Advi.fewest_draws, True)):
        assert bool(np.isfinite(smooth(pareto_ratios(0.3, length, seed=5)).khat)) is names


def test_a_share_of_divergences_may_be_enough() -> None:
    """One in 4,000 with a share of 0.001, which allows four; not five."""
    for count, verdict in ((1, "pass"), (4, "pass"), (5, "fail")):
        diverging = np.zeros((4, 1000), dtype=bool)
        diverging[1, :count] = True
        sampler = Sampler(diverging=diverging)
        judged = checks(draws(), sampler, divergences={"share": 0.001})["divergences"]
        assert (judged.verdict, judged.threshold, judged.value) == (verdict, 4, count)


def test_a_variable_may_have_a_limit_of_its_own() -> None:
    """R-hat of 1.02 for `theta` alone; the worst is what exceeds its own limit most."""
    values = draws(columns=3)
    values[0] += 0.5
    rhats = scan(values).rhat
    limit = float(rhats.max()) + 0.001
    assert rhats.min() > 1.01
    assert checks(values, rhat_of={"theta": limit})["rhat"].verdict == "pass"
    assert checks(values, rhat_of={"lp__": limit})["rhat"].verdict == "fail"
    names = ["lp__", "theta[1]", "theta[2]"]
    rhat = sampled(names, values, Sampler(), rhat_of={"lp__": limit})["rhat"]
    assert (rhat.verdict, rhat.threshold, rhat.value) == ("fail", 1.01, rhats[1:].max())
    assert "lp__" not in rhat.where


def test_a_variable_may_have_an_effective_size_of_its_own() -> None:
    """What is not held to the limit of the rest hides none of these."""
    values = draws(columns=3)[:, :60]
    sizes = scan(values).ess_bulk
    least = float(sizes.min()) - 1
    assert sizes.max() < 400
    assert checks(values, ess_of={"theta": least})["ess_bulk"].verdict == "pass"
    names = ["lp__", "theta[1]", "theta[2]"]
    bulk = sampled(names, values, Sampler(), ess_of={"lp__": least})["ess_bulk"]
    assert (bulk.verdict, bulk.threshold, bulk.value) == ("fail", 400, sizes[1:].min())
    said = f"with a limit of its own: lp__ {sizes[0]:.4g} (allowed: ≥ {least:g})"
    assert bulk.note == said
    assert "lp__" not in bulk.where
    assert bulk.as_json()["extreme"] == sizes.min()
    assert "extreme" not in checks(values)["ess_bulk"].as_json()


@pytest.mark.parametrize(
    ("retries", "passed", "failed"),
    [((), True, ()), (("try 1: no start",), True, ("try 1: no start",)), ((), False, ("last: 3",))],
)
def test_failed_attempts_warn(
    retries: tuple[str, ...], passed: bool, failed: tuple[str, ...]
) -> None:
    """A failure that was gone over warns, and so does a last attempt that is not what was asked."""
    last = Attempt(name="last", settings={}, runs=(), gradients=None, passed=passed, because="3")
    tried = Attempts(method="nuts", method_version=1, settings={}, tried=(last,), retries=retries)
    numbers = FitNumbers(["a", "b"], scan(draws()), 4, attempts=tried)
    (check,) = gate.check_fit(["attempts"], numbers, THRESHOLDS)
    assert (check.value, check.where) == (len(failed), failed)
    assert check.verdict == ("warn" if failed else "pass")


def generated(shares: Any, used: list[str], messages: list[str]) -> gate.Check:
    """Return the check of generated quantities."""
    numbers = FitNumbers(["a", "b"], scan(draws()), 4, generated=Generated(shares, used, messages))
    (check,) = gate.check_fit(["generated"], numbers, THRESHOLDS)
    return check


def test_generated_quantities_without_value_warn_and_fail_where_used() -> None:
    """With their share and the sampler's message; used ones first, whatever their share."""
    shares = np.array([1.0, 0.0]), np.array([0.46])
    names = ["x[1]", "x[2]"], ["y_rep[1]"]
    both = list(zip(names, shares, strict=True))
    messages = ["chain 1, 460 times: normal_rng: …"]
    judged = generated(both, ["log_lik"], messages)
    assert (judged.verdict, judged.value) == ("warn", 1.0)
    assert judged.where == ("x[1]: 100 %", "y_rep[1]: 46 %")
    assert judged.as_json()["messages"] == messages
    judged = generated(both, ["y_rep"], messages)
    assert (judged.verdict, judged.value, judged.where[0]) == ("fail", 0.46, "y_rep[1]: 46 %")
    sound = generated([(["x"], np.zeros(1))], ["x"], messages)
    assert (sound.verdict, sound.value, sound.messages) == ("pass", 0, ())


def test_divergences_are_counted_by_chain() -> None:
    """More than are allowed fail."""
    diverging = np.zeros((4, 1000), dtype=bool)
    diverging[1, :3] = True
    judged = checks(draws(), Sampler(diverging=diverging))["divergences"]
    assert (judged.value, judged.verdict, judged.where) == (3, "fail", ("chain 2: 3",))
    allowed = checks(draws(), Sampler(diverging=diverging), divergences=3)
    assert allowed["divergences"].verdict == "pass"


def test_saturated_trees_are_a_warning() -> None:
    """They cost time, not truth."""
    saturated = np.ones((4, 1000), dtype=bool)
    judged = checks(draws(), Sampler(saturated=saturated))
    assert (judged["treedepth"].verdict, judged["treedepth"].value) == ("warn", 4000)
    assert gate.verdict(list(judged.values())) == "warn"


def test_the_energy_of_a_slow_chain_fails() -> None:
    """E-BFMI of independent energies is 2, of AR(1) 2 (1 − φ): 0.2 for φ = 0.9, ± 0.05."""
    from tests.unit.test_stats_convergence import autoregressive

    energy = np.random.default_rng(2).normal(size=(4, 1000))
    energy[2] = autoregressive(0.9, 1000)
    judged = checks(draws(), Sampler(energy=energy))["ebfmi"]
    assert judged.verdict == "fail"
    assert judged.value == pytest.approx(0.2, abs=0.05)
    assert judged.where == ("chain 3",)
    assert ebfmi(energy)[0] == pytest.approx(2, abs=0.2)


def approximated(khat: float, *, resampled: bool = True) -> list[gate.Check]:
    """Return the checks of an approximation of two parameters."""
    findings = scan(draws(chains=1))
    numbers = FitNumbers(["mu", "tau"], findings, chains=1, khat=khat, resampled=resampled)
    return gate.check_fit(["finite", "constant", "khat"], numbers, THRESHOLDS)


@pytest.mark.parametrize(("shape", "verdict"), [(0.3, "pass"), (1.2, "fail")])
def test_an_approximation_is_judged_by_khat(shape: float, verdict: str) -> None:
    """log_p − log_g with a tail of known shape; R-hat and ESS are not asked."""
    judged = approximated(smooth(pareto_ratios(shape, 4000, seed=5)).khat)
    assert [check.check for check in judged] == ["finite", "constant", "khat"]
    assert gate.verdict(judged) == verdict


def test_a_good_khat_passes_no_draws_that_are_not_weighted() -> None:
    """It licenses reweighting: of raw draws it is a warning that says so, and a bad one fails."""
    good, bad = (approximated(khat, resampled=False)[-1] for khat in (0.3, 0.9))
    assert (good.verdict, bad.verdict) == ("warn", "fail")
    assert good.note is not None and "not weighted" in good.note
    assert approximated(0.3)[-1].note is None


@pytest.mark.parametrize("khat", [np.nan, np.inf])
def test_an_approximation_whose_ratios_say_nothing_fails(khat: float) -> None:
    """Without a tail, nothing vouches for it."""
    judged = approximated(khat)
    assert (judged[-1].value, judged[-1].verdict) == (None, "fail")


def against(values: Any, sampled: Any) -> gate.Check:
    """Compare draws with those of a sampled fit of the same two columns."""
    return difference(agreement(["a", "b"], values, Reference.of("nuts", sampled)))


def difference(distances: Agreement) -> gate.Check:
    """Return the check of an agreement."""
    numbers = FitNumbers(["a", "b"], scan(draws(chains=1)), chains=1, agreement=distances)
    (check,) = gate.check_fit(["nuts_difference"], numbers, THRESHOLDS)
    return check


def test_means_far_from_those_of_nuts_are_a_warning() -> None:
    """0.6 sds of the sampled fit off, of a column with mean 10 and sd 3; 0.4 sds are none."""
    sampled = draws() * 3 + 10
    for off, verdict in ((0.4, "pass"), (0.6, "warn")):
        values = draws(chains=1, seed=9)
        values = (values - values.mean(1)) * 5 + sampled.mean((0, 1))
        values[:, :, 1] -= off * sampled[:, :, 1].std(ddof=1)
        judged = against(values, sampled)
        assert (judged.verdict, judged.where, judged.threshold) == (verdict, ("b",), 0.5)
        assert judged.value == pytest.approx(off, rel=1e-6)
    assert judged.note == "in standard deviations of nuts"


@pytest.mark.parametrize(
    ("value", "reference", "verdict"),
    [
        (1.0, 1.0, "pass"),
        (1.0 + 1e-14, 1.0, "pass"),
        (1.1, 1.0, "warn"),
        (np.nan, np.nan, "pass"),
        (np.nan, 1.0, "warn"),
        (-np.inf, -np.inf, "pass"),
        (-np.inf, 1.0, "warn"),
    ],
)
def test_constants_are_the_same_or_a_warning(value: float, reference: float, verdict: str) -> None:
    """Where NUTS holds a quantity constant there is no sd: it is the same, or it is not."""
    sampled, values = draws(), draws(chains=1, seed=9)
    sampled[:, :, 1], values[:, :, 1] = reference, value
    judged = against(values, sampled)
    assert judged.verdict == verdict
    assert verdict == "pass" or (judged.value, judged.where) == (None, ("b",))


def test_a_varying_quantity_that_is_not_finite_in_the_approximation_is_a_warning() -> None:
    """NaN in one draw leaves no mean to compare."""
    values = draws(chains=1, seed=9)
    values[0, 3, 0] = np.nan
    assert against(values, draws()).where == ("a",)


def test_a_difference_that_cannot_be_computed_neither_passes_nor_blames() -> None:
    """The row is skipped with its reason, and the verdict follows from the other checks."""
    because = "not computed, because nuts did not pass its checks"
    row = difference(Agreement(because=because))
    assert (row.verdict, row.value, row.as_json()["note"]) == ("skipped", None, because)
    assert gate.verdict([*approximated(0.3), row]) == "pass"
    assert gate.verdict([*approximated(0.9), row]) == "fail"


def test_a_waiver_turns_a_failure_into_waived() -> None:
    """Visibly, and of its own check only; a warning stays what it is."""
    values = draws(chains=2)
    values[0] += 1
    waiver = {"check": "rhat", "reason": "known", "who": "a", "until": "2027-01-01"}
    warned = {"check": "chains", "reason": "known", "who": "a", "until": "2027-01-01"}
    judged = gate.waive(list(checks(values, ess=1).values()), [waiver, warned])
    by_name = {check.check: check for check in judged}
    assert by_name["rhat"].as_json()["waiver"] == waiver
    assert by_name["chains"].verdict == "warn"
    assert "waiver" not in by_name["chains"].as_json()
    assert gate.verdict(judged) == "waived"
    values[1, 0, 0] = np.nan
    assert gate.verdict(gate.waive(list(checks(values, ess=1).values()), [waiver])) == "fail"


def test_a_prior_is_warned_of_at_most() -> None:
    """A flat prior runs off to 1e19 without a divergence: its extent says so."""
    values = draws()
    values[1, :, 1] = np.linspace(0, 1e19, 1000)
    numbers = FitNumbers(["a", "b"], scan(values), chains=4)
    judged = gate.check_prior(numbers, prior_thresholds(SIZE))
    extent = next(check for check in judged if check.check == "extent")
    assert (extent.verdict, extent.value, extent.where) == ("warn", 1e19, ("b",))
    assert gate.verdict(judged) == "warn"


def test_nothing_is_computed_from_a_failed_fit_that_stops() -> None:
    """Unless its failure is only flagged; the reason has the words of the checks."""
    checks = [{"check": "rhat", "verdict": "fail"}, {"check": "ess_bulk", "verdict": "fail"}]
    failed = {"verdict": "fail", "checks": checks}
    assert why_stopped(failed, "stop") == "the fit failed its checks: R-hat, bulk ESS"
    assert why_stopped(failed, "flag") is None
    assert why_stopped({"verdict": "waived", "checks": []}, "stop") is None
