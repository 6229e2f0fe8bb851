"""`stanchion clean`: which analyses there are results of."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanchion.config import load
from stanchion.errors import VersioningError
from stanchion.plan.planner import make_plan
from stanchion.runs import clean as clean_module
from stanchion.system.writing import write_whole
from tests.unit.test_plan import CONFIG, FACTS


def test_an_analysis_that_is_not_there_is_answered_by_those_with_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Declared or not, only what has results can be cleaned: without any nothing is offered."""
    monkeypatch.chdir(tmp_path)
    write_whole("config.yaml", CONFIG)
    plan = make_plan(load(Path("config.yaml")), FACTS)
    monkeypatch.setattr(clean_module, "lock_project", lambda: None)
    monkeypatch.setattr(clean_module, "open_plan", lambda *_, **__: plan)
    assert "means" in plan.project.analyses

    def offered() -> str | None:
        with pytest.raises(VersioningError, match="there are no results of 'nothing'") as stopped:
            clean_module.clean(["nothing"], configfile=Path("config.yaml"), force=False)
        return stopped.value.faults[0].allowed

    assert offered() is None
    write_whole("results/old/report.html", "")
    assert offered() == "old"
    write_whole("results/means/report.html", "")
    assert offered() == "means, old"
    assert "nothing is removed" in clean_module.clean(["means"], configfile=None, force=False)
