"""How programs are compiled: the toolchain's options, and a model's in their place."""

from __future__ import annotations

import json
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
    refusal = fault(tmp_path, text)
    assert refusal.key == "models.m.stanc.O1"
    assert "stanc takes one level" in refusal.what


@pytest.mark.parametrize(
    "value",
    [
        *("$(shell touch ran)", "${X}", "`touch ran`", "-O2; touch ran", "-O2 | cat", "a && b"),
        *("-O2\ntouch ran", "> ran", "'", "x#y", "\\x", "*", "~/x", "(x)"),
    ],
)
@pytest.mark.parametrize("section", ["toolchain: ", "model"])
def test_what_make_or_the_shell_would_run_is_refused(
    tmp_path: Path, value: str, section: str
) -> None:
    """A value for make holds plain flags: nothing that it or its shell would expand or run."""
    cpp = "cpp: {CXXFLAGS: " + json.dumps(value) + "}"
    old, new = {
        "toolchain: ": ("models: {m: {", f"toolchain: {{{cpp}}}\nmodels: {{m: {{"),
        "model": ("program: m.stan", f"program: m.stan, {cpp}"),
    }[section]
    refusal = fault(tmp_path, changed(old, new, SMALLEST))
    assert refusal.value == value
    assert "would run" in refusal.what


@pytest.mark.parametrize("name", ["SHELL", "MAKEFLAGS", "MAKEFILES", "$(x)", "A B", "A:=b", ".X"])
def test_variables_that_change_make_itself_are_refused(tmp_path: Path, name: str) -> None:
    """make's own shell, flags and files are no options of a program."""
    new = f"program: m.stan, cpp: {{{json.dumps(name)}: x}}"
    assert "cannot be set" in fault(tmp_path, changed("program: m.stan", new, SMALLEST)).what


@pytest.mark.parametrize("path", ["$(shell touch ran)/m.stan", "a;b.stan", "`x`.stan", "a\nb.stan"])
def test_program_paths_that_make_would_run_are_refused(tmp_path: Path, path: str) -> None:
    """The path of a program reaches make and its shell, so it holds nothing that they expand."""
    new = f"program: {json.dumps(path)}"
    assert fault(tmp_path, changed("program: m.stan", new, SMALLEST)).value == path


def test_usual_flags_are_taken(tmp_path: Path) -> None:
    """Flags as people write them pass unchanged."""
    flags = "-O3 -march=native -I/opt/include -DX=1,2 -std=c++17"
    result = compiling(tmp_path, f"{{cpp: {{CXXFLAGS: {json.dumps(flags)}}}}}", "")
    assert result["cpp"] == {"CXXFLAGS": flags}
