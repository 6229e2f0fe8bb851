"""The Snakefile's `configfile:`, by plain Snakemake and by the commands alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project import ProjectDir

pytestmark = [pytest.mark.stan, pytest.mark.snakemake]

PROGRAM = """\
data {
  int<lower=0> N;
  vector[N] y;
}
parameters {
  real mu;
}
model {
  y ~ normal(mu, 1);
}
"""
CONFIG = """\
datasets:
  points: {path: data/points.csv, stan: {N: nrow(), y: y}}
models:
  mean: {program: stan/mean.stan}
analyses:
  NAME: {datasets: [points], models: [mean], methods: {nuts: {}}}
"""
INLINE = 'config["seed"] = 4\n\n\nmodule stanchion:'


@pytest.fixture
def two(tmp_path: Path, cache: Path) -> ProjectDir:
    """A project of two declarations, whose Snakefile names the second."""
    files = {"data/points.csv": "y\n1\n2\n", "stan/mean.stan": PROGRAM}
    files["config/gate.yaml"] = CONFIG.replace("NAME", "second")
    project = ProjectDir.make(tmp_path / "two", cache, CONFIG.replace("NAME", "first"), files)
    project.edit("Snakefile", "config/config.yaml", "config/gate.yaml")
    return project


def planned(project: ProjectDir, *command: str) -> set[str]:
    """The analyses that a dry run plans to report on."""
    completed = project.call(*command)
    text = completed.stdout + completed.stderr
    assert completed.returncode == 0, text
    return {name for name in ("first", "second") if f"results/{name}/report.html" in text}


def test_configfile_of_the_snakefile_is_the_declaration(two: ProjectDir) -> None:
    """Snakemake and the commands plan what `configfile:` names; the command line goes before it."""
    first, dry = ("--configfile", "config/config.yaml"), ("snakemake", "--cores", "1", "-n")
    assert planned(two, *dry) == {"second"}
    assert planned(two, *dry, *first) == {"first"}
    assert planned(two, "stanchion", "run", "--", "-n", "--quiet", "progress") == {"second"}
    assert "config/gate.yaml: 1 analysis" in two.stanchion("check").stdout
    assert "second" in two.stanchion("status").stdout
    assert "first" in two.stanchion("status", *first).stdout


def test_config_of_a_module_is_refused(two: ProjectDir) -> None:
    """A `config` that no file holds stops every run with a sentence alone: nothing is planned."""
    two.edit("Snakefile", "module stanchion:", INLINE)
    for command in (("snakemake", "--cores", "1", "-n"), ("stanchion", "run", "--cores", "1")):
        completed = two.call(*command)
        output = completed.stdout + completed.stderr
        assert completed.returncode == 2, output
        assert "Snakefile: the module `stanchion` is given a `config` of its own" in output
        for word in ("results/", "next:", 'File "', "DeclarationError"):
            assert word not in output
