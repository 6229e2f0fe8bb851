"""Each profile plans a run, where the executor that it names is installed."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import yaml

from tests.cluster.conftest import lay_out
from tests.project import ROOT, planned_jobs

pytestmark = [pytest.mark.cluster, pytest.mark.snakemake]
PROFILES = sorted((ROOT / "workflow/profiles").iterdir())


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.name)
def test_profile_plans_a_run(profile: Path, tmp_path: Path, cache: Path) -> None:
    """A dry run with the profile plans every step, and complains of nothing."""
    executor = yaml.safe_load((profile / "config.yaml").read_text()).get("executor", "local")
    try:
        module = f"snakemake_executor_plugin_{executor.replace('-', '_')}"
        importlib.import_module("snakemake" if executor == "local" else module)
    except ImportError as error:
        pytest.skip(f"the plugin for {executor} is not installed: {error}")
    project = lay_out(tmp_path / "project", cache, {"points": 0})
    command = ("snakemake", "--workflow-profile", f"workflow/profiles/{profile.name}", "-n")
    cores = ("--cores", "2") if executor == "local" else ()
    completed = project.call(*command, *cores)
    output = completed.stdout + completed.stderr
    assert completed.returncode == 0, output
    assert {f"sample_chain means points mean nuts {chain}" for chain in (1, 2)} < planned_jobs(
        output
    )
    assert "rror" not in output and "unrecognized" not in output
