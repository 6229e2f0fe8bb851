"""What a machine that tests each change runs is what `.ci/run` does, and nothing besides."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_each_change_is_tested_by_the_script() -> None:
    """It checks out, has a Python that we support, and calls the script."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yaml").read_text())
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert job["timeout-minutes"] == 90
    assert set(workflow[True]) == {"push", "pull_request"}  # YAML 1.1 reads the key `on` as true
    assert os.access(ROOT / ".ci/run", os.X_OK)
