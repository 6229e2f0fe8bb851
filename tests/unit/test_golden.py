"""A step whose outputs change under the same key must have a raised version: golden bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from stanchion.plan.catalogue import STEPS
from tests import golden
from tests.golden.cases import PURE, SAMPLED, pure

LOCK = Path(__file__).parents[2] / "workflow/requirements-dev.lock"
RENEW = "run `python -m tests.golden`"


def test_every_step_has_golden_bytes() -> None:
    """No step is without a case, and each case's bytes are committed."""
    steps = set(STEPS)
    assert {*PURE, *SAMPLED} == steps
    assert {path.stem for path in golden.BYTES.iterdir()} == steps


def test_steps_without_cmdstan_keep_their_bytes(tmp_path: Path) -> None:
    """The same inputs give the same bytes, or the version was raised."""
    check(pure(tmp_path))


def check(result: list[dict[str, Any]]) -> None:
    """Hold each step's bytes to the golden ones; another machine's last bit is no fault."""
    faults = [output for now in result if (output := golden.fault(now))]
    assert not faults, "\n".join(faults)
    stale = [now["step"] for now in result if golden.is_stale(now)]
    assert not stale, f"{', '.join(stale)}: another version or other inputs: {RENEW}"
    moved = [
        now["step"]
        for now in result
        if golden.is_elsewhere(now) and golden.golden(now["step"])["outputs"] != now["outputs"]
    ]
    if moved:
        pytest.skip(f"made with other packages or on another processor: {', '.join(moved)}")


def test_golden_bytes_are_those_of_the_locked_packages() -> None:
    """Whoever raises a locked package renews the golden bytes with it."""
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+)", LOCK.read_text(), re.MULTILINE))
    for step in PURE:
        made_with = golden.golden(step)["made_with"]["packages"]
        assert made_with == {name: locked[name] for name in golden.PACKAGES}, f"{step}: {RENEW}"


NOW = {
    "step": "collect_draws",
    "version": 1,
    "made_with": {"packages": {"numpy": "2"}},
    "inputs": "i",
    "outputs": [{"draws": "d"}],
}


@pytest.mark.parametrize(
    ("changed", "may"),
    [
        ({}, False),
        ({"outputs": [{"draws": "e"}]}, None),
        ({"outputs": [{"draws": "e"}], "version": 2}, True),
        ({"outputs": [{"draws": "e"}], "inputs": "j"}, True),
        ({"outputs": [{"draws": "e"}], "made_with": {"packages": {"numpy": "3"}}}, True),
    ],
)
def test_bytes_are_renewed_only_where_they_may_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], may: bool | None
) -> None:
    """Other bytes of the same inputs under the same version are refused, and stay as they were."""
    monkeypatch.setattr(golden, "BYTES", tmp_path)
    assert golden.renew(NOW)
    now = NOW | changed
    if may is None:
        with pytest.raises(ValueError, match="raise its version in the catalogue"):
            golden.renew(now)
        assert golden.golden("collect_draws") == NOW
    else:
        assert golden.renew(now) is may
        assert golden.golden("collect_draws") == now
