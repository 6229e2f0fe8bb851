"""compile_program: what it refuses before a compiler works."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from stanchion.errors import CompileError
from stanchion.plan.arguments import CompileProgram
from stanchion.plan.job import Job
from stanchion.stan.toolchain.compiler import native_target
from stanchion.steps import compile_program

OPTIONS = CompileProgram(stanc={}, cpp={}, threads=False, native=False, program="p.stan", cpu=None)
COMPILER = """\
#!/bin/sh
echo '#define __{features}__ 1'
echo '#define __tune_{name}__ 1'
"""


def compiler(folder: Path, name: str, features: str) -> str:
    """Return a compiler that tells of a processor, and compiles nothing."""
    path = folder / f"{name}-{features}"
    path.write_text(COMPILER.format(name=name, features=features))
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(("name", "features"), [("zen4", "AVX"), ("skylake", "XOP")])
def test_a_native_build_for_another_processor_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, features: str
) -> None:
    """A node of another kind, by name or by features, builds nothing and says what to do."""
    planned = native_target(compiler(tmp_path, "skylake", "AVX"))
    here = SimpleNamespace(compiler=compiler(tmp_path, name, features))
    monkeypatch.setattr("stanchion.stan.toolchain.find", lambda: here)
    options = replace(OPTIONS, native=True, cpu=planned)
    outputs = {"executable": tmp_path / "model"}
    with pytest.raises(CompileError, match="another kind of processor") as refused:
        compile_program.run(
            Job("compile_program", "0" * 64, options, {}, outputs, tmp_path / "log")
        )
    assert planned in str(refused.value)
    assert name in str(refused.value)
    assert not outputs["executable"].exists()


def test_another_toolchain_than_the_planned_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CmdStan or a compiler that is not the planned one, as on a node, builds nothing."""
    planned = {"version": "2.39.0", "compiler": "g++ 13"}
    here = SimpleNamespace(
        path=tmp_path, compile_identity=lambda **_: {**planned, "compiler": "g++ 14"}
    )
    monkeypatch.setattr("stanchion.stan.toolchain.find", lambda: here)
    outputs, log = {"executable": tmp_path / "model"}, tmp_path / "log"
    job = Job(
        "compile_program",
        "0" * 64,
        OPTIONS,
        {},
        outputs,
        log,
        made_of={"content": {"compiler": planned}},
    )
    with pytest.raises(CompileError, match="changed since this run was planned: compiler"):
        compile_program.run(job)
    assert not outputs["executable"].exists()
