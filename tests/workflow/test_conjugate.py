"""A conjugate model, the whole way: the example of its page, beside NUTS, in versions."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from scipy import stats

from tests.project import ROOT, ProjectDir
from tests.versions import WRITER, git

TABLES = {
    "data/january.csv": "clinic,y,n\na,3,20\nb,5,31\nc,0,8\n",
    "data/february.csv": "clinic,y,n\na,2,18\nb,7,30\n",
    "data/march.csv": "clinic,y,n\na,4,25\n",
}
PROGRAM = """\
data {
  int<lower=0> N;  // clinics
  array[N] int<lower=0> trials;  // operations
  array[N] int<lower=0, upper=trials> successes;  // infections
}
parameters {
  real<lower=0, upper=1> theta;  // probability of an infection
}
model {
  theta ~ beta(1, 1);
  successes ~ binomial(trials, theta);
}
generated quantities {
  vector[N] log_lik;
  for (n in 1 : N) {
    log_lik[n] = binomial_lpmf(successes[n] | trials[n], theta);
  }
}
"""
BOTH = """\
seed: 1
datasets:
  january:
    path: data/january.csv
    stan: {N: nrow(), trials: n, successes: y}
models:
  sampled: {program: stan/clinics.stan}
  exact: {conjugate: {family: beta_binomial, successes: y, trials: n, prior: {a: 1, b: 1}}}
analyses:
  infections:
    datasets: [january]
    models: [sampled, exact]
    methods: {nuts: {models: [sampled]}, conjugate: {models: [exact]}}
    compare: {by: loo}
"""


def succeeds(project: ProjectDir, *words: str) -> str:
    completed = project.stanchion(*words)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


def summary(project: ProjectDir, fit: str) -> dict[str, str]:
    with (project.path / f"results/infections/january/{fit}/summary.csv").open() as file:
        (row,) = csv.DictReader(file)
    return row


@pytest.mark.snakemake
def test_the_example_of_the_page_runs_and_has_versions(tmp_path: Path, cache: Path) -> None:
    """It runs without a chain, is tracked, verified and brought back; a prior stales the draws."""
    page = (ROOT / "docs/conjugate.md").read_text()
    example = re.findall(r"```yaml\n(project:.*?)```", page, flags=re.DOTALL)[0]
    project = ProjectDir.make(tmp_path / "project", cache, example, TABLES)
    (project.path / ".gitignore").write_text((ROOT / ".gitignore").read_text())
    git("init", "--quiet", "--initial-branch", "main", str(project.path))
    for name, value in WRITER.items():
        git("config", name, value, folder=project.path)
    succeeds(project, "check")
    succeeds(project, "run", "--cores", "1")
    row = summary(project, "beta/conjugate")
    beta = stats.beta(1 + 21, 1 + 132 - 21)
    assert float(row["mean"]) == pytest.approx(beta.mean(), rel=1e-14)
    assert float(row["q95"]) == pytest.approx(beta.ppf(0.95), rel=1e-12)
    assert (row["mcse_mean"], row["rhat"]) == ("", "")
    folder = project.path / "results/infections/january/beta/conjugate"
    diagnostics = json.loads((folder / "diagnostics.json").read_text())
    assert diagnostics["verdict"] == "pass"
    assert [u["dataset"] for u in diagnostics["updates"]] == ["january", "february", "march"]
    assert not list(project.path.glob("results/**/chains"))
    report = (project.path / "results/infections/report.html").read_text()
    assert "The posterior is exact" in report
    assert "march" in report
    git("add", "--all", folder=project.path)
    git("commit", "--quiet", "--message", "Declare", folder=project.path)
    succeeds(project, "track", "--commit")
    assert "infections: intact" in succeeds(project, "verify")
    succeeds(project, "restore")
    assert project.stale() == set()
    project.edit("config/config.yaml", "a: 1", "a: 2")
    assert "prior.a: 1.0 → 2.0" in succeeds(project, "diff", "HEAD")
    verified = project.stanchion("verify")
    assert verified.returncode == 1
    assert "collect_draws ran with other settings or files: posterior" in verified.stdout
    status = json.loads(succeeds(project, "status", "--json"))
    assert [fit["state"] for fit in status["fits"]] == ["stale"]


@pytest.mark.stan
@pytest.mark.snakemake
def test_nuts_draws_the_exact_posterior(tmp_path: Path, cache: Path) -> None:
    """Mean, sd and quantiles of NUTS lie within five of their Monte Carlo errors; both compare."""
    files = {**TABLES, "stan/clinics.stan": PROGRAM}
    project = ProjectDir.make(tmp_path / "project", cache, BOTH, files)
    succeeds(project, "run", "--cores", "2")
    exact, sampled = summary(project, "exact/conjugate"), summary(project, "sampled/nuts")
    for name in ("mean", "sd"):
        error = float(sampled[f"mcse_{name}"])
        assert abs(float(sampled[name]) - float(exact[name])) < 5 * error, name
    spread = float(exact["sd"]) / float(sampled["ess_tail"]) ** 0.5
    for name in ("q5", "median", "q95"):
        # A quantile's error is √(p(1 − p)) / density: below 2.5 sd at 5 % and 95 % of this beta
        assert abs(float(sampled[name]) - float(exact[name])) < 5 * 2.5 * spread, name
    with (project.path / "results/infections/comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["model"] for row in rows} == {"sampled", "exact"}
    assert abs(float(rows[1]["diff"])) < 0.5
