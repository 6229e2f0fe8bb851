"""Exact posteriors, each against numerical integration of its prior and likelihood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise
from math import isnan, log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from stanchion.errors import StepError
from stanchion.stats.conjugate.families import FAMILIES, new_rows_of, rows_of
from stanchion.stats.conjugate.marginal import (
    Beta,
    Gamma,
    InverseGamma,
    Marginal,
    Normal,
    RootInverseGamma,
    StudentT,
)
from stanchion.stats.conjugate.posterior import Posterior

SEED = 20261121
DESIGN = [[1.0, -1.2], [1.0, 0.3], [1.0, 0.9], [1.0, 2.1], [1.0, -0.4]]
RESPONSE = [0.2, 1.4, 2.2, 3.9, 0.9]
COUNTS = [[3, 1, 0], [2, 2, 4]]
CASES: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "beta_bernoulli": ({"N": 5, "outcome": [1, 0, 1, 1, 0]}, {"a": 0.7, "b": 2.0}),
    "beta_binomial": (
        {"N": 3, "successes": [3, 0, 9], "trials": [10, 4, 9]},
        {"a": 1.5, "b": 0.5},
    ),
    "gamma_poisson": (
        {"N": 4, "counts": [3, 0, 7, 2], "exposure": [1.5, 0.2, 3.0, 1.0]},
        {"shape": 0.8, "rate": 0.3},
    ),
    "normal": (
        {"N": 3, "y": [28.0, 8.0, -3.0], "sd": [15.0, 10.0, 16.0]},
        {"mean": 5.0, "sd": 20.0},
    ),
    "normal_inverse_gamma": (
        {"N": 5, "y": RESPONSE},
        {"mean": 1.0, "precision": 0.5, "shape": 3.0, "scale": 2.0},
    ),
    "regression": (
        {"N": 5, "K": 2, "y": RESPONSE, "X": DESIGN},
        {"mean": [0.5, 0.0], "precision": [0.5, 2.0], "shape": 9.0, "scale": 5.0},
    ),
    "dirichlet_multinomial": ({"N": 2, "K": 3, "counts": COUNTS}, {"concentration": [1, 2, 0.9]}),
}
EVERY = pytest.mark.parametrize("name", CASES)


def posterior(name: str, data: Mapping[str, Any] | None = None, **prior: Any) -> Posterior:
    case, declared = CASES[name]
    family = FAMILIES["normal_inverse_gamma" if name == "regression" else name]
    return family.posterior(case if data is None else data, {**declared, **prior})


def one_dimension(
    density: Callable[[float], float], low: float, high: float, inside: float
) -> tuple[float, float, float, Callable[[float], float]]:
    """Integrate prior × likelihood: evidence, mean, sd, and the distribution function."""

    def integral(of: Callable[[float], float], end: float = high) -> float:
        points = [x for x in (low, inside, end) if x <= end]
        return sum(
            integrate.quad(of, a, b, epsabs=0, epsrel=1e-11, limit=400)[0]
            for a, b in pairwise(points)
        )

    evidence = integral(density)
    mean = integral(lambda x: x * density(x)) / evidence
    variance = integral(lambda x: (x - mean) ** 2 * density(x)) / evidence
    return evidence, mean, variance**0.5, lambda x: integral(density, x) / evidence


def bernoulli(theta: float) -> float:
    data, prior = CASES["beta_bernoulli"]
    likelihood = np.prod(stats.bernoulli.pmf(data["outcome"], theta))
    return float(stats.beta.pdf(theta, prior["a"], prior["b"]) * likelihood)


def binomial(theta: float) -> float:
    data, prior = CASES["beta_binomial"]
    likelihood = np.prod(stats.binom.pmf(data["successes"], data["trials"], theta))
    return float(stats.beta.pdf(theta, prior["a"], prior["b"]) * likelihood)


def poisson(rate: float) -> float:
    data, prior = CASES["gamma_poisson"]
    likelihood = np.prod(stats.poisson.pmf(data["counts"], rate * np.array(data["exposure"])))
    density = stats.gamma.pdf(rate, prior["shape"], scale=1 / prior["rate"])
    return float(density * likelihood)


def normal(mu: float) -> float:
    data, prior = CASES["normal"]
    likelihood = np.prod(stats.norm.pdf(data["y"], mu, data["sd"]))
    return float(stats.norm.pdf(mu, prior["mean"], prior["sd"]) * likelihood)


@pytest.mark.parametrize(
    ("name", "scalar", "density", "limits"),
    [
        ("beta_bernoulli", "theta", bernoulli, (0.0, 1.0, 0.3)),
        ("beta_binomial", "theta", binomial, (0.0, 1.0, 0.9)),
        ("gamma_poisson", "lambda", poisson, (0.0, 30.0, 2.0)),
        ("normal", "mu", normal, (-150.0, 150.0, 9.0)),
    ],
)
def test_one_parameter_is_what_integration_gives(
    name: str, scalar: str, density: Callable[[float], float], limits: tuple[float, float, float]
) -> None:
    """Evidence, mean, sd and quantiles are those of prior × likelihood, integrated by quadrature.

    The tolerances are those of the quadrature, 1e-11 relative, with two digits to spare.
    """
    exact = posterior(name)
    evidence, mean, sd, distribution = one_dimension(density, *limits)
    marginal = exact.marginals()[scalar]
    assert exact.log_evidence == pytest.approx(log(evidence), abs=1e-9)
    assert marginal.mean == pytest.approx(mean, rel=1e-9)
    assert marginal.sd == pytest.approx(sd, rel=1e-9)
    for p in (0.05, 0.5, 0.95):
        assert distribution(float(marginal.quantile(p))) == pytest.approx(p, abs=1e-9)


def test_dirichlet_is_what_integration_over_the_simplex_gives() -> None:
    """Evidence and the parts' means are those of a two-dimensional quadrature."""
    _, prior = CASES["dirichlet_multinomial"]
    concentration = np.array(prior["concentration"], float)

    def density(second: float, first: float) -> float:
        theta = np.array([first, second, max(1 - first - second, 1e-300)])
        likelihood = np.prod([stats.multinomial.pmf(row, sum(row), theta) for row in COUNTS])
        constant = special.gamma(concentration.sum()) / special.gamma(concentration).prod()
        return float(constant * np.prod(theta ** (concentration - 1)) * likelihood)

    def integral(of: Callable[[float, float], float]) -> float:
        value, _ = integrate.dblquad(
            of, 0, 1, 0, lambda first: 1 - first, epsabs=1e-12, epsrel=1e-8
        )
        return float(value)

    exact, evidence = posterior("dirichlet_multinomial"), integral(density)
    assert exact.log_evidence == pytest.approx(log(evidence), abs=1e-6)
    marginals = exact.marginals()
    first = integral(lambda b, a: a * density(b, a)) / evidence
    second = integral(lambda b, a: b * density(b, a)) / evidence
    assert marginals["theta[1]"].mean == pytest.approx(first, rel=1e-6)
    assert marginals["theta[2]"].mean == pytest.approx(second, rel=1e-6)
    assert sum(part.mean for part in marginals.values()) == pytest.approx(1, abs=1e-15)
    square = integral(lambda b, a: a * a * density(b, a)) / evidence
    assert marginals["theta[1]"].sd == pytest.approx((square - first**2) ** 0.5, rel=1e-6)


@pytest.mark.parametrize("name", ["normal_inverse_gamma", "regression"])
def test_evidence_of_a_regression_is_that_of_integration_over_the_variance(name: str) -> None:
    """Given σ² the outcomes are jointly normal; the rest of the integral is a quadrature."""
    data, prior = CASES[name]
    design = np.array(data.get("X", np.ones((5, 1))))
    mean = np.broadcast_to(np.array(prior["mean"], float), design.shape[1])
    inverse = 1 / np.broadcast_to(np.array(prior["precision"], float), design.shape[1])
    spread = np.eye(5) + design @ np.diag(inverse) @ design.T

    def density(log_variance: float) -> float:
        variance = np.exp(log_variance)
        outcome = stats.multivariate_normal.pdf(data["y"], design @ mean, variance * spread)
        before = stats.invgamma.pdf(variance, prior["shape"], scale=prior["scale"])
        return float(outcome * before * variance)

    evidence = integrate.quad(density, -15, 15, epsabs=0, epsrel=1e-11, limit=400)[0]
    assert posterior(name).log_evidence == pytest.approx(log(evidence), abs=1e-9)


def test_marginals_of_a_regression_are_those_of_a_grid() -> None:
    """Moments and quantiles are those of prior × likelihood on a grid of 201 points a dimension.

    The trapezoidal rule of a smooth density that has vanished at the ends errs far less than the
    tolerance, 2e-4, which is what the ends of the grid cut off.
    """
    data, prior = CASES["regression"]
    exact = posterior("regression")
    marginals = exact.marginals()
    axes = [
        np.linspace(m.mean - 9 * m.sd, m.mean + 9 * m.sd, 201)
        for m in (marginals["beta[1]"], marginals["beta[2]"])
    ]
    log_sigma = np.linspace(-2.2, 1.6, 201)
    first, second, logs = np.meshgrid(*axes, log_sigma, indexing="ij")
    variance = np.exp(2 * logs)
    density = stats.invgamma.logpdf(variance, prior["shape"], scale=prior["scale"]) + 2 * logs
    for mean, precision, axis in zip(
        prior["mean"], prior["precision"], (first, second), strict=True
    ):
        density += stats.norm.logpdf(axis, mean, np.sqrt(variance / precision))
    for y, row in zip(data["y"], data["X"], strict=True):
        density += stats.norm.logpdf(y, row[0] * first + row[1] * second, np.sqrt(variance))
    weights = np.exp(density - density.max())
    weights /= weights.sum()
    for name, values, grid in (
        ("beta[1]", first, axes[0]),
        ("beta[2]", second, axes[1]),
        ("sigma2", variance, np.exp(2 * log_sigma)),
        ("sigma", np.exp(logs), np.exp(log_sigma)),
    ):
        mean = float((weights * values).sum())
        sd = float((weights * (values - mean) ** 2).sum()) ** 0.5
        assert marginals[name].mean == pytest.approx(mean, abs=2e-4 * sd), name
        assert marginals[name].sd == pytest.approx(sd, rel=2e-4), name
        along = {"beta[1]": (1, 2), "beta[2]": (0, 2)}.get(name, (0, 1))
        density_along = weights.sum(axis=along)
        below = np.cumsum(density_along) - density_along / 2
        for p in (0.05, 0.5, 0.95):
            expected = np.interp(p, below, grid)
            assert float(marginals[name].quantile(p)) == pytest.approx(expected, abs=0.02 * sd)


@EVERY
def test_draws_are_of_the_marginals(name: str) -> None:
    """Draws of the fixed seed pass a Kolmogorov-Smirnov test against quantiles, p above 0.001."""
    exact = posterior(name)
    draws = exact.draw(4000, np.random.default_rng(SEED))
    for scalar, marginal in exact.marginals().items():
        variable, _, index = scalar.partition("[")
        values = draws[variable][..., int(index[:-1]) - 1] if index else draws[variable]
        shares = (np.arange(4000) + 0.5) / 4000
        distance = np.abs(np.sort(values) - marginal.quantile(shares))
        below = np.searchsorted(marginal.quantile(shares), np.sort(values)) / 4000
        assert np.abs(below - shares).max() < stats.kstwo.isf(0.001, 4000), (scalar, distance.max())


@EVERY
def test_density_of_draws_is_prior_times_likelihood_over_evidence(name: str) -> None:
    """log p(θ | y) = log p(θ) + Σ log p(y | θ) − log p(y) at each draw: the log_lik is whole."""
    case, _ = CASES[name]
    exact = posterior(name)
    draws = exact.draw(50, np.random.default_rng(SEED))
    family = FAMILIES["normal_inverse_gamma" if name == "regression" else name]
    likelihood = family.likelihood(case).log_density(draws)
    assert likelihood.shape == (50, case["N"])
    joint = exact.log_prior(draws) + likelihood.sum(axis=1)
    assert exact.log_density(draws) == pytest.approx(joint - exact.log_evidence, abs=1e-9)


@EVERY
def test_replications_have_the_predictive_mean(name: str) -> None:
    """Their mean over 20,000 draws is that of the outcome's mean, within five standard errors."""
    case, _ = CASES[name]
    family = FAMILIES["normal_inverse_gamma" if name == "regression" else name]
    draws = posterior(name).draw(20_000, np.random.default_rng(SEED))
    outcomes = family.likelihood(case).outcomes(draws, np.random.default_rng(SEED + 1))
    first = outcomes[:, 0].reshape(20_000, -1)[:, 0].astype(float)
    expected = {
        "beta_bernoulli": lambda: draws["theta"],
        "beta_binomial": lambda: 10 * draws["theta"],
        "gamma_poisson": lambda: 1.5 * draws["lambda"],
        "normal": lambda: draws["mu"],
        "normal_inverse_gamma": lambda: draws["mu"],
        "regression": lambda: draws["beta"] @ np.array(DESIGN[0]),
        "dirichlet_multinomial": lambda: 4 * draws["theta"][:, 0],
    }[name]()
    assert abs((first - expected).mean()) < 5 * (first - expected).std() / 20_000**0.5
    assert outcomes.shape[:2] == (20_000, case["N"])


@pytest.mark.parametrize("name", ["beta_bernoulli", "beta_binomial", "gamma_poisson", "regression"])
def test_new_rows_are_predicted_from_their_inputs(name: str) -> None:
    """New rows need their inputs alone, and there may be none."""
    case, _ = CASES[name]
    family = FAMILIES["normal_inverse_gamma" if name == "regression" else name]
    draws = posterior(name).draw(3, np.random.default_rng(SEED))
    inputs = {variable.name for variable in family.inputs} & case.keys()
    for count in (2, 0):
        new = {f"{variable}_new": np.array(case[variable][:count]) for variable in inputs}
        rows = new_rows_of(family, case | new | {"N_new": count})
        outcomes = family.likelihood(rows).outcomes(draws, np.random.default_rng(SEED))
        assert outcomes.shape == (3, count)


@EVERY
def test_a_stream_is_one_batch_to_the_bit(name: str) -> None:
    """The rows in any order give the same posterior: each sum is rounded once, of all rows."""
    case, _ = CASES[name]
    generator = np.random.default_rng(SEED)
    count = 60
    rows = case | {"N": count}
    for key in case.keys() - {"N", "K"}:
        rows[key] = np.array((case[key] * count)[:count])
    if "y" in rows:
        rows["y"] = rows["y"] + generator.normal(0, 1e-3, count)
    order = generator.permutation(count)
    shuffled = {k: v if k in ("N", "K") else v[order] for k, v in rows.items()}
    one, other = (posterior(name, data) for data in (rows, shuffled))
    for scalar, marginal in one.marginals().items():
        assert marginal.summary() == other.marginals()[scalar].summary(), scalar
    seeds = [np.random.default_rng(SEED) for _ in range(2)]
    drawn = [p.draw(20, seed) for p, seed in zip((one, other), seeds, strict=True)]
    for variable, values in drawn[0].items():
        assert values.tobytes() == drawn[1][variable].tobytes(), variable


def expectation(marginal: Marginal, of: Callable[[float], float]) -> float:
    """Integrate over the shares below, which are those of a normal number."""
    value, _ = integrate.quad(
        lambda z: of(float(marginal.quantile(special.ndtr(z)))) * float(stats.norm.pdf(z)),
        *(-8, 8),
        epsabs=0,
        epsrel=1e-10,
        limit=500,
    )
    return float(value)


MARGINALS: list[tuple[Marginal, Any]] = [
    (Beta(2.5, 4.0), stats.beta(2.5, 4.0)),
    (Beta(0.4, 3.0), stats.beta(0.4, 3.0)),
    (Beta(40.0, 1.0), stats.beta(40.0, 1.0)),
    (Beta(3e8, 2e9), stats.beta(3e8, 2e9)),
    (Gamma(3.0, 0.5), stats.gamma(3.0, scale=2.0)),
    (Gamma(0.6, 2.0), stats.gamma(0.6, scale=0.5)),
    (Normal(-3.0, 0.2), stats.norm(-3.0, 0.2)),
    (StudentT(3.0, 1.0, 2.0), stats.t(3.0, 1.0, 2.0)),
    (InverseGamma(4.0, 3.0), stats.invgamma(4.0, scale=3.0)),
    (RootInverseGamma(4.0, 3.0), None),
    (RootInverseGamma(5000.0, 3.0), None),
]


@pytest.mark.parametrize(("marginal", "reference"), MARGINALS)
def test_summaries_hold_what_they_say(marginal: Marginal, reference: Any) -> None:
    """MAD and HDI by their definitions, with a distribution function of scipy."""
    numbers = marginal.summary({"prob": 0.8, "kind": "hdi"})

    def below(x: float) -> float:
        if reference is not None:
            return float(reference.cdf(x))
        return float(stats.invgamma.cdf(x * x, marginal.shape, scale=marginal.scale))  # type: ignore[attr-defined]

    def density(x: float) -> float:
        step = marginal.sd * 1e-4
        return (below(x + step) - below(x - step)) / (2 * step)

    deviation = numbers["mad"] / 1.482602218505602
    inside = below(numbers["median"] + deviation) - below(numbers["median"] - deviation)
    assert inside == pytest.approx(0.5, abs=1e-7)
    lower, upper = numbers["hdi80_lower"], numbers["hdi80_upper"]
    assert below(upper) - below(lower) == pytest.approx(0.8, abs=1e-7)
    widths = marginal.quantile(np.linspace(0, 0.2, 999) + 0.8) - marginal.quantile(
        np.linspace(0, 0.2, 999)
    )
    assert upper - lower <= widths.min() * (1 + 1e-9)
    if below(lower) > 1e-6 and below(upper) < 1 - 1e-6:
        assert density(lower) == pytest.approx(density(upper), rel=1e-3)
    assert numbers["mean"] == pytest.approx(expectation(marginal, lambda x: x), rel=1e-6)
    assert below(numbers["q5"]) == pytest.approx(0.05, abs=1e-7)
    assert below(numbers["q95"]) == pytest.approx(0.95, abs=1e-7)


@pytest.mark.parametrize("shape", [3.0, 40.0, 999.0, 1002.0, 1e6])
def test_sd_of_sigma_is_that_of_quadrature(shape: float) -> None:
    """Where the variance is a small difference it is as good as elsewhere."""
    marginal = RootInverseGamma(shape, 2.0)
    mean = marginal.mean
    square = expectation(marginal, lambda x: (x - mean) ** 2)
    assert marginal.sd == pytest.approx(square**0.5, rel=1e-6)


@given(
    a=st.floats(1e-2, 1e12),
    b=st.floats(1e-2, 1e12),
    p=st.sampled_from([0.01, 0.05, 0.5, 0.95, 0.99]),
)
@settings(deadline=None, max_examples=300, derandomize=True)
def test_quantiles_of_beta_hold_their_share(a: float, b: float, p: float) -> None:
    """The distribution function at a quantile is p, but for what a double's last digit moves.

    Where both parameters are large scipy's own function is no judge: the normal one is, with the
    error of the skewness, 1 / √min(a, b).
    """
    marginal = Beta(a, b)
    x = float(marginal.quantile(p))
    near = sorted(np.clip([np.nextafter(x, -1), np.nextafter(x, 2)], 0, 1))
    if min(a, b) >= 1e8:
        low, high = (float(stats.norm.cdf((y - marginal.mean) / marginal.sd)) for y in near)
        slack = 1 / min(a, b) ** 0.5
    else:
        low, high = (float(special.betainc(a, b, y)) for y in near)
        slack = 1e-8
        if x > 0.5:
            low, high = (1 - float(special.betainc(b, a, 1 - y)) for y in near)
    assert low - slack <= p <= high + slack


@given(
    successes=st.lists(st.integers(0, 10**15), min_size=1, max_size=5),
    failures=st.integers(0, 10**15),
    a=st.floats(1e-3, 1e3),
    b=st.floats(1e-3, 1e3),
)
@settings(deadline=None, max_examples=200, derandomize=True)
def test_moments_of_beta_for_any_counts(
    successes: list[int], failures: int, a: float, b: float
) -> None:
    """Mean and sd are those of rational arithmetic, up to 1e15 successes a row."""
    data = {
        "N": len(successes),
        "successes": successes,
        "trials": [s + failures for s in successes],
    }
    marginal = posterior("beta_binomial", data, a=a, b=b).marginals()["theta"]
    after = Fraction(a) + sum(successes), Fraction(b) + failures * len(successes)
    total = sum(after)
    variance = after[0] * after[1] / (total**2 * (total + 1))
    assert marginal.mean == pytest.approx(float(after[0] / total), rel=1e-13)
    assert marginal.sd == pytest.approx(float(variance) ** 0.5, rel=1e-13)


@given(
    rows=st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3)), min_size=1, max_size=20),
    mean=st.floats(-1e3, 1e3),
    sd=st.floats(1e-3, 1e3),
)
@settings(deadline=None, max_examples=200, derandomize=True)
def test_moments_of_normal_for_any_rows(
    rows: list[tuple[float, float]], mean: float, sd: float
) -> None:
    """Mean and sd are those of rational arithmetic."""
    y, deviations = zip(*rows, strict=True)
    data = {"N": len(rows), "y": list(y), "sd": list(deviations)}
    marginal = posterior("normal", data, mean=mean, sd=sd).marginals()["mu"]
    weights = [1 / Fraction(d) ** 2 for d in (sd, *deviations)]
    precision = sum(weights)
    exact = sum(w * Fraction(x) for w, x in zip(weights, (mean, *y), strict=True)) / precision
    size = float(sum(w * abs(Fraction(x)) for w, x in zip(weights, (mean, *y), strict=True)))
    assert marginal.mean == pytest.approx(
        float(exact), abs=1e-14 * size / float(precision) + 1e-300
    )
    assert marginal.sd == pytest.approx(float(1 / precision) ** 0.5, rel=1e-13)


@given(
    counts=st.lists(st.integers(0, 10**12), min_size=1, max_size=5),
    exposure=st.floats(1e-3, 1e3),
    shape=st.floats(1e-3, 1e3),
    rate=st.floats(1e-3, 1e3),
)
@settings(deadline=None, max_examples=200, derandomize=True)
def test_moments_of_gamma_for_any_counts(
    counts: list[int], exposure: float, shape: float, rate: float
) -> None:
    """Mean and sd are those of rational arithmetic."""
    data = {"N": len(counts), "counts": counts, "exposure": exposure}
    marginal = posterior("gamma_poisson", data, shape=shape, rate=rate).marginals()["lambda"]
    after = Fraction(shape) + sum(counts), Fraction(rate) + len(counts) * Fraction(exposure)
    assert marginal.mean == pytest.approx(float(after[0] / after[1]), rel=1e-13)
    assert marginal.sd == pytest.approx(float(after[0] / after[1] ** 2) ** 0.5, rel=1e-13)


@given(
    y=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8),
    mean=st.floats(-1e3, 1e3),
    precision=st.floats(1e-3, 1e3),
    shape=st.floats(2.1, 50),
    scale=st.floats(1e-2, 1e3),
)
@settings(deadline=None, max_examples=200, derandomize=True)
def test_moments_of_normal_inverse_gamma_for_any_rows(
    y: list[float], mean: float, precision: float, shape: float, scale: float
) -> None:
    """Means of μ and σ² are those of rational arithmetic, one row at a time."""
    prior = {"mean": mean, "precision": precision, "shape": shape, "scale": scale}
    marginals = posterior("normal_inverse_gamma", {"N": len(y), "y": y}, **prior).marginals()
    m, k, a, b = (Fraction(number) for number in (mean, precision, shape, scale))
    for x in map(Fraction, y):
        b += k * (x - m) ** 2 / (2 * (k + 1))
        m = (k * m + x) / (k + 1)
        a, k = a + Fraction(1, 2), k + 1
    size = max(abs(mean), *map(abs, y))
    assert marginals["mu"].mean == pytest.approx(float(m), abs=1e-14 * size)
    assert marginals["sigma2"].mean == pytest.approx(
        float(b / (a - 1)), rel=1e-12, abs=1e-13 * size**2
    )


def test_evidence_of_huge_counts_is_exact() -> None:
    """With a flat prior each number of successes of n has probability 1 / (n + 1), at 1e15 too."""
    for successes in (0, 1, 10**14, 5 * 10**14, 10**15):
        data = {"N": 1, "successes": [successes], "trials": [10**15]}
        exact = posterior("beta_binomial", data, a=1, b=1)
        assert exact.log_evidence == pytest.approx(-log(10**15 + 1), abs=1e-9)
        draws = exact.draw(20, np.random.default_rng(SEED))
        joint = exact.log_prior(draws) + FAMILIES["beta_binomial"].likelihood(data).log_density(
            draws
        ).sum(axis=1)
        # θ itself is rounded by 1e-16, which moves either density by n times that and no more
        assert exact.log_density(draws) == pytest.approx(joint - exact.log_evidence, abs=1e-6)


def test_one_row_has_a_posterior_for_a_proper_prior() -> None:
    """A single outcome adds half a degree to the shape; moments that do not exist stay NaN."""
    data = {"N": 1, "y": [2.0]}
    heavy = posterior("normal_inverse_gamma", data, shape=0.25, scale=1.0).marginals()
    assert heavy["mu"].summary()["mean"] == pytest.approx((2.0 + 0.5) / 1.5)
    assert isnan(heavy["mu"].summary()["sd"])
    assert isnan(heavy["sigma2"].summary()["mean"])
    assert isnan(heavy["sigma2"].summary()["sd"])
    assert heavy["sigma"].summary()["mean"] > 0
    assert isnan(heavy["sigma"].summary()["sd"])
    light = posterior("normal_inverse_gamma", data, shape=0.1, scale=1.0).marginals()
    assert light["mu"].summary()["mean"] == pytest.approx((2.0 + 0.5) / 1.5)
    assert all(np.isfinite([light["sigma2"].summary()[q] for q in ("q5", "median", "q95")]))


def test_columns_that_depend_on_each_other_are_refused_unless_the_prior_parts_them() -> None:
    """A nearly singular precision would leave no digit of the coefficients."""
    data = {"N": 3, "K": 2, "y": [1.0, 2.0, 3.0], "X": [[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]}
    with pytest.raises(StepError, match="columns of X depend on each other"):
        posterior("regression", data, mean=0.0, precision=1e-14)
    exact = posterior("regression", data, mean=0.0, precision=1.0).marginals()
    ridge = np.linalg.solve(np.array([[15.0, 28.0], [28.0, 57.0]]), [14.0, 28.0])
    assert [exact["beta[1]"].mean, exact["beta[2]"].mean] == pytest.approx(ridge.tolist())


def test_extreme_counts_stay_inside() -> None:
    """All successes and a small prior: no draw is rounded to 1, no density is infinite."""
    for successes in ([20, 30], [0, 0]):
        data = {"N": 2, "successes": successes, "trials": [20, 30]}
        exact = posterior("beta_binomial", data, a=0.01, b=0.01)
        draws = exact.draw(4000, np.random.default_rng(SEED))
        assert ((draws["theta"] > 0) & (draws["theta"] < 1)).all()
        assert np.isfinite(exact.log_density(draws)).all()
    nothing = {"N": 1, "successes": [0], "trials": [0]}
    exact = posterior("beta_binomial", nothing, a=2.0, b=3.0)
    assert exact.log_evidence == 0
    assert exact.marginals()["theta"].mean == pytest.approx(0.4)


def test_first_rows_are_a_batch() -> None:
    """Rows are cut where they are by row; one number for all of them stays."""
    family = FAMILIES["gamma_poisson"]
    data = {"N": 4, "counts": [3, 0, 7, 2], "exposure": 2.0, "N_new": 1}
    assert rows_of(family, data, first=2) == {"N": 2, "counts": [3, 0], "exposure": 2.0}
    assert rows_of(family, data) == {"N": 4, "counts": [3, 0, 7, 2], "exposure": 2.0}
