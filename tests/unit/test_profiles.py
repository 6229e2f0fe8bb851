"""The profiles: what they may name, and what the one for Slurm asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stanchion.plan.catalogue import VERSIONS
from stanchion.runs import slurm

PROFILES = Path(__file__).parents[2] / "workflow/profiles"
NAMES = sorted(path.name for path in PROFILES.iterdir())
GROUPS = (
    ("collect_draws", "diagnose_fit", "predict_outcomes"),
    ("compare_models", "write_report"),
)
LIMITS = {"mem_mb": 4000, "runtime": 30}
OWN_RESOURCES = {
    "htcondor": {"getenv", "htcondor_request_mem_mb"},
    "slurm": {f"max_{name}" for name in slurm.MORE.values()},
}


def profile(name: str) -> dict[str, Any]:
    return yaml.safe_load((PROFILES / name / "config.yaml").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_profile_names_only_steps_and_resources_there_are(name: str) -> None:
    """A profile speaks of rules that exist, in resources that rules or its executor know."""
    found = profile(name)
    assert set(found.get("set-threads", {})) <= set(VERSIONS)
    assert set(found.get("set-resources", {})) <= set(VERSIONS)
    known = {*LIMITS, *OWN_RESOURCES.get(name, ())}
    for asked in (found.get("default-resources", {}), *found.get("set-resources", {}).values()):
        assert set(asked) <= known


@pytest.mark.parametrize("name", NAMES)
def test_profile_schedules_as_the_keys_need_it(name: str) -> None:
    """Every profile has the triggers that keys rely on, and goes on after a failure."""
    found = profile(name)
    assert found["rerun-triggers"] == ["mtime", "params", "input"]
    assert found["keep-going"] is found["rerun-incomplete"] is True
    if name != "default":
        assert found["keep-incomplete"] is found["show-failed-logs"] is True
        assert found["retries"] > 0


def test_slurm_profile_sets_every_step() -> None:
    """Threads, memory and minutes of each step stand there; a chain's threads are its method's."""
    found = profile("slurm")
    assert set(found["set-threads"]) == set(VERSIONS) - {"sample_chain"}
    assert set(found["set-resources"]) == set(VERSIONS)
    assert all(set(asked) == set(LIMITS) for asked in found["set-resources"].values())


def test_slurm_profile_asks_for_little() -> None:
    """By default no job asks for more than 2 CPUs, 4 GB and 30 minutes, nor for an account."""
    found = profile("slurm")
    assert max(found["set-threads"].values()) <= 2
    asked = found["set-resources"]
    for names in (*GROUPS, *((rule,) for rule in VERSIONS)):
        assert max(asked[rule]["mem_mb"] for rule in names) <= LIMITS["mem_mb"]
        assert sum(asked[rule]["runtime"] for rule in names) <= LIMITS["runtime"]
    assert "slurm_account" not in found["default-resources"]
    assert found["slurm-status-command"] == "squeue"


def test_slurm_profile_caps_what_a_retry_may_ask_for() -> None:
    """Twice as much at each retry ends somewhere, and not below what a step asks for at first."""
    found = profile("slurm")
    for resource in slurm.MORE.values():
        most = found["default-resources"][f"max_{resource}"]
        assert most >= 2 * max(asked[resource] for asked in found["set-resources"].values())


@pytest.mark.parametrize("rules", GROUPS)
def test_rules_declare_the_groups(rules: tuple[str, ...]) -> None:
    """The steps whose minutes are summed here are those that the rules put into one job."""
    text = "\n".join(path.read_text() for path in (PROFILES.parent / "rules").glob("*.smk"))
    groups = set()
    for rule in rules:
        body = text.split(f"rule {rule}:")[1].split("\nrule ")[0]
        groups.add(body.split("group:")[1].split('"')[1])
    assert len(groups) == 1
