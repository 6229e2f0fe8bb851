"""The driver's own method `evaluate`: densities, gradients and variables at given points."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from stanchion.stan.compiling import compile_program
from stanchion.stan.points import CannotEvaluateError
from stanchion.stan.points import evaluate as points_of
from stanchion.stan.process import run_program
from tests.stan.toolchains import toolchain_for_tests

pytestmark = pytest.mark.stan

PROGRAM = """\
// A normal sample with unknown mean and scale; everything has a closed form.
data {
  int<lower=0> N;
  vector[N] y;
}
parameters {
  real mu;
  real<lower=0> sigma;
}
transformed parameters {
  real variance = square(sigma);
}
model {
  if (sigma > 100) {
    reject("sigma is too large");
  }
  mu ~ normal(1, 2);
  y ~ normal(mu, sigma);
}
generated quantities {
  real twice = 2 * mu;
  real noise = normal_rng(mu, sigma);
}
"""
Y = np.array([0.3, -1.2, 2.5, 0.9])
POINTS = np.array([[0.4, 0.2], [-1.5, -0.7], [3.0, 1.1]])
"""mu and the logarithm of sigma."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    toolchain = toolchain_for_tests()
    if toolchain.origin != "wheel":
        pytest.skip("the method is of Stanchion's own driver, and another CmdStan is in use")
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "normal.stan").write_text(PROGRAM)
    target = folder / "normal"
    compile_program(
        folder / "normal.stan", target, toolchain, stanc_options={}, cpp_options={}, threads=False
    )
    (folder / "data.json").write_text(json.dumps({"N": len(Y), "y": Y.tolist()}))
    return target


def call(program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *words], cwd=program.parent, capture_output=True, text=True, check=False
    )


def evaluate(program: Path, points: Path, scale: str, *more: str) -> dict[str, np.ndarray]:
    """Return the columns that the method writes for the points of a file."""
    output = program.parent / "out.csv"
    words = ["evaluate", f"{scale}_params={points}", *more, "data", "file=data.json"]
    completed = call(program, *words, "random", "seed=3", "output", f"file={output}", "sig_figs=17")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    lines = [line for line in output.read_text().splitlines() if not line.startswith("#")]
    head, *rows = csv.reader(lines)
    table = np.array(rows, dtype=float)
    return dict(zip(head, table.T, strict=True))


def kernel(mu: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """The log density without constants: mu ~ Normal(1, 2), y ~ Normal(mu, sigma)."""
    squares = ((Y - mu[:, None]) ** 2).sum(1)
    return -((mu - 1) ** 2) / 8 - len(Y) * np.log(sigma) - squares / (2 * sigma**2)


@pytest.fixture(scope="module")
def columns(program: Path) -> dict[str, np.ndarray]:
    path = program.parent / "points.json"
    path.write_text(json.dumps({"params_r": POINTS.tolist()}))
    return evaluate(program, path, "unconstrained", "generated_quantities=1")


def test_densities_with_and_without_constants_and_jacobian(columns: dict[str, np.ndarray]) -> None:
    """The four densities differ by the normalising constants and by the Jacobian, log(sigma)."""
    mu, log_sigma = POINTS.T
    constants = -np.log(2) - (len(Y) + 1) / 2 * np.log(2 * np.pi)
    bare = kernel(mu, np.exp(log_sigma))
    for name, expected in (
        ("lp__", bare + constants + log_sigma),
        ("lp_no_jacobian__", bare + constants),
        ("lp_propto__", bare + log_sigma),
        ("lp_propto_no_jacobian__", bare),
    ):
        np.testing.assert_allclose(columns[name], expected, rtol=1e-13, err_msg=name)


def test_gradients_are_those_of_the_densities(columns: dict[str, np.ndarray]) -> None:
    """Gradients on the unconstrained scale equal the closed form, with and without the Jacobian."""
    mu, log_sigma = POINTS.T
    sigma = np.exp(log_sigma)
    by_mu = -(mu - 1) / 4 + (Y - mu[:, None]).sum(1) / sigma**2
    by_log_sigma = -len(Y) + ((Y - mu[:, None]) ** 2).sum(1) / sigma**2
    for jacobian, name in ((1, "gradient__"), (0, "gradient_no_jacobian__")):
        np.testing.assert_allclose(columns[f"{name}.mu"], by_mu, rtol=1e-12)
        np.testing.assert_allclose(columns[f"{name}.sigma"], by_log_sigma + jacobian, rtol=1e-12)


def test_all_variables_stand_beside_the_points(columns: dict[str, np.ndarray]) -> None:
    """Points come back as they were; parameters and quantities follow from them."""
    mu, log_sigma = POINTS.T
    np.testing.assert_array_equal(columns["unconstrained__.mu"], mu)
    np.testing.assert_array_equal(columns["unconstrained__.sigma"], log_sigma)
    np.testing.assert_allclose(columns["sigma"], np.exp(log_sigma), rtol=1e-15)
    np.testing.assert_allclose(columns["variance"], np.exp(2 * log_sigma), rtol=1e-15)
    np.testing.assert_array_equal(columns["twice"], 2 * mu)
    assert np.isfinite(columns["noise"]).all() and len(set(columns["noise"])) == len(POINTS)


def test_constrained_points_give_the_same(program: Path, columns: dict[str, np.ndarray]) -> None:
    """The same points on the declared scale, as a Stan CSV has them, give the same densities."""
    path = program.parent / "fit.csv"
    values = np.column_stack([columns["mu"], columns["sigma"]]).tolist()
    rows = [f"{mu!r},{sigma!r}" for mu, sigma in values]
    path.write_text(
        "\n".join(["mu,sigma", *rows]).replace("np.float64(", "").replace(")", "") + "\n"
    )
    again = evaluate(program, path, "constrained")
    for name in ("lp__", "lp_propto_no_jacobian__", "gradient__.sigma", "unconstrained__.sigma"):
        np.testing.assert_allclose(again[name], columns[name], rtol=1e-12)
    assert "twice" not in again and "variance" in again


def test_a_rejected_point_has_no_density(program: Path) -> None:
    """A point that the program rejects has density minus infinity, and the others are computed."""
    path = program.parent / "far.json"
    path.write_text(json.dumps({"params_r": [[0.0, 10.0], [0.4, 0.2]]}))
    columns = evaluate(program, path, "unconstrained")
    assert columns["lp__"][0] == -np.inf and np.isnan(columns["gradient__.mu"][0])
    assert np.isfinite(columns["lp__"][1]) and np.isfinite(columns["gradient__.mu"][1])


def test_nothing_of_cmdstans_help_names_it(program: Path) -> None:
    """Help, usage and the list of methods are CmdStan's, which has no such method."""
    shown = [call(program, *words) for words in (["help"], ["help-all"], [], ["nonsense"])]
    names = re.compile(r"(^|,)\s*evaluate\b", re.MULTILINE)
    assert not any(names.search(completed.stdout + completed.stderr) for completed in shown)
    assert names.search("  evaluate  Log densities") and names.search("laplace, evaluate")


def test_points_are_required(program: Path) -> None:
    """Without points, or with points of another length, one sentence says so."""
    data = ["data", "file=data.json"]
    assert (
        "No input parameter files"
        in (completed := call(program, "evaluate", *data)).stdout + completed.stderr
    )
    path = program.parent / "short.json"
    path.write_text(json.dumps({"params_r": [0.1]}))
    completed = call(program, "evaluate", f"unconstrained_params={path}", *data)
    assert (
        completed.returncode != 0
        and "Model has 2 parameters but 1 were found" in completed.stdout + completed.stderr
    )


def test_points_in_python_are_the_closed_forms(program: Path, tmp_path: Path) -> None:
    """Arrays of points on the unconstrained scale, and a file on the declared one, agree."""
    data = program.parent / "data.json"

    def run(arguments: Sequence[str], name: str) -> object:
        return run_program([str(program), *arguments], tmp_path / "log", chain=name)

    points = points_of(run, POINTS, data=data, folder=tmp_path, generated_quantities=True)
    mu, log_sigma = POINTS.T
    sigma = np.exp(log_sigma)
    residuals = Y - mu[:, None]
    gradient = np.stack(
        [
            -(mu - 1) / 4 + residuals.sum(1) / sigma**2,
            -len(Y) + (residuals**2).sum(1) / sigma**2,
        ],
        axis=1,
    )
    assert points.names == ("mu", "sigma")
    assert points.columns == ("mu", "sigma", "variance", "twice", "noise")
    np.testing.assert_array_equal(points.unconstrained, POINTS)
    np.testing.assert_allclose(points.lp_propto_no_jacobian, kernel(mu, sigma), rtol=1e-13)
    np.testing.assert_allclose(points.lp - points.lp_no_jacobian, log_sigma, rtol=1e-12)
    np.testing.assert_allclose(points.gradient_no_jacobian, gradient, rtol=1e-12)
    np.testing.assert_allclose(points.gradient, gradient + np.array([0, 1]), rtol=1e-12)
    np.testing.assert_allclose(points.values[:, 2], sigma**2, rtol=1e-15)
    declared = tmp_path / "declared.json"
    declared.write_text(json.dumps({"mu": mu[0], "sigma": sigma[0]}))
    again = points_of(run, declared, data=data, folder=tmp_path)
    np.testing.assert_allclose(again.unconstrained[0], POINTS[0], rtol=1e-15)
    assert again.columns == ("mu", "sigma", "variance")


def test_cmdstan_without_the_method_is_known_by_its_words(program: Path, tmp_path: Path) -> None:
    """What a CmdStan says of a method that it lacks becomes one sentence with a way out."""

    def lacks(arguments: Sequence[str], name: str) -> object:
        words = [word.replace("=evaluate", "=evaluated") for word in arguments]
        shell = '"$@" 2>&1 | sed s/evaluated/evaluate/; exit 1'
        command = ["sh", "-c", shell, "sh", str(program), *words]
        return run_program(command, tmp_path / "log", chain=name)

    with pytest.raises(CannotEvaluateError, match="stanchion toolchain install"):
        points_of(lacks, POINTS, data=program.parent / "data.json", folder=tmp_path)
