"""Gaussian processes, against their closed forms at the hyperparameters of each draw."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy import linalg, stats

from tests.gallery.results import DATA, ERRORS, Run, answers, slow, verdict
from tests.project import ROOT, ProjectDir

pytestmark = [pytest.mark.stan, slow]
Floats = NDArray[np.float64]
Draw = Mapping[str, float]
Covariance = Callable[[Floats, Floats, Draw], Floats]


def exp_quad(s: Floats, t: Floats, draw: Draw) -> Floats:
    """Return the squared exponential covariance."""
    return draw["alpha"] ** 2 * np.exp(-((s[:, None] - t) ** 2) / (2 * draw["rho"] ** 2))


def matern52(s: Floats, t: Floats, draw: Draw) -> Floats:
    """Return the Matérn covariance of 5/2 (Rasmussen & Williams 2006, equation 4.17)."""
    r = np.sqrt(5) * np.abs(s[:, None] - t) / draw["rho"]
    return draw["alpha"] ** 2 * (1 + r + r**2 / 3) * np.exp(-r)


def wave(s: Floats, t: Floats, alpha: float, rho: float) -> Floats:
    """Return the periodic covariance of the period 1 (MacKay 1998, equation 47)."""
    return alpha**2 * np.exp(-2 * np.sin(np.pi * (s[:, None] - t)) ** 2 / rho**2)


def periodic(s: Floats, t: Floats, draw: Draw) -> Floats:
    """Return the periodic covariance of a draw."""
    return wave(s, t, draw["alpha"], draw["rho"])


def trend_and_wave(s: Floats, t: Floats, draw: Draw) -> Floats:
    """Return the sum of a smooth trend's covariance and a wave's."""
    return exp_quad(s, t, draw) + wave(s, t, draw["alpha_wave"], draw["rho_wave"])


KERNELS: Mapping[str, Covariance] = {
    "exp_quad": exp_quad,
    "matern52": matern52,
    "periodic": periodic,
    "sum": trend_and_wave,
}


def posterior(fit: Path) -> tuple[Any, list[dict[str, float]]]:
    """Return the draws of a fit, and its hyperparameters by draw."""
    tree = xr.open_datatree(fit / "draws.nc", engine="h5netcdf")
    scalars = {
        str(name): variable.to_numpy().ravel()
        for name, variable in tree["posterior"].data_vars.items()
        if variable.ndim == 2
    }
    names = list(scalars)
    rows = np.column_stack([scalars[name] for name in names]).tolist()
    return tree, [dict(zip(names, row, strict=True)) for row in rows]


def flat(variable: xr.DataArray) -> Floats:
    """Return a variable as `draw × element`."""
    return variable.to_numpy().reshape(-1, variable.shape[-1])


class Process:
    """A Gaussian process in closed form (Rasmussen & Williams 2006, section 2.2).

    `covariance` is that of inputs, without noise.
    """

    def __init__(
        self,
        covariance: Callable[[Floats, Floats], Floats],
        sigma: float,
        level: float,
        rows: tuple[Floats, Floats],
    ) -> None:
        self.covariance, self.level = covariance, level
        self.t, self.y = rows
        self.noisy = covariance(self.t, self.t) + sigma**2 * np.eye(len(self.t))

    def given(self, at: Floats) -> tuple[Floats, Floats]:
        """Return mean and covariance at inputs, without noise."""
        cross = self.covariance(self.t, at)
        solved = np.linalg.solve(self.noisy, cross)
        mean = self.level + solved.T @ (self.y - self.level)
        return mean, self.covariance(at, at) - cross.T @ solved

    def log_density_of(self, row: int) -> float:
        """Return the log density of a row given the others, which are solved for without it."""
        others = np.arange(len(self.y)) != row
        cross = self.noisy[others, row]
        solved = np.linalg.solve(self.noisy[np.ix_(others, others)], cross)
        mean = self.level + solved @ (self.y[others] - self.level)
        return float(
            stats.norm.logpdf(self.y[row], mean, np.sqrt(self.noisy[row, row] - cross @ solved))
        )


def months() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Return years since 1993 and CO₂ of the fitted months, and of the later ones."""
    table = pd.read_csv(DATA / "co2.csv", parse_dates=["month"])
    t = ((table["month"] - pd.Timestamp("1993-01-01")).dt.days / 365.25).to_numpy(np.float64)
    y, fitted = table["co2"].to_numpy(np.float64), (table["year"] < 1996).to_numpy()
    return (t[fitted], y[fitted]), (t[~fitted], y[~fitted])


def of_draw(kernel: str, draw: Draw) -> Process:
    """Return the process of a draw: line and curve, with the prior as its declaration says it."""

    def covariance(s: Floats, t: Floats) -> Floats:
        return 100 + 4 * s[:, None] * t + KERNELS[kernel](s, t, draw)

    return Process(covariance, draw["sigma"], 355, months()[0])


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_row_given_all_others_has_the_density_of_a_fit_without_it(run: Run, kernel: str) -> None:
    """`log_lik`, by the inverse of one covariance, is that by leaving each row out, to 1e-6."""
    fit = run("gaussian_process") / f"kernels/co2/{kernel}/nuts"
    assert verdict(fit) == "pass"
    tree, draws = posterior(fit)
    log_lik = flat(tree["log_likelihood"]["y"])
    for number in (0, len(draws) // 2, len(draws) - 1):
        process = of_draw(kernel, draws[number])
        exact = [process.log_density_of(row) for row in range(len(process.y))]
        np.testing.assert_allclose(log_lik[number], exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
def test_predictions_have_the_mean_and_covariance_of_each_draw(run: Run, kernel: str) -> None:
    """Outcomes at new months, less their mean, are N(0, 1): by their sd, and by their factor.

    Draws are independent of each other, so that of n such numbers the mean has an sd of
    1 / sqrt(n), and the mean square one of sqrt(2 / n).
    """
    tree, draws = posterior(run("gaussian_process") / f"kernels/co2/{kernel}/nuts")
    outcomes = flat(tree["predictions"]["y_new"])
    later = months()[1][0]
    scaled, whitened = np.empty_like(outcomes), np.empty_like(outcomes)
    for number, draw in enumerate(draws):
        mean, covariance = of_draw(kernel, draw).given(later)
        covariance += draw["sigma"] ** 2 * np.eye(len(later))
        error = outcomes[number] - mean
        scaled[number] = error / np.sqrt(np.diag(covariance))
        whitened[number] = linalg.solve_triangular(
            np.linalg.cholesky(covariance), error, lower=True
        )
    assert outcomes.shape == (4000, 24)
    assert (np.abs(scaled.mean(axis=0)) < ERRORS / np.sqrt(len(draws))).all()
    assert (np.abs((whitened**2).mean(axis=0) - 1) < ERRORS * np.sqrt(2 / len(draws))).all()
    assert abs((whitened**2).mean() - 1) < ERRORS * np.sqrt(2 / whitened.size)


def test_only_trend_and_wave_together_foresee_two_years(run: Run) -> None:
    """The sum is within 1 ppm of the later months, most lie in its 90 %, and LOO ranks it first.

    Three quarters are asked for, since errors of following months go together.
    """
    later = months()[1][1]
    results = run("gaussian_process") / "kernels/co2"
    error, inside = {}, {}
    for kernel in KERNELS:
        drawn = flat(posterior(results / f"{kernel}/nuts")[0]["predictions"]["y_new"])
        lower, upper = np.quantile(drawn, [0.05, 0.95], axis=0)
        error[kernel] = float(np.sqrt(np.mean((drawn.mean(axis=0) - later) ** 2)))
        inside[kernel] = int(((lower <= later) & (later <= upper)).sum())
    assert error["sum"] < 1 and inside["sum"] >= 18
    assert min(error["exp_quad"], error["matern52"]) > 2
    ranked = pd.read_csv(results.parent / "comparison.csv")
    assert ranked["model"].iloc[0] == "sum"


def measured() -> tuple[tuple[Floats, Floats], Floats]:
    """Return temperatures and yields, and the candidates."""
    table = pd.read_csv(DATA / "yields.csv")
    done = table["status"] == "measured"
    rows = table[done]
    candidates = table.loc[~done, "temperature"].to_numpy(float)
    return (rows["temperature"].to_numpy(float), rows["yield"].to_numpy()), candidates


def label(temperature: float) -> str:
    """Return the label of a candidate."""
    return f"temperature={temperature:.0f}"


def improvement(draw: Draw) -> tuple[Floats, Floats, Floats]:
    """Return mean, sd and expected improvement at the candidates.

    The improvement is integrated, not by its formula: the mean of max(f − best, 0) of a normal is
    the integral of what lies above each height.
    """
    rows, candidates = measured()

    def covariance(s: Floats, t: Floats) -> Floats:
        return 400 + matern52(s, t, draw)

    process = Process(covariance, draw["sigma"], 50, rows)
    best = process.given(rows[0])[0].max()
    mean, spread = process.given(candidates)
    sd = np.sqrt(np.diag(spread))
    above = np.linspace(0, 12, 20_001)[:, None] * sd
    survival = stats.norm.sf(best + above, mean, sd)
    return mean, sd, np.trapezoid(survival, above, axis=0)


def test_a_process_of_known_hyperparameters_is_the_closed_form(run: Run) -> None:
    """Mean, sd, the covariance of what is drawn, expected improvement, and the best candidate."""
    results = run("gaussian_process")
    fit = results / "known/reaction/known/simulation"
    tree, _ = posterior_of_simulation(fit)
    draw = {"rho": 15.0, "alpha": 12.0, "sigma": 1.0}
    mean, sd, ei = improvement(draw)
    for name, exact in (("mean_new", mean), ("sd_new", sd), ("ei", ei)):
        np.testing.assert_allclose(tree[name][0], exact, rtol=1e-5, atol=1e-7)
    z = (tree["f_new"] - mean) / sd
    assert (np.abs(z.mean(axis=0)) < ERRORS / np.sqrt(len(z))).all()
    assert (np.abs((z**2).mean(axis=0) - 1) < ERRORS * np.sqrt(2 / len(z))).all()
    row = answers(results, "known", "simulation").loc["Where to measure next"]
    assert row["value"].idxmax() == label(measured()[1][ei.argmax()])
    expected = answers(results, "known", "simulation").loc["What is expected of it"]["value"]
    np.testing.assert_allclose(expected, ei.max(), rtol=1e-5)


def posterior_of_simulation(fit: Path) -> tuple[dict[str, Floats], list[str]]:
    """Return the vectors of a simulation, `draw × element`, from whichever group they lie in."""
    tree = xr.open_datatree(fit / "draws.nc", engine="h5netcdf")
    found = {
        str(name): flat(variable)
        for group in tree.children.values()
        for name, variable in group.data_vars.items()
        if variable.ndim == 3
    }
    return found, list(tree.children)


def test_where_to_measure_next_is_that_of_each_draw(run: Run) -> None:
    """Expected improvement of draws is that by integration; shares of the best are the answer's."""
    results = run("gaussian_process")
    fit = results / "next/reaction/next/nuts"
    assert verdict(fit) == "pass"
    tree, draws = posterior(fit)
    ei = flat(tree["predictions"]["ei"])
    for number in range(0, len(draws), len(draws) // 20):
        np.testing.assert_allclose(ei[number], improvement(draws[number])[2], rtol=1e-5, atol=1e-6)
    shares = np.bincount(ei.argmax(axis=1), minlength=ei.shape[1]) / len(ei)
    table = answers(results, "next", "nuts")
    row = table.loc["Where to measure next"]["value"]
    labels = [label(temperature) for temperature in measured()[1]]
    np.testing.assert_allclose(row.loc[labels], shares, atol=1e-12)
    expected = table.loc["What is expected of it"]["value"]
    np.testing.assert_allclose(expected, ei.max(axis=1).mean(), rtol=1e-10)
    assert row.idxmax() in {label(temperature) for temperature in (94, 96, 98, 100)}  # truth: 97


REGRESSION = """\
seed: 1
datasets: {data: {path: data/gp_regr.json}}
models: {gp: {program: stan/models/gallery/gp_exp_quad.stan}}
analyses: {a: {datasets: [data], models: [gp], methods: {nuts: {draws: 4000}}}}
"""
PRIOR: dict[str, Any] = {
    "level": 0,
    "level_sd": 0,
    "slope_sd": 0,
    "length_shape": 22,
    "length_scale": 135,
    "amplitude_sd": 2.5,
    "noise_sd": 0.6,
    "N_new": 1,
    "t_new": [0],
    "prior_only": 0,
}


def test_the_program_has_the_posterior_of_gp_regr(tmp_path: Path, cache: Path) -> None:
    """posteriordb's, weighed from its own priors to theirs: means within the errors, sds by 10 %.

    Theirs are gamma(25, 4) of the length scale, half normals of 2 of the curve's sd and of 1 of the
    noise's variance. Weights make the errors those of 1 / Σ w² draws, of which every tenth counts.
    """
    reference = ROOT / "tests/reference/posteriors/gp_regr"
    data = json.loads((reference / "data.json").read_text())
    given = {"N": data["N"], "t": data["x"], "y": data["y"], **PRIOR}
    programs = ("stan/models/gallery/gp_exp_quad.stan", "stan/functions/gallery/gp.stanfunctions")
    files = {path: (ROOT / path).read_text() for path in programs}
    files["data/gp_regr.json"] = json.dumps(given)
    project = ProjectDir.make(tmp_path / "project", cache, REGRESSION, files)
    ended = project.stanchion("run", "--cores", "2", timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    draws = pd.DataFrame(posterior(project.path / "results/a/data/gp/nuts")[1])[::20]
    rho, alpha, sigma = (draws[name].to_numpy() for name in ("rho", "alpha", "sigma"))
    log_weight = (
        stats.gamma(25, scale=1 / 4).logpdf(rho)
        + stats.norm(0, 2).logpdf(alpha)
        + stats.norm(0, 1).logpdf(sigma**2)
        + np.log(2 * sigma)  # the variance in place of the sd
        - stats.invgamma(22, scale=135).logpdf(rho)
        - stats.norm(0, 2.5).logpdf(alpha)
        - stats.norm(0, 0.6).logpdf(sigma)
    )
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    effective = 1 / (weight**2).sum()
    assert effective > 400
    published = json.loads((reference / "reference.json").read_text())["posterior"]
    for name, values in (("rho", rho), ("alpha", alpha), ("sigma", sigma**2)):
        mean, sd = published[name]["mean"], published[name]["sd"]
        error = sd * np.sqrt(1 / effective + 1 / published[name]["draws"])
        assert abs(weight @ values - mean) < ERRORS * error, name
        spread = np.sqrt(weight @ (values - weight @ values) ** 2)
        assert abs(spread / sd - 1) < max(0.1, ERRORS / np.sqrt(2 * effective)), name
