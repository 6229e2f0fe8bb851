"""The rules: thin, documented, and at the paths that the plan names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stanchion.pictures.catalogue import pictures_of
from stanchion.plan import paths
from stanchion.plan.catalogue import STEPS

RULES = Path(__file__).parents[2] / "workflow/rules"
SECTIONS = ("input", "output", "log", "threads", "resources", "params", "shell")


def rules() -> dict[str, str]:
    text = "\n".join(path.read_text() for path in sorted(RULES.glob("*.smk")))
    parts = re.split(r"^rule (\w+):\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def section(body: str, name: str) -> str:
    match = re.search(rf"^    {name}:(.*?)(?=^    \w+:|\Z)", body, re.MULTILINE | re.DOTALL)
    assert match, f"no {name}:"
    return match.group(1)


def test_a_rule_for_each_step_and_no_other() -> None:
    """Every step of the catalogue has a rule and a module, and every rule is a step."""
    assert set(rules()) == set(STEPS)
    modules = {path.stem for path in (RULES.parent / "stanchion/steps").glob("*.py")}
    assert set(STEPS) <= modules


@pytest.mark.parametrize("rule", sorted(STEPS))
def test_literal_outputs_are_the_plans(rule: str) -> None:
    """A rule's outputs are the paths that the plan computes: pictures by their catalogue."""
    output, drawn = section(rules()[rule], "output"), pictures_of(rule)
    literal = dict(re.findall(r'(\w+)="([^"]+)"', output))
    plain = {name: path for name, path in STEPS[rule].paths.items() if name not in drawn}
    assert literal == {**plain, "key": paths.key_pattern(rule)}
    assert (f'GRAPH.pictures("{rule}")' in output) is bool(drawn)


@pytest.mark.parametrize("rule", sorted(STEPS))
def test_literal_log_is_the_plans(rule: str) -> None:
    """A rule's log is the file that the runner writes."""
    assert section(rules()[rule], "log").strip().strip('",') == paths.log_pattern(rule)


@pytest.mark.parametrize("rule", sorted(STEPS))
def test_literal_resources_are_the_catalogues(rule: str) -> None:
    """A rule reserves the memory and minutes of its row, and one thread unless its method says.

    A script of a person's own reserves its time limit, where the plan knows of one.
    """
    body, row = rules()[rule], STEPS[rule]
    literal = dict(re.findall(r"(\w+)=(.+),", section(body, "resources")))
    by_plan = row.minutes is None or not row.repeats
    assert literal == {
        "mem_mb": f'GRAPH.memory("{rule}")' if row.memory is None else str(row.memory),
        "runtime": f'GRAPH.minutes("{rule}")' if by_plan else str(row.minutes),
    }
    requested = f'GRAPH.threads("{rule}")' if row.memory is None else "1"
    assert section(body, "threads").strip() in (requested, "1")


@pytest.mark.parametrize("rule", sorted(STEPS))
def test_where_a_rule_runs_is_the_catalogues(rule: str) -> None:
    """A rule is local or of a group where its row says so, and nowhere else."""
    body, row = rules()[rule], STEPS[rule]
    assert ("    localrule: True\n" in body) is row.local
    groups = re.findall(r'^    group:\n        "(.+)"$', body, re.MULTILINE)
    assert groups == ([row.group] if row.group is not None else [])


@pytest.mark.parametrize("rule", sorted(STEPS))
def test_rule_is_thin(rule: str) -> None:
    """A rule has a docstring and every section, one shell line, and no Python of its own."""
    body = rules()[rule]
    assert body.lstrip().startswith('"""')
    for name in SECTIONS:
        section(body, name)
    assert section(body, "shell").strip() == '"exec stanchion-step {input.job:q}"'
    assert "run:" not in body and "lambda" not in body


@pytest.mark.parametrize("rule", sorted(STEPS))
def test_only_job_and_key_files_are_plain_inputs(rule: str) -> None:
    """Every input is ancient but those whose times are ours, so that no clock decides."""
    inputs = re.findall(r"^ {8}(\w+)=(.*)$", section(rules()[rule], "input"), re.MULTILINE)
    assert inputs
    for name, value in inputs:
        assert value.startswith("ancient(") or name in ("job", "upstream")


@pytest.mark.parametrize("rule", sorted(STEPS))
def test_params_hold_the_key_only(rule: str) -> None:
    """A rule's params are its key and nothing else that could change."""
    assert section(rules()[rule], "params").strip() == f'key=GRAPH.key("{rule}"),'
