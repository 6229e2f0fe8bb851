"""What is said of a step: what it makes, of which fit, in what time, and why."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import pytest

from stanchion.config import load
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import JobFile
from stanchion.plan.model import Plan
from stanchion.plan.planner import make_plan
from stanchion.plan.step_words import WORDS, doing, doing_of, made, reused, what, why_again
from stanchion.system.writing import write_whole
from tests.unit.test_plan import CONFIG, FACTS


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.chdir(tmp_path)
    write_whole("config.yaml", CONFIG)
    return make_plan(load(Path("config.yaml")), FACTS)


def job(plan: Plan, rule: str, **wildcards: str) -> JobFile:
    return next(
        step.job()
        for step in plan
        if step.rule == rule and wildcards.items() <= dict(step.wildcards).items()
    )


def test_every_step_has_words() -> None:
    """No step is said by its rule's name."""
    assert set(STEPS) <= set(WORDS)


def test_no_line_holds_a_rules_name_or_a_key(plan: Plan) -> None:
    """Of every step of a plan: no underscore of ours, no hexadecimal, no file of keys."""
    for step in plan:
        file = step.job()
        for line in (made(file, 1.0, None), reused(file), doing(file)):
            assert step.rule not in line and not re.search(r"[0-9a-f]{8}", line), line


def test_a_chain_is_said_with_its_fit(plan: Plan) -> None:
    """Number, fit, time; reused, it says why."""
    chain = job(plan, "sample_chain", model="wide", method="nuts", chain="2")
    assert made(chain, 12.3, None) == "sampled chain 2 of means/points/wide/nuts in 12 s"
    assert made(chain, 0.04, "its settings changed") == (
        "sampled chain 2 of means/points/wide/nuts in 0.0 s (its settings changed)"
    )
    assert made(chain, 7300, None).endswith(" in 2 h 2 min")
    assert reused(chain) == (
        "reused chain 2 of means/points/wide/nuts: "
        "made before with the same data, program and settings"
    )
    assert doing(chain) == "sampling chain 2 of means/points/wide/nuts"


def test_what_is_no_chain_is_not_sampled(plan: Plan) -> None:
    """An approximation is one process, and called what it is."""
    advi = job(plan, "sample_chain", model="wide", method="advi")
    assert made(advi, 2, None) == "made the approximation of means/points/wide/advi in 2.0 s"
    assert doing(advi) == "making the approximation of means/points/wide/advi"


def test_a_failed_check_is_no_failed_reading(plan: Plan) -> None:
    """What stops an analysis is its checks, though a step reads them."""
    assert doing(job(plan, "check_verdicts")) == "the checks of means"


def test_an_unknown_step_or_file_is_said_by_its_name(plan: Plan, tmp_path: Path) -> None:
    """Nothing is raised where words are wanted for what cannot be read."""
    file = replace(job(plan, "write_report"), step="later_step", records="elsewhere/records/x")
    assert what(file) == "later_step"
    assert what(replace(file, step="write_report")) == "write_report in elsewhere"
    path = PurePath(".stanchion/jobs/fit/sample_chain.1/none.json")
    assert doing_of(path) == "sample_chain.1 fit"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"arguments": {"seed": 1}}, "its settings changed"),
        ({"made_of": {"version": 0}}, "another version of Stanchion"),
        ({"made_of": {"content": {"data": "other"}}}, "its data or program changed"),
        ({"made_of": {"upstream": ["other"]}}, "what it is made from changed"),
    ],
)
def test_a_step_that_runs_again_says_what_changed(
    plan: Plan, changes: dict[str, Any], reason: str
) -> None:
    """By its last finished record: settings, data, what came before, or the code."""
    file = job(plan, "collect_draws")
    before = {"key": "other", "made_of": dict(file.made_of), "arguments": dict(file.arguments)}
    for name, value in changes.items():
        before[name] = {**before[name], **value}  # type: ignore[dict-item]
    assert why_again(file, before) == reason


def test_a_step_that_never_ran_gives_no_reason(plan: Plan) -> None:
    """A first result needs none; one of the same key was gone, or is not what was written."""
    file = job(plan, "collect_draws")
    assert why_again(file, None) is None
    assert why_again(file, {"key": file.key}) == "its result was gone or altered"
