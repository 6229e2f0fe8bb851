"""The plan that a run keeps for its jobs on other machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanchion.config import load
from stanchion.plan import handover, opening
from stanchion.plan.model import Plan
from stanchion.plan.planner import make_plan
from stanchion.provenance.runs import run_folder
from tests.unit.test_plan import CONFIG, FACTS


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    (tmp_path / "config.yaml").write_text(CONFIG)
    return make_plan(load(tmp_path / "config.yaml"), FACTS)


def test_kept_plan_is_the_same(plan: Plan) -> None:
    """A kept plan comes back with every step, in order, with its key and job."""
    handover.keep(plan)
    read = handover.handed_over()
    assert read is not None
    assert [(s.key, s.job().text()) for s in read] == [(s.key, s.job().text()) for s in plan]
    assert [path.name for path in run_folder().iterdir()] == ["plan.pickle.gz"]


def test_job_asks_nothing_of_the_world(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job takes the kept plan, though the declaration has changed, and reads nothing else."""
    handover.keep(plan)
    Path("config.yaml").write_text("broken: [")
    monkeypatch.setattr(opening, "gather", lambda *_: pytest.fail("looked at the world"))
    opened = opening.open_plan(Path("config.yaml"), main=False)
    assert [step.key for step in opened] == [step.key for step in plan]
    assert not Path(".stanchion/jobs").exists()


@pytest.mark.parametrize("damage", ["none", "cut", "other version"])
def test_without_a_usable_plan_there_is_none(
    plan: Plan, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no plan was kept, or it is damaged or of another version, a job makes its own."""
    if damage != "none":
        handover.keep(plan)
    path = run_folder() / "plan.pickle.gz"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    if damage == "other version":
        monkeypatch.setattr(handover, "__version__", "0")
    assert handover.handed_over() is None
