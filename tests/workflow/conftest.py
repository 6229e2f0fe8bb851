"""A small project with two models, run once for all tests of the graph."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.project import ProjectDir

PROGRAM = """\
// A normal mean with a known scale.
data {
  int<lower=0> N;
  vector[N] y;
  int<lower=0, upper=1> prior_only;
}
parameters {
  real mu;
}
model {
  mu ~ normal(0, PRIOR);
  if (!prior_only) {
    y ~ normal(mu, 1);
  }
}
generated quantities {
  vector[N] log_lik;
  array[N] real y_rep = normal_rng(rep_vector(mu, N), 1);
  for (n in 1 : N) {
    log_lik[n] = normal_lpdf(y[n] | mu, 1);
  }
}
"""
CONFIG = """\
project: graph
seed: 11
datasets:
  points:
    path: data/points.csv
    columns:
      y: {type: real}
    stan: {N: nrow(), y: y}
models:
  wide: {program: stan/wide.stan}
  narrow: {program: stan/narrow.stan}
analyses:
  means:
    question: What is the mean?
    datasets: [points]
    models: [wide, narrow]
    methods:
      nuts: {chains: 4, warmup: 300, draws: 500}
      advi: {draws: 500}
    prior_predictive: {draws: 200}
    posterior_predictive: {observed: y, replicated: y_rep, statistics: [mean]}
    compare: {by: loo}
"""
VALUES = (0.3, -0.4, 1.2, 0.1, 0.8, -1.1, 0.5, 0.9, -0.2, 0.6, 1.4, -0.7)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> ProjectDir:
    """The project after a run by plain Snakemake; tests work on copies of it."""
    project = ProjectDir.make(
        tmp_path_factory.mktemp("graph") / "project",
        cache,
        CONFIG,
        {
            "data/points.csv": "y\n" + "".join(f"{value}\n" for value in VALUES),
            "stan/wide.stan": PROGRAM.replace("PRIOR", "10"),
            "stan/narrow.stan": PROGRAM.replace("PRIOR", "1"),
        },
    )
    project.run()
    return project


@pytest.fixture
def project(finished: ProjectDir, tmp_path: Path) -> ProjectDir:
    """A copy of the finished project, with the same times, to edit."""
    shutil.copytree(finished.path, tmp_path / "project", symlinks=True)
    return ProjectDir(tmp_path / "project", finished.cache)
