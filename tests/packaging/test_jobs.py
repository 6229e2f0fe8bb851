"""Three jobs from an empty folder to their answers, by the wheel, held to other computations."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.browser import chromium
from tests.packaging.conftest import Installed
from tests.packaging.jobs import logistic, stranger, varying

pytestmark = [pytest.mark.packaging, pytest.mark.stan, pytest.mark.snakemake]

Floats = NDArray[np.float64]
Names = tuple[str, str]

JOBS = (varying, logistic, stranger)
ANALYSES = ("nitrogen", "survival", "hospitals")
_TAIL = 0.05
_MARGIN = 4 * np.sqrt(_TAIL * (1 - _TAIL) / 400)
"""Four standard errors of the share of draws below a 5 % quantile, by the least tail ESS that the
gate lets pass: 0.044."""


@pytest.fixture(scope="module")
def project(environment: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder in which three jobs were declared and run."""
    folder = tmp_path_factory.mktemp("three jobs")
    parts = [getattr(job, part) for part in ("DATASETS", "MODELS", "ANALYSES") for job in JOBS]
    datasets, models, analyses = ("".join(parts[start : start + 3]) for start in (0, 3, 6))
    files = {name: text for job in JOBS for name, text in job.files().items()}
    files["config/config.yaml"] = (
        f"project: jobs\nseed: 13\ndatasets:\n{datasets}models:\n{models}analyses:\n{analyses}"
    )
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    installed = replace(environment, project=folder)
    completed = installed.call("stanchion", "init", ".")
    assert completed.returncode == 0, completed.stderr
    completed = installed.call("stanchion", "run", "--cores", "2")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return folder


def answers(project: Path, analysis: str, model: str) -> dict[Names, dict[str, float]]:
    """Return the numbers of answers.csv by answer and label, NaN where there is none."""
    with (project / "results" / analysis / "answers.csv").open(newline="") as file:
        return {
            (row["answer"], row["label"]): {
                name: float(row[name] or "nan") for name in ("value", "lower", "upper", "mcse")
            }
            for row in csv.DictReader(file)
            if row["model"] == model
        }


def drawn(project: Path, fit: str) -> dict[str, Floats]:
    """Return the draws of a fit by variable, `draw × shape`, as HDF5 has them."""
    with h5py.File(project / "results" / fit / "draws.nc") as file:
        groups = [file[name] for name in ("posterior", "predictions") if name in file]
        return {
            name: np.asarray(values[...], float).reshape(-1, *values.shape[2:])
            for group in groups
            for name, values in group.items()
            if values.ndim >= 2 and values.dtype.kind in "fi"
        }


def coefficients(project: Path) -> dict[str, Floats]:
    """Return the draws of the logistic regression by the label of the coefficient."""
    fit = "survival/passengers/logit/nuts"
    with h5py.File(project / "results" / fit / "draws.nc") as file:
        labels = [label.decode() for label in file["posterior"]["X_column"][...]]
    return dict(zip(labels, drawn(project, fit)["beta"].T, strict=True))


CASES: list[tuple[str, str, Callable[[Path], dict[Names, Floats]]]] = [
    (
        "nitrogen",
        "varying",
        lambda folder: varying.elements(drawn(folder, "nitrogen/plots/varying/nuts")),
    ),
    (
        "nitrogen",
        "pooled",
        lambda folder: varying.elements(drawn(folder, "nitrogen/plots/pooled/nuts")),
    ),
    ("survival", "logit", lambda folder: logistic.elements(coefficients(folder))),
    (
        "hospitals",
        "rates",
        lambda folder: stranger.elements(drawn(folder, "hospitals/hospitals/rates/nuts")),
    ),
]


@pytest.mark.parametrize(("analysis", "model", "elements"), CASES)
def test_answers_are_those_of_the_draws(
    project: Path, analysis: str, model: str, elements: Callable[[Path], dict[Names, Floats]]
) -> None:
    """Each value is NumPy's mean over the draws in the file, to 1e-10, and each end its quantile.

    Every answer and every label is there, and none beside them.
    """
    rows = answers(project, analysis, model)
    by_draw = elements(project)
    assert set(rows) == set(by_draw)
    for name, values in by_draw.items():
        assert rows[name]["value"] == pytest.approx(values.mean(), rel=1e-10, abs=1e-10), name
        if not np.isnan(rows[name]["lower"]):
            ends = np.quantile(values, (_TAIL, 1 - _TAIL))
            written = [rows[name]["lower"], rows[name]["upper"]]
            np.testing.assert_allclose(written, ends, rtol=1e-10, atol=1e-10)


def test_stacked_answers_weigh_the_models(project: Path) -> None:
    """Each is the mean of the models' answers with the weights of comparison.csv."""
    with (project / "results/nitrogen/comparison.csv").open(newline="") as file:
        weights = {row["model"]: float(row["weight"]) for row in csv.DictReader(file)}
    each = {model: answers(project, "nitrogen", model) for model in weights}
    stacked = answers(project, "nitrogen", "stacked")
    labels = ["", "plot=plot A", "plot=plot B", "plot=plot C"]
    assert [label for _, label in stacked] == [*labels[1:], labels[0]]
    for name, row in stacked.items():
        mean = sum(weight * each[model][name]["value"] for model, weight in weights.items())
        assert row["value"] == pytest.approx(mean, rel=1e-10)


def held(rows: Mapping[Names, Mapping[str, float]], exact: Mapping[Names, Any], ess: float) -> None:
    """Hold each value to the mean that another computation gives, within four standard errors.

    `exact` holds mean, sd and standard error. A row without an error of its own (an expected loss)
    has that of as many draws as `ess`; what is the same in every draw has none.
    """
    for name, (mean, sd, error) in exact.items():
        own = rows[name]["mcse"] if np.isfinite(rows[name]["mcse"]) else sd / np.sqrt(ess)
        assert abs(rows[name]["value"] - mean) <= 4 * np.hypot(own, error), (name, mean)


def weighted(values: Floats, weights: Floats) -> tuple[float, float, float]:
    """Return mean, sd and standard error of weighted draws."""
    mean = float(weights @ values)
    squares = (values - mean) ** 2
    return mean, float(np.sqrt(weights @ squares)), float(np.sqrt(weights**2 @ squares))


def ends_held(rows: Mapping[Names, Mapping[str, float]], name: Names, quantile: Any) -> None:
    """Hold the ends of an interval between quantiles that four errors of a share lie apart."""
    for end, share in (("lower", _TAIL), ("upper", 1 - _TAIL)):
        low, high = (quantile(np.clip(share + sign * _MARGIN, 0, 1)) for sign in (-1, 1))
        assert low <= rows[name][end] <= high, (name, end)


def test_varying_slopes_are_those_of_a_quadrature(project: Path) -> None:
    """Values and ends agree with a grid over the scales and closed forms given them."""
    rows = answers(project, "nitrogen", "varying")
    draws = varying.elements(varying.exact(100_000, seed=1))
    even = np.full(100_000, 1e-5)
    held(rows, {name: weighted(values, even) for name, values in draws.items()}, ess=400)
    for name in draws:
        if np.isfinite(rows[name]["mcse"]) and np.isfinite(rows[name]["lower"]):
            ends_held(rows, name, lambda share, name=name: np.quantile(draws[name], share))


def test_logistic_answers_are_those_of_importance_sampling(project: Path) -> None:
    """Labels of the design name what they should: each coefficient agrees with its own column."""
    draws, weights = logistic.exact(100_000, seed=2)
    assert 1 / (weights**2).sum() > 50_000
    by_answer = logistic.elements(draws)
    rows = answers(project, "survival", "logit")
    held(rows, {name: weighted(values, weights) for name, values in by_answer.items()}, ess=400)


def test_a_strangers_answers_are_closed_forms(project: Path) -> None:
    """Gamma and Dirichlet posteriors, and quadrature of one dimension."""
    by_draw = stranger.elements(drawn(project, "hospitals/hospitals/rates/nuts"))
    closed = stranger.exact()
    assert set(closed) == set(by_draw)
    exact = {name: (mean, by_draw[name].std(), 0.0) for name, mean in closed.items()}
    held(answers(project, "hospitals", "rates"), exact, ess=400)


def test_slopes_of_the_columns_are_those_of_the_draws(project: Path) -> None:
    """`original_scale`: a slope is over the sd of its column, with the column's own name."""
    path = project / "results/survival/passengers/logit/nuts/original_scale.csv"
    with path.open(newline="") as file:
        means = {row["label"]: float(row["mean"]) for row in csv.DictReader(file)}
    beta, age = coefficients(project), logistic.passengers()["age"]
    slope, interaction = beta["scale(age)"].mean(), beta["scale(age):sex[T.male]"].mean()
    assert means["beta[age]"] == pytest.approx(slope / age.std(), rel=1e-10)
    assert means["beta[age:sex[T.male]]"] == pytest.approx(interaction / age.std(), rel=1e-10)
    at_zero = beta["sex[T.male]"].mean() - interaction * age.mean() / age.std()
    assert means["beta[sex[T.male]]"] == pytest.approx(at_zero, rel=1e-10)


def test_answers_stand_in_reports_and_metrics(project: Path) -> None:
    """Each question is a heading of its report, and its numbers are in metrics.json."""
    for analysis in ANALYSES:
        folder = project / "results" / analysis
        page = (folder / "report.html").read_text()
        assert len(page.encode()) < 5_000_000
        content = json.loads((folder / "answers.json").read_text())
        metrics = (folder / "metrics.json").read_text()
        for answer in content["answers"]:
            assert f"<h3>{answer['answer']}" in page
            assert json.dumps(answer["answer"]) in metrics


@pytest.mark.browser
@pytest.mark.parametrize("analysis", ANALYSES)
def test_reports_are_accessible_and_cut_nowhere(
    project: Path, tmp_path: Path, analysis: str
) -> None:
    """axe finds nothing in the real reports, and nothing sticks out of a telephone."""
    program = chromium.find()
    if program is None or not chromium.AXE.exists():
        pytest.skip("there is no Chromium, or no axe-core: `npm ci` in tests/browser installs it")
    browser = chromium.Browser(program, tmp_path / "profile")
    shutil.copy(project / "results" / analysis / "report.html", tmp_path)
    for width in (1280, 390):
        assert browser.audit(tmp_path, width)["violations"] == []
        visited = browser.measure(tmp_path, width)
        assert visited["scrolled"] <= width and visited["wide"] == []
        assert visited["unloaded"] == 0
