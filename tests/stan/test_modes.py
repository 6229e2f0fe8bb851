"""Modes and their errors against closed forms, from the program to the verdict."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stanchion.errors import ChainError
from stanchion.methods.catalogue import METHODS
from stanchion.stan.compiling import compile_program
from stanchion.steps import collect_draws, sample_fit
from tests.stan.toolchains import toolchain_for_tests
from tests.unit.draws_cases import job, variables, write_json
from tests.unit.steps_cases import collecting, diagnose, read_csv, verdicts_of

pytestmark = pytest.mark.stan

PROGRAM = """\
// Log densities whose modes are known; `kind` chooses one.
data {
  int<lower=0> N;
  vector[N] y;
  int<lower=1, upper=5> kind;
}
parameters {
  real mu;
  real<lower=0> s;
}
transformed parameters {
  real twice = 2 * mu;
}
model {
  if (kind == 1) {
    y ~ normal(mu, 2);
    s ~ gamma(3, 2);
  } else if (kind == 2) {
    target += log_mix(0.6, normal_lpdf(mu | -5, 1), normal_lpdf(mu | 5, 1));
    s ~ gamma(3, 2);
  } else if (kind == 3) {
    y ~ normal(mu, s);
  } else if (kind == 4) {
    y[1] ~ normal(mu, s);
  } else {
    y ~ normal(mu + log(s), 2);
  }
}
generated quantities {
  real noise = normal_rng(mu, s);
}
"""
NORMAL, TWO_MODES, LEAST_SQUARES, UNBOUNDED, RIDGE = range(1, 6)
Y = np.array([0.3, -1.2, 2.5, 0.9])
DECLARED = variables(
    parameters="real mu; real s",
    transformed_parameters="real twice",
    generated_quantities="real noise",
)


@dataclass(frozen=True)
class Taken:
    """What a fit was found to be."""

    summary: dict[str, dict[str, str]]
    diagnostics: dict[str, Any]

    @property
    def verdicts(self) -> dict[str, str]:
        """Of the checks that did not pass."""
        return {n: v for n, v in verdicts_of(self.diagnostics).items() if v != "pass"}

    def column(self, name: str) -> list[float]:
        """Return a column of the summary, NaN for what is empty."""
        return [float(row[name] or "nan") for row in self.summary.values()]


@dataclass(frozen=True)
class Program:
    """The compiled program, and a folder for each fit."""

    executable: Path
    folder: Path

    def fit(self, kind: int, method: str = "optimize", **settings: Any) -> Taken:
        """Sample a fit by its procedure, collect and diagnose it."""
        folder = self.folder / f"fit_{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        declared = METHODS[method].model_validate(settings)
        common = {"method": method, "method_version": declared.version}
        common |= {"settings": declared.settings, "seed": 7, "keep": [], "fit": "a/d/m/f"}
        roles = dict.fromkeys(("parameters", "observed", "replicated", "predicted"))
        arguments = {**common, "variables": {**roles, "declared": DECLARED}, "checks": {}}
        arguments |= {"jobs": 2, "threads": 1, "time_limit": None}
        data = write_json(folder / "data.json", {"N": len(Y), "y": Y.tolist(), "kind": kind})
        inputs: dict[str, Path | list[Path]] = {"data": data, "executable": self.executable}
        step = job(folder, "sample_fit", arguments, inputs, {"chains": "chains.zip"})
        descriptor = os.open(self.executable, os.O_RDONLY)
        descriptors = {"executable": descriptor}
        try:
            made_of = {"upstream": [str(data), "program"]}
            sample_fit.run(replace(step, descriptors=descriptors, made_of=made_of))
        finally:
            os.close(descriptor)
        meta = write_json(folder / "meta.json", {"sizes": {}})
        inputs = {"chains": [folder / "chains.zip"], "data": data, "meta": meta}
        outputs = {"draws": "draws.nc", "summary": "summary.csv"}
        collected = collecting(**common, variables=DECLARED, **roles)
        collect_draws.run(job(folder, "collect_draws", collected, inputs, outputs))
        summary = {row["variable"]: row for row in read_csv(folder / "summary.csv")}
        return Taken(summary, diagnose(folder, method))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    toolchain = toolchain_for_tests()
    if toolchain.origin != "wheel":
        pytest.skip("the curvature is of Stanchion's own driver, and another CmdStan is in use")
    folder = tmp_path_factory.mktemp("modes")
    (folder / "modes.stan").write_text(PROGRAM)
    target = folder / "modes"
    compile_program(
        folder / "modes.stan", target, toolchain, stanc_options={}, cpp_options={}, threads=False
    )
    return target


@pytest.fixture
def program(compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "cache"))
    (tmp_path / "fits").mkdir()
    yield Program(compiled, tmp_path / "fits")


@pytest.mark.parametrize("algorithm", ["lbfgs", "bfgs", "newton"])
def test_modes_and_errors_are_the_closed_forms(program: Program, algorithm: str) -> None:
    """A normal mean with known sd, and Gamma(3, 2) on both scales: its mode moves by Jacobian.

    On the declared scale the mode is (a - 1)/b with error √(a - 1)/b, on the logarithm a/b, whose
    error √(1/a) the delta method brings back. Newton's method in CmdStan stops at a change of the
    log density of 1e-8, and so within 1e-4 standard errors.
    """
    mean, error = Y.mean(), 2 / np.sqrt(len(Y))
    declared = program.fit(NORMAL, algorithm=algorithm)
    exact = {"estimate": [mean, 1, 2 * mean], "se": [error, np.sqrt(0.5), 2 * error]}
    tolerance = 1e-3 if algorithm == "newton" else 1e-5
    for column, values in exact.items():
        np.testing.assert_allclose(declared.column(column), values, rtol=tolerance)
    assert list(declared.summary) == ["mu", "s", "twice"]
    assert declared.verdicts == {}
    unconstrained = program.fit(NORMAL, algorithm=algorithm, jacobian=True)
    assert unconstrained.column("estimate")[1] == pytest.approx(1.5, rel=tolerance)
    assert unconstrained.column("se")[1] == pytest.approx(1.5 / np.sqrt(3), rel=tolerance)


def test_maximum_likelihood_is_least_squares(program: Program) -> None:
    """Without priors, mean and the root of the mean square, with the errors of the information."""
    result = program.fit(LEAST_SQUARES)
    s = Y.std()
    np.testing.assert_allclose(result.column("estimate"), [Y.mean(), s, 2 * Y.mean()], rtol=1e-5)
    errors = [s / np.sqrt(len(Y)), s / np.sqrt(2 * len(Y)), 2 * s / np.sqrt(len(Y))]
    np.testing.assert_allclose(result.column("se"), errors, rtol=1e-5)


def test_two_modes_are_a_warning(program: Program) -> None:
    """The higher of two modes is taken, whatever start finds it; both stand in the check."""
    result = program.fit(TWO_MODES, starts=8)
    assert result.column("estimate")[0] == pytest.approx(-5, abs=1e-6)
    assert result.verdicts == {"modes": "warn"}
    (check,) = [c for c in result.diagnostics["checks"] if c["check"] == "modes"]
    assert check["value"] == 2 and len(check["where"]) == 2
    tried = result.diagnostics["attempts"]["tried"]
    assert len(tried) == 9 and tried[-1]["because"] == "of 8 starts, with 2 distinct modes"


def test_a_ridge_has_a_point_and_no_errors(program: Program) -> None:
    """Two parameters that the data cannot tell apart: no error stands there, and the fit fails."""
    result = program.fit(RIDGE)
    assert np.isnan(result.column("se")).all()
    assert {"converged", "curvature"} <= result.verdicts.keys()
    assert {result.verdicts[name] for name in ("converged", "curvature")} == {"fail"}


def test_an_unbounded_likelihood_is_no_mode(program: Program) -> None:
    """A scale that shrinks to nothing: whatever the optimiser says, it does not pass."""
    try:
        result = program.fit(UNBOUNDED)
    except ChainError as error:
        assert "ended at no point" in str(error)
    else:
        assert result.diagnostics["verdict"] == "fail"
        assert np.isnan(result.column("se")).all()


def test_too_few_iterations_are_no_mode(program: Program) -> None:
    """An optimiser that is stopped has not converged, and says so."""
    result = program.fit(LEAST_SQUARES, iter=2)
    assert result.verdicts["converged"] == "fail"
    (check,) = [c for c in result.diagnostics["checks"] if c["check"] == "converged"]
    assert "met its most iterations" in check["note"]


def test_laplace_is_the_normal_at_the_mode(program: Program) -> None:
    """Draws about the highest mode, weighed to the posterior: here a normal mean and a Gamma.

    Of 4,000 draws, four Monte Carlo errors: mu has sd 1, Gamma(3, 2) mean 1.5 and sd √3/2, both
    errors those of the weights' effective sample size.
    """
    result = program.fit(NORMAL, "laplace", draws=4000)
    assert result.verdicts == {}
    assert result.diagnostics["weighting"] == "resampled"
    for row, mean in zip(result.summary.values(), (Y.mean(), 1.5), strict=False):
        assert abs(float(row["mean"]) - mean) < 4 * float(row["mcse_mean"])
    sd = float(result.summary["s"]["sd"])
    assert sd == pytest.approx(np.sqrt(3) / 2, rel=4 / np.sqrt(2 * 1000))


def test_laplace_of_two_modes_warns(program: Program) -> None:
    """k̂ cannot see the mode that the draws never come near; the starts do."""
    result = program.fit(TWO_MODES, "laplace", starts=8)
    assert result.verdicts["modes"] == "warn"
    assert float(result.summary["mu"]["mean"]) == pytest.approx(-5, abs=0.5)


def test_laplace_of_an_improper_density_is_one_sentence(program: Program) -> None:
    """On the unconstrained scale the ridge rises for ever, by the Jacobian: no start ends."""
    with pytest.raises(ChainError, match="the optimiser ended at no point, from 4 starts"):
        program.fit(RIDGE, "laplace")
