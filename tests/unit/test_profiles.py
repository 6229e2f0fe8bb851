"""The profiles: what they may name, and what the one for Slurm asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stanchion.methods.catalogue import METHODS
from stanchion.plan.catalogue import STEPS, StepRow
from stanchion.runs import slurm

PROFILES = Path(__file__).parents[2] / "workflow/profiles"
NAMES = sorted(path.name for path in PROFILES.iterdir())
GROUPS = {
    row.group: [step for step, other in STEPS.items() if other.group == row.group]
    for row in STEPS.values()
    if row.group is not None
}
CATALOGUED = ("mem_mb", "runtime")
LIMITS = {"mem_mb": 4000, "runtime": 30}
OWN_RESOURCES = {
    "htcondor": {"getenv", "htcondor_request_mem_mb"},
    "slurm": {f"max_{name}" for name in slurm.MORE.values()},
}


def resources(row: StepRow) -> dict[str, int]:
    """Return what a step reserves; where its method says, the most that any method does."""
    memory = row.memory or max(method.memory for method in METHODS.values())
    minutes = row.minutes or max(method.minutes for method in METHODS.values())
    return dict(zip(CATALOGUED, (memory, minutes), strict=True))


def slurm_resources() -> dict[str, dict[str, int]]:
    """Return what Slurm is asked for: the catalogue's, but where the profile differs."""
    differing = profile("slurm")["set-resources"]
    return {step: resources(row) | differing.get(step, {}) for step, row in STEPS.items()}


def profile(name: str) -> dict[str, Any]:
    return yaml.safe_load((PROFILES / name / "config.yaml").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_profile_names_only_steps_and_resources_there_are(name: str) -> None:
    """A profile speaks of rules that exist, in resources that rules or its executor know."""
    content = profile(name)
    assert set(content.get("set-resources", {})) <= set(STEPS)
    names = {*LIMITS, *OWN_RESOURCES.get(name, ())}
    for requested in (
        content.get("default-resources", {}),
        *content.get("set-resources", {}).values(),
    ):
        assert set(requested) <= names


@pytest.mark.parametrize("name", NAMES)
def test_profile_schedules_as_the_keys_need_it(name: str) -> None:
    """Every profile has the triggers that keys rely on, and goes on after a failure."""
    content = profile(name)
    assert content["rerun-triggers"] == ["mtime", "params", "input"]
    assert content["keep-going"] is content["rerun-incomplete"] is True
    if name != "default":
        assert content["keep-incomplete"] is content["show-failed-logs"] is True
        assert content["retries"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_profile_says_only_what_differs(name: str) -> None:
    """No profile repeats what the catalogue says of a step; a chain's threads are its method's."""
    content = profile(name)
    assert "set-threads" not in content
    assert not set(CATALOGUED) & set(content.get("default-resources", {}))
    for step, requested in content.get("set-resources", {}).items():
        assert requested.items().isdisjoint(resources(STEPS[step]).items()), step


def test_slurm_profile_asks_for_little() -> None:
    """By default no job asks for more than 4 GB and 30 minutes, nor for an account."""
    content = profile("slurm")
    requested = slurm_resources()
    for names in (*GROUPS.values(), *((step,) for step in STEPS)):
        assert max(requested[step]["mem_mb"] for step in names) <= LIMITS["mem_mb"]
        assert sum(requested[step]["runtime"] for step in names) <= LIMITS["runtime"]
    assert "slurm_account" not in content["default-resources"]
    assert content["slurm-status-command"] == "squeue"


def test_slurm_profile_caps_what_a_retry_may_ask_for() -> None:
    """Twice as much at each retry ends somewhere, and not below what a step asks for at first."""
    content = profile("slurm")
    for resource in slurm.MORE.values():
        most = content["default-resources"][f"max_{resource}"]
        assert most >= 2 * max(requested[resource] for requested in slurm_resources().values())
