"""What everyday work declares, held to answers that are computed without sampling.

Both models are normal given their scale parameters. So the exact posterior is a mixture of normal
distributions over a grid of those, and NUTS must agree with it within 4 Monte Carlo standard
errors of each mean, and 10 % of each standard deviation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.typing import NDArray

from tests.project import ProjectDir
from tests.stan.declared import read_summary, run_declaration

pytestmark = pytest.mark.stan

Array = NDArray[np.float64]
CLINICS = tuple("ABCDEFGHIJ")


def _trial(rng: np.random.Generator) -> pd.DataFrame:
    """Simulate 240 patients of 10 clinics; in the data, clinics and arms come in no order."""
    rows = 240
    frame = pd.DataFrame(
        {
            "clinic": rng.permutation(np.resize(CLINICS, rows)),
            "dose": rng.uniform(0, 20, rows),
            "age": rng.uniform(20, 80, rows),
            "arm": rng.choice(["drug", "placebo"], rows),
        }
    )
    offset = dict(zip(CLINICS, rng.normal(0, 0.8, len(CLINICS)), strict=True))
    drug = frame["arm"] == "drug"
    line = 1.0 + 0.05 * frame["dose"] - 0.02 * frame["age"] + drug * (0.5 + 0.1 * frame["dose"])
    frame["change"] = line + frame["clinic"].map(offset) + rng.normal(0, 1.2, rows)
    return frame


def _new(rng: np.random.Generator) -> pd.DataFrame:
    """Simulate 6 patients of three clinics and one arm, so that levels are missing among them."""
    return pd.DataFrame(
        {
            "clinic": ["J", "B", "B", "E", "J", "E"],
            "dose": rng.uniform(0, 20, 6),
            "age": rng.uniform(20, 80, 6),
            "arm": "drug",
        }
    )


def _studies(rng: np.random.Generator) -> pd.DataFrame:
    """Simulate 12 studies of one effect, with standard errors between 0.1 and 0.6."""
    se = rng.uniform(0.1, 0.6, 12)
    effect = rng.normal(0.4, 0.3, 12) + rng.normal(0, se)
    return pd.DataFrame({"study": [f"s{i:02}" for i in range(12)], "effect": effect, "se": se})


@dataclass(frozen=True)
class Everyday:
    """A project that was run, and the data that it was given."""

    project: ProjectDir
    trial: pd.DataFrame
    new: pd.DataFrame
    studies: pd.DataFrame


@pytest.fixture(scope="module")
def everyday(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Everyday:
    """The everyday declaration, run on simulated tables."""
    rng = np.random.default_rng(20261121)
    trial, new, studies = _trial(rng), _new(rng), _studies(rng)
    tables = {"trial.csv": trial, "new.csv": new, "studies.csv": studies}
    project = run_declaration(
        tmp_path_factory.mktemp("everyday") / "project",
        cache,
        "everyday.yaml",
        {name: frame.to_csv(index=False) for name, frame in tables.items()},
    )
    return Everyday(project, trial, new, studies)


@dataclass(frozen=True)
class Mixture:
    """A posterior as normal distributions over a grid: weight, mean and variance of each node."""

    weight: Array
    mean: Array
    variance: Array

    def moments(self) -> tuple[Array, Array]:
        """Return the mean and the standard deviation of each quantity."""
        mean = self.weight @ self.mean
        second = self.weight @ (self.variance + self.mean**2)
        return mean, np.sqrt(second - mean**2)


def _normalised(log_weight: Array) -> Array:
    weight = np.exp(log_weight - log_weight.max())
    return weight / weight.sum()


def _conditional(
    design: Array, y: Array, noise: Array, prior_sd: Array
) -> tuple[float, Array, Array]:
    """Return log p(y), mean and covariance of normal coefficients with mean 0 under normal noise.

    Bishop, Pattern Recognition and Machine Learning (2006), equations 3.50-3.54 and 3.86.
    """
    scaled = design / noise[:, None]
    precision = scaled.T @ scaled + np.diag(prior_sd**-2)
    covariance = np.linalg.inv(precision)
    mean = covariance @ scaled.T @ (y / noise)
    misfit = np.sum(((y - design @ mean) / noise) ** 2) + np.sum((mean / prior_sd) ** 2)
    log_volume = np.log(noise).sum() + np.log(prior_sd).sum()
    log_evidence = -0.5 * (misfit + np.linalg.slogdet(precision)[1]) - log_volume
    return log_evidence, mean, covariance


def _design(frame: pd.DataFrame, fitted: pd.DataFrame) -> Array:
    """Return intercept, dose, arm, age, dose × arm and a column for each clinic."""
    dose = (frame["dose"] - fitted["dose"].mean()) / fitted["dose"].std()
    age = (frame["age"] - fitted["age"].mean()) / fitted["age"].std()
    drug = (frame["arm"] == "drug").astype(float)
    clinics = [(frame["clinic"] == clinic).astype(float) for clinic in CLINICS]
    return np.column_stack([np.ones(len(frame)), dose, drug, age, dose * drug, *clinics])


def _exact_regression(trial: pd.DataFrame, expected: Array) -> tuple[Mixture, Mixture]:
    """Return the posterior of the coefficients, and of the outcome for the rows `wanted`."""
    design, y = _design(trial, trial), trial["change"].to_numpy()
    nodes = [(t, s) for t in np.linspace(0.02, 3, 60) for s in np.linspace(0.9, 1.6, 50)]
    log_weight, means, variances, outcome, spread = [], [], [], [], []
    for tau, sigma in nodes:
        prior_sd = np.concatenate([np.full(5, 5.0), np.full(len(CLINICS), tau)])
        evidence, mean, covariance = _conditional(design, y, np.full(len(y), sigma), prior_sd)
        log_weight.append(evidence - tau**2 / 8 - sigma**2 / 8)
        means.append(mean)
        variances.append(np.diag(covariance))
        outcome.append(expected @ mean)
        spread.append(np.sum(expected @ covariance * expected, axis=1) + sigma**2)
    weight = _normalised(np.array(log_weight))
    return (
        Mixture(weight, np.array(means), np.array(variances)),
        Mixture(weight, np.array(outcome), np.array(spread)),
    )


def _exact_mean_effect(studies: pd.DataFrame) -> tuple[Array, Array]:
    """Return mean and standard deviation of the population's mean effect."""
    y, se = studies["effect"].to_numpy(), studies["se"].to_numpy()
    taus = np.linspace(0.001, 2.5, 2000)
    result = [_conditional(np.ones((len(y), 1)), y, np.hypot(se, tau), np.ones(1)) for tau in taus]
    log_weight = np.array([evidence for evidence, _, _ in result]) - taus**2 / (2 * 0.5**2)
    mixture = Mixture(
        _normalised(log_weight),
        np.array([mean for _, mean, _ in result]),
        np.array([np.diag(covariance) for _, _, covariance in result]),
    )
    return mixture.moments()


def _assert_agrees(ours: pd.DataFrame, mean: Array, sd: Array) -> None:
    distance = (ours["mean"] - mean).abs() / ours["mcse_mean"]
    assert (distance < 4).all(), f"means off by standard errors:\n{distance}"
    assert (ours["sd"] / sd).between(0.9, 1.1).all(), f"standard deviations:\n{ours['sd'] / sd}"


def test_a_hierarchical_regression_from_a_csv_has_the_exact_posterior(everyday: Everyday) -> None:
    """Category, standardised dose, interaction and groups reach Stan as they were declared."""
    summary = read_summary(everyday.project, "trial", "trial", "regression")
    names = [
        *(f"beta[{k}]" for k in range(1, 6)),
        *(f"alpha[{j}]" for j in range(1, len(CLINICS) + 1)),
    ]
    order = _columns(everyday.project.path)
    coefficients, _ = _exact_regression(everyday.trial, _design(everyday.new, everyday.trial))
    mean, sd = coefficients.moments()
    indices = [*order, *range(5, 5 + len(CLINICS))]
    _assert_agrees(summary.loc[names], mean[indices], sd[indices])


def _columns(folder: Path) -> list[int]:
    """Return where each column of the declared design stands in ours."""
    meta = json.loads((folder / "results/trial/trial/data.regression.meta.json").read_text())
    ours = ["Intercept", "dose", "arm[T.drug]", "scale(age)", "dose:arm[T.drug]"]
    return [ours.index(label) for label in meta["sizes"]["P"]["labels"]]


def test_new_rows_are_predicted_on_the_scale_of_the_fitted_ones(everyday: Everyday) -> None:
    """Predictions use the fitted rows' levels, means and standard deviations."""
    fit = everyday.project.path / "results/trial/trial/regression/nuts"
    rows = json.loads((fit / "predictive.json").read_text())["predictions"]["rows"]
    _, outcome = _exact_regression(everyday.trial, _design(everyday.new, everyday.trial))
    mean, sd = outcome.moments()
    # The draws of an outcome are all but independent: its noise outweighs the coefficients.
    ours = pd.DataFrame(rows)[["mean", "sd"]].assign(mcse_mean=sd / np.sqrt(4 * 2000))
    _assert_agrees(ours, mean, sd)


def test_effects_are_of_the_draws_on_a_grid(everyday: Everyday) -> None:
    """Mean and band of each point are those of X β + α over the draws of draws.nc, to 1e-9.

    Age goes over its range with the others at mean and reference levels, dose over its own in both
    arms, and clinics stand side by side. Nothing of the fit is sampled or judged anew for it.
    """
    fit = everyday.project.path / "results/trial/trial/regression/nuts"
    table, trial = pd.read_csv(fit / "effects.csv"), everyday.trial
    assert list(table) == ["predictor", "value", "by", "by_value", "mean", "lower", "upper"]
    held = {"clinic": "A", "dose": trial["dose"].mean(), "age": trial["age"].mean()}
    rows = [{**held, "arm": "placebo", **_shown(row)} for row in table.to_dict("records")]
    grid = pd.DataFrame(rows)
    assert [len(part) for _, part in table.groupby("predictor")] == [50, 10, 100]
    for column in ("age", "dose"):
        ends = trial[column].min(), trial[column].max()
        assert (grid[column].min(), grid[column].max()) == pytest.approx(ends, rel=1e-12)
    with xr.open_datatree(fit / "draws.nc", engine="h5netcdf") as tree:
        drawn = tree["posterior"].to_dataset().load()
    coefficients = drawn["beta"].sel({drawn["beta"].dims[-1]: list(LABELS)}).values
    both = np.concatenate([coefficients, drawn["alpha"].values], axis=2).reshape(-1, 15)
    expected = both @ _design(grid, trial).T
    low, high = np.quantile(expected, [0.1, 0.9], axis=0)
    numbers = np.stack([expected.mean(axis=0), low, high], axis=1)
    np.testing.assert_allclose(table[["mean", "lower", "upper"]], numbers, rtol=1e-9, atol=1e-9)
    content = json.loads((fit / "effects.json").read_text())
    assert content["titles"] == {"age": "Age (years)"}
    how = {entry["column"]: entry["how"] for entry in content["held"]}
    assert how == {"dose": "mean", "arm": "reference level", "age": "mean", "clinic": "first level"}
    assert (fit / "plots/effects.png").read_bytes()[:4] == b"\x89PNG"
    page = (everyday.project.path / "results/trial/report.html").read_text()
    assert "mu_new over Age (years): " in page and "80 % interval" in page
    assert not (fit / "chains").exists()


LABELS = ("Intercept", "dose", "arm[T.drug]", "scale(age)", "dose:arm[T.drug]")


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a point of the grid that are not held, as the table has them."""
    numeric = row["predictor"] in ("age", "dose")
    shown = {row["predictor"]: float(row["value"]) if numeric else row["value"]}
    return shown if pd.isna(row["by"]) else {**shown, row["by"]: row["by_value"]}


def test_a_meta_analysis_has_the_exact_posterior(everyday: Everyday) -> None:
    """The mean effect of the studies agrees with the integral over their spread."""
    summary = read_summary(everyday.project, "studies", "studies", "meta_analysis")
    mean, sd = _exact_mean_effect(everyday.studies)
    _assert_agrees(summary.loc[["mu"]], mean, sd)


def test_draws_name_clinics_and_columns_of_the_design(everyday: Everyday) -> None:
    """A group's effect and a coefficient can be selected by what they are called in the table."""
    fit = everyday.project.path / "results/trial/trial/regression/nuts"
    with xr.open_datatree(fit / "draws.nc", engine="h5netcdf") as tree:
        posterior = tree["posterior"].to_dataset().load()
    assert list(posterior["clinic"].values) == list(CLINICS)
    assert "arm[T.drug]" in posterior["beta"].coords[posterior["beta"].dims[-1]].values
