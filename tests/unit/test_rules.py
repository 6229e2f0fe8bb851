"""The rules: thin, documented, and at the paths that the plan names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stanchion.plan import paths
from stanchion.plan.catalogue import CACHED, VERSIONS

RULES = Path(__file__).parents[2] / "workflow/rules"
SECTIONS = ("input", "output", "log", "threads", "resources", "params", "shell")


def rules() -> dict[str, str]:
    text = "\n".join(path.read_text() for path in sorted(RULES.glob("*.smk")))
    parts = re.split(r"^rule (\w+):\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def section(body: str, name: str) -> str:
    found = re.search(rf"^    {name}:(.*?)(?=^    \w+:|\Z)", body, re.MULTILINE | re.DOTALL)
    assert found, f"no {name}:"
    return found.group(1)


def test_a_rule_for_each_step_and_no_other() -> None:
    """Every step has a rule, a version and paths, and every rule is a step."""
    assert set(rules()) == set(VERSIONS) == set(paths.OUTPUTS)
    assert set(VERSIONS) > CACHED


@pytest.mark.parametrize("rule", sorted(VERSIONS))
def test_literal_outputs_are_the_plans(rule: str) -> None:
    """A rule's literal output paths are those that the plan computes, key file included."""
    literal = dict(re.findall(r'(\w+)="([^"]+)"', section(rules()[rule], "output")))
    assert literal == {**paths.OUTPUTS[rule], "key": paths.key_pattern(rule)}


@pytest.mark.parametrize("rule", sorted(VERSIONS))
def test_literal_log_is_the_plans(rule: str) -> None:
    """A rule's log is the file that the runner writes."""
    assert section(rules()[rule], "log").strip().strip('",') == paths.log_pattern(rule)


@pytest.mark.parametrize("rule", sorted(VERSIONS))
def test_rule_is_thin(rule: str) -> None:
    """A rule has a docstring and every section, one shell line, and no Python of its own."""
    body = rules()[rule]
    assert body.lstrip().startswith('"""')
    for name in SECTIONS:
        section(body, name)
    assert section(body, "shell").strip() == '"exec stanchion-step {input.job:q}"'
    assert "run:" not in body and "lambda" not in body


@pytest.mark.parametrize("rule", sorted(VERSIONS))
def test_only_job_and_key_files_are_plain_inputs(rule: str) -> None:
    """Every input is ancient but those whose times are ours, so that no clock decides."""
    inputs = re.findall(r"^ {8}(\w+)=(.*)$", section(rules()[rule], "input"), re.MULTILINE)
    assert inputs
    for name, value in inputs:
        assert value.startswith("ancient(") or name in ("job", "upstream")


@pytest.mark.parametrize("rule", sorted(VERSIONS))
def test_params_hold_the_key_only(rule: str) -> None:
    """A rule's params are its key and nothing else that could change."""
    assert section(rules()[rule], "params").strip() == f'key=GRAPH.key("{rule}"),'
