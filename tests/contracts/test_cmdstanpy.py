"""cmdstanpy: what it says of a program that does not compile, and the calls that we make."""

from __future__ import annotations

import logging
from pathlib import Path

import cmdstanpy
import pytest
from cmdstanpy.utils import get_logger

from stanchion.errors import CompileError, ProgramError
from stanchion.stan import compiling
from tests.contracts import mend, takes

OURS = "stan/compiling.py"
MAKEFILE = """\
%:
\t@echo '--- Translating Stan model to C++ code ---'
\t@printf '%s\\n' {words} >&2
\t@exit 1
"""
"""Stands in for CmdStan's: making a program prints these words and fails."""
STANC = """\
#!/bin/sh
echo stanc3 v2.39.0
"""


def fake_cmdstan(folder: Path, *words: str) -> Path:
    """Lay out what cmdstanpy takes for CmdStan, in which every program fails with these words."""
    path = folder / "cmdstan-2.39.0"
    (path / "bin").mkdir(parents=True)
    quoted = " ".join(f"'{word}'" for word in words)
    (path / "makefile").write_text(MAKEFILE.format(words=quoted))
    (path / "bin/stanc").write_text(STANC)
    (path / "bin/stanc").chmod(0o755)
    return path


def build(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """Compile a program with a CmdStan that says these words and fails."""
    monkeypatch.setenv("CMDSTAN", str(fake_cmdstan(folder, *words)))
    copy = folder / "copy.stan"
    copy.write_text("model {}\n")
    compiling._build(copy, Path("stan/models/a.stan"), {"name": "copy_model"}, {})


def test_the_words_of_stanc_are_found_in_what_cmdstanpy_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """cmdstanpy wraps stanc's message, and its words come out alone, as a fault of the program."""
    words = ("Semantic error in copy.stan, line 1, column 0:", "Identifier y is not declared.")
    with pytest.raises(ProgramError) as refused:
        build(tmp_path, monkeypatch, *words, "make: *** [makefile:1: copy] Error 1")
    message = str(refused.value)
    assert "Identifier y is not declared" in message, mend(OURS, "_CONSOLE and _REFUSED")
    assert "make: ***" not in message and "Console" not in message, mend(OURS, "_CONSOLE")
    assert "Failed to compile" not in message, mend(OURS, "_CONSOLE")


def test_the_compilers_words_are_found_in_what_cmdstanpy_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """cmdstanpy wraps the compiler's message, whose last words come out without make's echo."""
    with pytest.raises(CompileError) as refused:
        build(tmp_path, monkeypatch, "copy.hpp:1: error: no such type", "g++ -O3 copy.cpp")
    lines = str(refused.value).splitlines()
    assert lines[1].strip() == "copy.hpp:1: error: no such type", mend(OURS, "_CONSOLE and _ECHO")
    foreign = [line for line in lines if "Command [" in line or "---" in line or "Console" in line]
    assert not foreign, mend(OURS, f"_COMMAND and _ECHO: {foreign}")


def test_calls_take_the_arguments_that_we_give() -> None:
    """What we call takes these arguments by name, and its logger is known."""
    inputs = ["stanc_options", "cpp_options"]
    assert takes(cmdstanpy.compile_stan_file, *inputs), mend(OURS, "compile_stan_file")
    assert takes(cmdstanpy.install_cmdstan, "version", "dir", "cores"), mend(
        OURS, "install_cmdstan"
    )
    assert get_logger() is logging.getLogger("cmdstanpy"), mend(OURS, "get_logger")
