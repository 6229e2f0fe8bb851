"""Answers: expressions over draws against what is known of them in closed form."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arviz_stats.base import array_stats

from stanchion.answers.compute import answer_of
from stanchion.answers.declared import DeclaredAnswer
from stanchion.answers.sample import Mixture, Sample
from stanchion.answers.variables import declared_variables
from stanchion.draws.naming import Naming
from stanchion.plan.job import Job
from stanchion.stan.program import Variable
from stanchion.stats.mixture import shortest, weighted_quantile
from tests.unit.draws_cases import write_json
from tests.unit.steps_cases import Y, answer, approximate, chain, collect

Z = np.random.default_rng(5).normal(size=(4, 1000, 3)) * (1, 2, 3) + (0, 0.5, 1)
"""Three independent normal quantities: 4 chains × 1,000 draws."""
SAMPLE = Sample(Z, ess=4000.0)
FINE = {"verdict": "pass", "checks": [{"check": "ess_bulk", "value": 900.0, "verdict": "pass"}]}


def declared(kind: Any, rope: tuple[float, float] | None = None, **rest: Any) -> DeclaredAnswer:
    expressions = rest.pop("expressions", {"": "x"})
    return DeclaredAnswer(
        answer="asked",
        kind=kind,
        expressions=tuple(expressions.items()),
        unit=rest.pop("unit", None),
        rope=rope,
        stacked=rest.pop("stacked", False),
    )


def test_a_probability_is_a_mean_with_the_error_of_its_own_draws() -> None:
    """The share of draws, and ArviZ's MCSE of the indicators."""
    above = SAMPLE.map(lambda x: (x > 0).astype(float))
    rows = answer_of(declared("probability"), above, ["a", "b", "c"], None).rows
    for index, row in enumerate(rows):
        indicator = (Z[:, :, index] > 0).astype(float)
        assert row.value == indicator.mean()
        error = array_stats.mcse(indicator, chain_axis=0, draw_axis=1, method="mean")
        assert row.mcse == pytest.approx(float(error), rel=1e-9)
        assert np.isnan(row.lower) and np.isnan(row.upper)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_certainty_has_an_error(share: float) -> None:
    """That all draws agree is no proof: the error is that of half a draw more among the ESS."""
    values = np.full((4, 1000, 1), share)
    (row,) = answer_of(declared("probability"), Sample(values, ess=400.0), [""], None).rows
    shrunk = 0.5 / 401
    assert row.value == share
    assert row.mcse == pytest.approx((shrunk * (1 - shrunk) / 400) ** 0.5)


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        (None, lambda z: np.quantile(z, (0.05, 0.95))),
        ({"prob": 0.5, "kind": "equal_tailed"}, lambda z: np.quantile(z, (0.25, 0.75))),
        ({"prob": 0.8, "kind": "hdi"}, lambda z: array_stats.hdi(z, 0.8)),
    ],
)
def test_a_quantity_has_mean_interval_and_error(
    intervals: Mapping[str, Any] | None, expected: Any
) -> None:
    """Mean and declared interval of each element by NumPy and ArviZ, and ArviZ's MCSE."""
    rows = answer_of(declared("quantity"), SAMPLE, ["a", "b", "c"], intervals).rows
    for index, row in enumerate(rows):
        draws = Z[:, :, index]
        assert row.value == pytest.approx(draws.mean())
        assert row.sd == pytest.approx(draws.std(ddof=1))
        np.testing.assert_allclose([row.lower, row.upper], expected(draws.ravel()))
        error = array_stats.mcse(draws, chain_axis=0, draw_axis=1, method="mean")
        assert row.mcse == pytest.approx(float(error), rel=1e-9)


def test_a_density_is_that_of_the_draws() -> None:
    """It integrates to one, and its mean is that of the draws; few whole numbers are shares."""
    row = answer_of(declared("quantity"), SAMPLE, ["a", "b", "c"], None).rows[2]
    assert row.density is not None and not row.density.discrete
    x, y = np.array(row.density.x), np.array(row.density.y)
    assert np.trapezoid(y, x) == pytest.approx(1, abs=0.01)
    assert np.trapezoid(x * y, x) == pytest.approx(row.value, abs=0.05)
    counts = Sample(np.tile([0.0, 1.0, 1.0, 4.0], (4, 250))[..., None], ess=4000.0)
    (of_counts,) = answer_of(declared("quantity"), counts, [""], None).rows
    assert of_counts.density is not None and of_counts.density.discrete
    assert of_counts.density.x == (0, 1, 4) and of_counts.density.y == (0.25, 0.5, 0.25)


def test_a_draw_that_is_resampled_is_no_hill_of_its_own() -> None:
    """Of 600 draws of one hill, taken 4,000 times, the density beside an answer has one top."""
    rng = np.random.default_rng(5)
    resampled = Sample(rng.choice(rng.normal(size=600), (4, 1000))[..., None], ess=600.0)
    (row,) = answer_of(declared("quantity"), resampled, [""], None).rows
    assert row.density is not None
    y = np.array(row.density.y)
    is_top = (y[1:-1] > y[:-2]) & (y[1:-1] >= y[2:]) & (y[1:-1] > 0.1 * y.max())
    assert is_top.sum() == 1


def test_values_that_differ_by_rounding_have_no_density() -> None:
    """Two neighbouring numbers have no spread to draw, and stop nothing."""
    rounded = Sample(np.tile([1.0, 1.0 + 4e-16], (4, 250))[..., None], ess=1000.0)
    (row,) = answer_of(declared("quantity"), rounded, [""], None).rows
    assert row.density is None


def test_a_rope_splits_the_draws() -> None:
    """Its ends belong to it; the three shares sum to one."""
    values = np.array([[-2.0, -1, 0, 1, 2, 3, 0.5, 4]])[..., None]
    (rope,) = answer_of(
        declared("quantity", rope=(-1, 1)), Sample(values, ess=8.0), [""], None
    ).ropes
    assert (rope.below, rope.within, rope.above) == (1 / 8, 4 / 8, 3 / 8)


def test_the_largest_of_several() -> None:
    """The share of draws in which each is the largest; draws in which two are go half to each."""
    found = answer_of(declared("argmax"), SAMPLE, ["a", "b", "c"], None)
    largest = Z.reshape(-1, 3).argmax(axis=1)
    assert [row.value for row in found.rows] == [(largest == i).mean() for i in range(3)]
    assert found.choice is not None
    assert (found.choice.label, found.choice.second) == ("c", "b")
    ties = np.array([[[1.0, 1.0, 0.0], [2.0, 3.0, 3.0]]])
    tied = answer_of(declared("argmax"), Sample(ties, ess=2.0), ["a", "b", "c"], None)
    assert [row.value for row in tied.rows] == [0.25, 0.5, 0.25]


def test_a_decision_is_by_expected_utility() -> None:
    """The lead has the error of the difference by draw; losses are against the best of each."""
    choices = {"launch": "100 * p - 5", "wait": "0"}
    values = np.concatenate([100 * Z[:, :, :1] - 5, np.zeros_like(Z[:, :, :1])], axis=2)
    sample = Sample(values, ess=4000.0)
    found = answer_of(declared("decide", expressions=choices), sample, list(choices), None)
    launch = values[:, :, 0]
    assert found.choice is not None and found.choice.label == "wait"
    assert found.choice.difference == pytest.approx(-launch.mean())
    error = array_stats.mcse(launch, chain_axis=0, draw_axis=1, method="mean")
    assert found.choice.mcse == pytest.approx(float(error), rel=1e-9)
    losses = [row.loss for row in found.rows]
    assert losses == pytest.approx([np.maximum(-launch, 0).mean(), np.maximum(launch, 0).mean()])


def test_models_are_mixed_by_their_weights() -> None:
    """Mean, sd and quantiles of a mixture of two normals, against draws of that mixture.

    0.3 N(0, 1) + 0.7 N(5, 1): mean 3.5, variance 1 + 0.21 × 25. With 4,000 draws each the error of
    the mean is 0.7 / √4000 ≈ 0.012, of an end at most 0.05.
    """
    rng = np.random.default_rng(1)
    parts = [(0.3, Sample(rng.normal(0, 1, (4, 1000, 1)), ess=4000.0))]
    parts += [(0.7, Sample(rng.normal(5, 1, (4, 1000, 1)), ess=4000.0))]
    (row,) = answer_of(declared("quantity", stacked=True), Mixture(parts), [""], None).rows
    assert row.value == pytest.approx(3.5, abs=0.06)
    assert row.sd == pytest.approx(6.25**0.5, abs=0.05)
    both = np.concatenate([rng.normal(0, 1, 300_000), rng.normal(5, 1, 700_000)])
    assert [row.lower, row.upper] == pytest.approx(np.quantile(both, (0.05, 0.95)), abs=0.15)
    errors = [sample.numbers(None).mcse[0] for _, sample in parts]
    assert row.mcse == pytest.approx(np.hypot(0.3 * errors[0], 0.7 * errors[1]))


def test_weighted_intervals_are_those_of_repeated_draws() -> None:
    """Weights that are counts give what the repeated draws give."""
    rng = np.random.default_rng(3)
    draws, counts = rng.normal(size=(200, 2)), rng.integers(1, 5, size=200)
    repeated, weights = np.repeat(draws, counts, axis=0), counts / counts.sum()
    for prob in (0.05, 0.5, 0.95):
        expected = np.quantile(repeated, prob, axis=0, method="inverted_cdf")
        np.testing.assert_array_equal(weighted_quantile(draws, weights, prob), expected)
    lower, upper = shortest(draws, weights, 0.8)
    equal = np.full(len(repeated), 1 / len(repeated))
    again = shortest(repeated, equal, 0.8)
    np.testing.assert_array_equal([lower, upper], again)


def asked(folder: Path, answers: list[DeclaredAnswer], diagnostics: Any = FINE) -> Job:
    """Answer by the fit that lies in the folder `m`."""
    write_json(folder / "m" / "diagnostics.json", diagnostics)
    return answer(folder, "m", answers=answers)


def table(step: Job) -> list[dict[str, str]]:
    with step.outputs["answers"].open(newline="") as file:
        return list(csv.DictReader(file))


def details(step: Job) -> Any:
    return json.loads(step.outputs["details"].read_text())["answers"]


def test_answers_of_a_fit(tmp_path: Path) -> None:
    """Parameters, replications and data by their own names; labels of elements; conjugate truth.

    The posterior of mu is N(1, 1/12) by construction: P(mu > 1) is a half; 4 × 500 draws leave an
    error of 0.011, four of which are allowed.
    """
    collect(tmp_path / "m", [chain(seed) for seed in range(4)])
    answers = [
        declared("probability", expressions={"": "mu > 1"}),
        declared("quantity", expressions={"": "y_new['q'] - y_new['p']"}, unit="points"),
        declared("quantity", expressions={"": "mean(y_rep) - mean(y)"}),
        declared("argmax", expressions={"": "y_new"}),
    ]
    step = asked(tmp_path, answers)
    rows = table(step)
    assert list(rows[0]) == [
        *("dataset", "model", "method", "answer", "label"),
        *("value", "lower", "upper", "mcse", "unit", "verdict"),
    ]
    assert abs(float(rows[0]["value"]) - 0.5) < 0.045 and rows[0]["lower"] == ""
    new = np.array([[chain(seed)[f"y_new.{i}"] for i in (1, 2)] for seed in range(4)])
    assert float(rows[1]["value"]) == pytest.approx((new[:, 1] - new[:, 0]).mean())
    assert rows[1]["unit"] == "points" and rows[1]["verdict"] == "pass"
    replicated = np.mean([[chain(s)[f"y_rep.{i + 1}"] for i in range(len(Y))] for s in range(4)])
    assert float(rows[2]["value"]) == pytest.approx(replicated - Y.mean())
    assert [row["label"] for row in rows[3:]] == ["p", "q"]
    assert float(rows[3]["value"]) + float(rows[4]["value"]) == pytest.approx(1)


def test_resampled_draws_have_the_errors_of_their_weights(tmp_path: Path) -> None:
    """An answer that is a parameter has the value and the error that summary.csv has of it."""
    draws = {name: values[:400] for name, values in chain(3, draws=400).items()}
    density = -0.5 * len(Y) * (draws["mu"] - 1) ** 2
    wider = -0.5 * len(Y) * (draws["mu"] - 1.05) ** 2
    step = approximate(tmp_path / "m", {**draws, "log_p__": wider, "log_g__": density})
    answers = [declared("quantity", expressions={"": "mu"})]
    (row,) = table(asked(tmp_path, answers))
    with step.outputs["summary"].open(newline="") as file:
        summary = next(row for row in csv.DictReader(file) if row["variable"] == "mu")
    assert float(row["value"]) == pytest.approx(float(summary["mean"]), rel=1e-12)
    assert float(row["mcse"]) == pytest.approx(float(summary["mcse_mean"]), rel=1e-12)


def test_a_failed_fit_gives_no_value(tmp_path: Path) -> None:
    """It says which checks failed, in every answer, and no number stands anywhere."""
    collect(tmp_path / "m", [chain(seed) for seed in range(4)])
    failed = {"verdict": "fail", "checks": [{"check": "rhat", "value": 1.2, "verdict": "fail"}]}
    answers = [declared("quantity", expressions={"": "mu"})]
    step = asked(tmp_path, answers, diagnostics=failed)
    (row,) = table(step)
    assert row["value"] == row["mcse"] == "" and row["verdict"] == "fail"
    (fit,) = details(step)[0]["fits"]
    assert fit["because"] == "the fit failed its checks: R-hat" and fit["fit_failed"]
    assert fit["rows"] == []


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("log(mu - 1)", "has no finite value where `mu - 1` is -"),
        ("y_new['r']", "`y_new` has no label 'r'"),
        ("1 / (mu - mu)", "has no finite value"),
    ],
)
def test_what_has_no_value_fails(tmp_path: Path, expression: str, says: str) -> None:
    """A sound fit that gives no value to a question fails in it, with the reason and how often."""
    collect(tmp_path / "m", [chain(seed) for seed in range(4)])
    step = asked(
        tmp_path,
        [declared("quantity", expressions={"": expression})],
    )
    (fit,) = details(step)[0]["fits"]
    assert fit["verdict"] == "fail" and says in fit["because"] and not fit["fit_failed"]
    assert table(step)[0]["value"] == ""


@pytest.mark.parametrize(
    "expression", ["y_new[1] > 1", "not (y_new[1] > 1)", "mu > 1 or y_new[1] > 1"]
)
def test_no_probability_is_one_of_the_draws_that_have_a_value(
    tmp_path: Path, expression: str
) -> None:
    """Half of a generated quantity is NaN: a comparison with it is neither true nor false."""
    chains = [chain(seed) for seed in range(4)]
    for columns in chains:
        columns["y_new.1"][::2] = np.nan
    collect(tmp_path / "m", chains)
    step = asked(tmp_path, [declared("probability", expressions={"": expression})])
    (fit,) = details(step)[0]["fits"]
    assert fit["verdict"] == "fail" and fit["rows"] == []
    assert fit["because"] == "`y_new[1]` has no finite value, as in 1000 of 2000 draws"


@pytest.mark.parametrize(
    ("expression", "says"),
    [("tau > 1", "its program has no `tau`"), ("y_new['r'] > 1", "`y_new` has no label 'r'")],
)
def test_what_one_model_has_is_not_asked_of_another(
    tmp_path: Path, expression: str, says: str
) -> None:
    """A fit without the variable or the label has no row, and fails nothing, where another has it.

    Where none has it, the question was asked of nothing, and fails.
    """
    collect(tmp_path / "m", [chain(seed) for seed in range(4)])
    write_json(tmp_path / "m" / "diagnostics.json", FINE)
    failed = {"verdict": "fail", "checks": [{"check": "rhat", "value": 1.2, "verdict": "fail"}]}
    collect(tmp_path / "other", [chain(seed) for seed in range(4)])
    write_json(tmp_path / "other" / "diagnostics.json", failed)
    answers = [declared("probability", expressions={"": expression})]
    step = answer(tmp_path, "m", "other", answers=answers)
    assert [row["model"] for row in table(step)] == ["other"]
    fit, _ = details(step)[0]["fits"]
    assert says in fit["because"] and fit["verdict"] == "pass"
    alone = answer(tmp_path, "m", answers=answers)
    assert [row["verdict"] for row in table(alone)] == ["fail"]


@pytest.mark.parametrize("kind", ["quantity", "argmax", "probability"])
def test_nothing_is_no_answer(tmp_path: Path, kind: str) -> None:
    """A vector without elements has no value, no probability and no largest: the answer fails."""
    columns = [
        {name: values for name, values in chain(seed).items() if not name.startswith("y_new")}
        for seed in range(4)
    ]
    collect(tmp_path / "m", columns, data={"N": len(Y), "M": 0, "y": Y.tolist()})
    source = "y_new > 0" if kind == "probability" else "y_new"
    (fit,) = details(asked(tmp_path, [declared(kind, expressions={"": source})]))[0]["fits"]
    assert fit["verdict"] == "fail" and fit["because"] == f"`{source}` has no elements"


@pytest.mark.parametrize("exponent", [-1000, -520, 520, 1000])
def test_no_scale_is_too_large_or_too_small(exponent: int) -> None:
    """Draws times a power of two have every number times it, though their squares are infinite."""
    (plain,) = answer_of(declared("quantity"), Sample(Z[:, :, :1], 4000.0), [""], None).rows
    (row,) = answer_of(
        declared("quantity"), Sample(np.ldexp(Z[:, :, :1], exponent), 4000.0), [""], None
    ).rows
    for name in ("value", "sd", "lower", "upper", "mcse"):
        assert getattr(row, name) == pytest.approx(np.ldexp(getattr(plain, name), exponent), abs=0)
    assert row.rhat == pytest.approx(plain.rhat)


def test_a_constant_has_its_value() -> None:
    """The mean of 4,000 times 0.1 is 0.1, by a fit and by all models."""
    always = Sample(np.full((4, 1000, 1), 0.1), ess=4000.0)
    for values in (always, Mixture([(0.7, always), (0.2, always), (0.1, always)])):
        (row,) = answer_of(declared("quantity"), values, [""], None).rows
        assert (row.value, row.sd, row.lower, row.upper) == (0.1, 0.0, 0.1, 0.1)
        assert np.isnan(row.mcse)


def test_a_mixture_has_the_error_and_the_chains_of_its_parts() -> None:
    """A part that is constant adds no error, and one without R-hat hides none of another's."""
    stuck = np.concatenate([Z[:2, :, :1], Z[2:, :, :1] + 2])
    parts = [(0.4, Sample(stuck, ess=10.0)), (0.6, Sample(np.full_like(stuck, 2.0), ess=4000.0))]
    (row,) = answer_of(declared("quantity", stacked=True), Mixture(parts), [""], None).rows
    alone = parts[0][1].numbers(None)
    assert row.mcse == pytest.approx(0.4 * alone.mcse[0]) and row.rhat == alone.rhat[0] > 1.01


def test_each_share_about_a_rope_has_its_own_error() -> None:
    """A rope that no draw is in is known to hold little; on which side they lie, less well."""
    (rope,) = answer_of(declared("quantity", rope=(0.0, 1e-9)), SAMPLE, ["a"], None).ropes
    above = SAMPLE.map(lambda x: (x > 1e-9).astype(float)).numbers(None).mcse[0]
    assert rope.within == 0 and rope.mcse < 0.001
    assert rope.mcse_above == pytest.approx(above) and rope.mcse_below == pytest.approx(above)
    assert rope.mcse_above > 0.005


def test_expected_losses_have_their_own_errors() -> None:
    """The utility of waiting is the same in all draws; what it forgoes is not."""
    values = np.concatenate([Z[:, :, :1], np.zeros_like(Z[:, :, :1])], axis=2)
    choices = {"launch": "x", "wait": "0"}
    result = answer_of(
        declared("decide", expressions=choices), Sample(values, 4000.0), list(choices), None
    )
    forgone = np.maximum(Z[:, :, 0], 0)
    error = array_stats.mcse(forgone, chain_axis=0, draw_axis=1, method="mean")
    assert np.isnan(result.rows[1].mcse)
    assert result.rows[1].loss_mcse == pytest.approx(float(error), rel=1e-9)


def test_the_lead_of_what_is_always_the_largest_has_an_error() -> None:
    """It is that of its probability; without one the lead would read as exactly one."""
    values = Sample(Z[:, :, :2] + (0, 100), ess=400.0)
    result = answer_of(declared("argmax"), values, ["a", "b"], None)
    assert result.choice is not None and result.choice.difference == 1
    assert result.choice.mcse == result.rows[1].mcse > 0


def test_a_lead_of_nothing_has_the_error_of_its_draws() -> None:
    """Two that are as often the largest are no more surely equal than two that nearly are."""
    values = np.concatenate([Z[:, :, :1], -Z[:, :, :1]], axis=2)
    values[:, ::2] = values[:, 1::2, ::-1]
    result = answer_of(declared("argmax"), Sample(values, 4000.0), ["a", "b"], None)
    assert result.choice is not None and result.choice.difference == 0
    assert result.choice.mcse > 0.005


def test_the_table_has_the_errors_of_losses(tmp_path: Path) -> None:
    """Below the utility of each choice stands its expected loss, with its own error."""
    collect(tmp_path / "m", [chain(seed) for seed in range(4)])
    step = asked(tmp_path, [declared("decide", expressions={"go": "mu - 1", "stay": "0"})])
    rows = {row["label"]: row for row in table(step)}
    assert rows["stay"]["mcse"] == "" and float(rows["stay: expected loss"]["mcse"]) > 0.001


def test_the_table_has_a_rope_of_each_element(tmp_path: Path) -> None:
    """The share within stands below the values, by the label of its element."""
    collect(tmp_path / "m", [chain(seed, draws=30) for seed in range(4)])
    asks = declared("quantity", rope=(-0.5, 2), expressions={"": "y_new"})
    labels = [row["label"] for row in table(asked(tmp_path, [asks]))]
    names = labels[:2]
    assert labels == [*names, *(f"{name}: within [-0.5, 2]" for name in names)]
    assert [name.rpartition("=")[2] for name in names] == ["p", "q"]


def test_a_point_has_a_value_alone() -> None:
    """One draw has neither an interval nor shares about a rope."""
    result = answer_of(
        declared("quantity", rope=(-1, 1)),
        Sample(np.full((1, 1, 1), 0.3), ess=np.inf, has_errors=False),
        [""],
        None,
    )
    (row,) = result.rows
    assert row.value == 0.3 and np.isnan([row.lower, row.upper, row.mcse]).all()
    assert result.ropes == ()


def test_resampled_answers_that_name_data_have_errors(tmp_path: Path) -> None:
    """The observed data stand beside the draws before they were resampled, too."""
    draws = {name: values[:400] for name, values in chain(3, draws=400).items()}
    density = -0.5 * len(Y) * (draws["mu"] - 1) ** 2
    wider = -0.5 * len(Y) * (draws["mu"] - 1.05) ** 2
    approximate(tmp_path / "m", {**draws, "log_p__": wider, "log_g__": density})
    sources = ("mu", "mu - mean(y)", "mean(y_rep) - mean(y)")
    answers = [declared("quantity", expressions={"": source}) for source in sources]
    errors = [float(row["mcse"]) for row in table(asked(tmp_path, answers))]
    assert errors[1] == pytest.approx(errors[0], rel=1e-9) and errors[2] > 0


def autocorrelated(rng: np.random.Generator, phi: float) -> Any:
    """Return four chains of 1,000 draws of an AR(1) process, N(0, 1) in the long run."""
    noise = rng.normal(size=(4, 1000)) * (1 - phi**2) ** 0.5
    draws = np.empty((4, 1000))
    draws[:, 0] = rng.normal(size=4)
    for index in range(1, 1000):
        draws[:, index] = phi * draws[:, index - 1] + noise[:, index]
    return draws[:, :, None]


def test_the_error_of_a_probability_is_right_for_autocorrelated_draws() -> None:
    """Over 200 replications the mean error is the sd of the answers.

    The sd of 200 answers has an error of 1 / √400 = 5 %; 20 % is four of these. As many as said are
    within two errors: 95.4 % ± 4 × 1.5 %.
    """
    rng = np.random.default_rng(11)
    rows = [
        answer_of(
            declared("probability"),
            Sample(autocorrelated(rng, 0.9), 200.0).map(lambda x: (x > 0.5).astype(float)),
            [""],
            None,
        ).rows[0]
        for _ in range(200)
    ]
    values, errors = (np.array([getattr(row, n) for row in rows]) for n in ("value", "mcse"))
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.2)
    truth = 0.3085375387259869  # 1 - Φ(0.5)
    assert np.mean(np.abs(values - truth) < 2 * errors) == pytest.approx(0.954, abs=0.06)


def test_a_label_is_asked_for_as_it_is_stored() -> None:
    """`check` knows a label with a hidden character by the escape that draws.nc has of it."""
    sizes = {"J": {"dim": "pupil", "labels": ["Ann\x07", "Bo\u202eb"]}}
    theta = Variable("theta", "vector", 1, ("J",))
    blocks = {"parameters": (theta,), "transformed_parameters": (), "generated_quantities": ()}
    naming = Naming.of(blocks, {"J": 2}, {"sizes": sizes})
    (axis,) = declared_variables(naming).kinds["theta"].axes
    assert axis.labels == ("Ann\\x07", "Bo\\u202eb")
