"""How programs are compiled: the toolchain's options, and a model's in their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanchion.config import resolved_compiling
from tests.unit.config_cases import SMALLEST, changed, declared, fault

PLAIN = {"stanc": {}, "cpp": {}, "threads": False, "native": False}


def compiling(folder: Path, toolchain: str, model: str) -> dict[str, object]:
    """Return what model m is compiled with under these declarations."""
    text = changed("models: {m: {", f"toolchain: {toolchain}\nmodels: {{m: {{{model}", SMALLEST)
    return resolved_compiling(declared(folder, text), "m")


def test_nothing_is_switched_on_by_default(tmp_path: Path) -> None:
    """Without a word, programs are compiled plainly."""
    assert resolved_compiling(declared(tmp_path, SMALLEST), "m") == PLAIN


@pytest.mark.parametrize(
    ("toolchain", "model", "options"),
    [
        ("{stanc: {O1: true}}", "", {"stanc": {"O1": True}}),
        ("{stanc: {O1: true}}", "stanc: {O1: false}, ", {}),
        ("{stanc: {O1: true}}", "stanc: {O0: true}, ", {"stanc": {"O0": True}}),
        (
            "{cpp: {STAN_NO_RANGE_CHECKS: true, O: 2}}",
            "cpp: {O: 3}, ",
            {"cpp": {"STAN_NO_RANGE_CHECKS": True, "O": 3}},
        ),
        ("{threads: true, native: true}", "", {"threads": True, "native": True}),
        ("{threads: true, native: true}", "native: false, ", {"threads": True}),
        ("{}", "threads: true, ", {"threads": True}),
    ],
)
def test_a_model_goes_before_the_toolchain(
    tmp_path: Path, toolchain: str, model: str, options: dict[str, object]
) -> None:
    """A model's own option replaces the toolchain's of that name, `false` turns it off."""
    assert compiling(tmp_path, toolchain, model) == PLAIN | options


def test_two_levels_at_once_are_refused(tmp_path: Path) -> None:
    """stanc takes the last of two levels without a word; we ask for one."""
    text = changed("program: m.stan", "program: m.stan, stanc: {O0: true, O1: true}", SMALLEST)
    found = fault(tmp_path, text)
    assert found.key == "models.m.stanc.O1"
    assert "stanc takes one level" in found.what
