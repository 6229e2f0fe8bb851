"""Compiling programs, and what stanc says of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from multiprocessing import get_context
from pathlib import Path

import pytest

from stanchion.errors import CompileError, ProgramError, ToolchainError
from stanchion.stan.compiling import compile_program
from stanchion.stan.console import with_included_names
from stanchion.stan.program import describe, read_sources
from stanchion.stan.toolchain import Toolchain, check
from tests.project import REFERENCE
from tests.stan.toolchains import toolchain_for_tests

pytestmark = pytest.mark.stan

PROGRAM = "parameters {\n  real x;\n}\nmodel {\n  x ~ normal(f(1), 1);\n}\n"
WITH_INCLUDE = "functions {\n#include f.stanfunctions\n}\n" + PROGRAM
FUNCTION = "real f(real y) {\n  return y + 1;\n}\n"
TYPES = """
data {
  int K;
  int M;
}
parameters {
  simplex[K] a;
  sum_to_zero_vector[K] b;
  cholesky_factor_corr[K] c;
  cholesky_factor_cov[M, K] d;
  array[2] cov_matrix[M] e;
  column_stochastic_matrix[K, M] g;
  array[M] tuple(real, vector[K]) t;
  complex_vector[K] z;
}
"""


@pytest.fixture(scope="module")
def toolchain() -> Toolchain:
    """The CmdStan of this machine."""
    return toolchain_for_tests()


def compile_plainly(program: Path, target: Path, toolchain: Toolchain) -> None:
    """Compile a program without any option."""
    compile_program(program, target, toolchain, stanc_options={}, cpp_options={}, threads=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder, with a space in its name, of programs that nobody may write to."""
    folder = tmp_path / "my project"
    (folder / "stan" / "functions").mkdir(parents=True)
    (folder / "stan" / "functions" / "f.stanfunctions").write_text(FUNCTION)
    (folder / "stan" / "with-include.stan").write_text(WITH_INCLUDE)
    return folder


def sample(executable: Path, folder: Path, *arguments: str) -> list[list[str]]:
    """Run NUTS for 50 draws and return the rows of numbers."""
    command = "method=sample num_samples=50 num_warmup=50 random seed=1 output file=o.csv"
    subprocess.run(
        [executable.resolve(), *command.split(), *arguments],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    lines = (folder / "o.csv").read_text().splitlines()
    return [line.split(",") for line in lines if line and not line.startswith("#")][1:]


def test_compiles_without_touching_the_sources(toolchain: Toolchain, project: Path) -> None:
    """Includes are found, options are taken; only the executable appears, and it samples.

    Made of copies, it names an include in its messages as the program does.
    """
    program = project / "stan" / "with-include.stan"
    copies = read_sources(program, [project / "stan" / "functions"]).copy(project / "copies")
    sources = sorted(project.rglob("*"))
    executable = project / "out" / "model"
    compile_program(
        Path(next(iter(copies))),
        executable,
        toolchain,
        stanc_options={"O1": True},
        cpp_options={"STAN_NO_RANGE_CHECKS": True, "STAN_CPP_OPTIMS": False},
        threads=True,
    )
    assert sorted(project.rglob("*")) == sorted([*sources, executable.parent, executable])
    assert len(sample(executable, project)) == 50
    named = re.findall(rb"'[^'\0]*f\.stanfunctions'", executable.read_bytes())
    assert {with_included_names(name.decode()) for name in named} == {"'f.stanfunctions'"}


def test_two_jobs_compile_one_program_at_once(toolchain: Toolchain, project: Path) -> None:
    """Two jobs that make the same executable do not collide, and no half of one is ever seen."""
    program = project / "stan" / "plain.stan"
    program.write_text(PROGRAM.replace("f(1)", "2"))

    arguments = (program, project / "model", toolchain)
    jobs = [get_context("spawn").Process(target=compile_plainly, args=arguments) for _ in range(2)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(timeout=300)
    assert [job.exitcode for job in jobs] == [0, 0]
    assert len(sample(project / "model", project)) == 50
    assert not list(project.glob(".compiling-*"))


def test_refused_program_names_the_users_file(toolchain: Toolchain, project: Path) -> None:
    """The message is stanc's, and its place is the file that the user wrote, not a copy."""
    program = project / "stan" / "bad.stan"
    program.write_text(PROGRAM.replace("normal(f(1), 1)", "nromal(0, 1)"))
    with pytest.raises(ProgramError, match="No function") as caught:
        compile_plainly(program, project / "model", toolchain)
    assert caught.value.faults[0].where == f"{program}:5"
    assert not (project / "model").exists()


def test_compiler_has_the_last_word(toolchain: Toolchain, project: Path) -> None:
    """What the C++ compiler refuses is a CompileError with its own message."""
    program = project / "stan" / "plain.stan"
    program.write_text(PROGRAM.replace("f(1)", "2"))
    with pytest.raises(CompileError, match=r"nowhere\.hpp: No such file"):
        compile_program(
            program,
            project / "model",
            toolchain,
            stanc_options={},
            cpp_options={"CPPFLAGS": "-include nowhere.hpp"},
            threads=False,
        )


def test_missing_compiler_is_one_sentence(
    toolchain: Toolchain, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without g++ the message says what to install."""
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(ToolchainError, match="install a C"):
        compile_plainly(project / "stan" / "with-include.stan", project / "model", toolchain)


def test_toolchain_passes_its_own_check(toolchain: Toolchain) -> None:
    """The tiny program compiles, samples and gives Beta(3, 9)'s mean."""
    assert check(toolchain) == pytest.approx(0.25, abs=0.02)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_toolchain_compiles(toolchain: Toolchain, project: Path) -> None:
    """Nothing is written to a shared toolchain's folder."""
    toolchain.path.chmod(0o555)
    try:
        assert check(toolchain) > 0
    finally:
        toolchain.path.chmod(0o755)


def test_compiling_leaves_the_toolchain_alone(toolchain: Toolchain) -> None:
    """No file of the toolchain's folder is new or changed after a compile."""

    def state() -> list[tuple[str, int]]:
        files = (p for p in toolchain.path.rglob("*") if "include" not in p.parts)
        return sorted((str(path), path.stat().st_mtime_ns) for path in files)

    before = state()
    check(toolchain)
    assert state() == before


def test_every_type_has_its_sizes(toolchain: Toolchain, tmp_path: Path) -> None:
    """stanc's number of dimensions and the sizes in the canonical text agree for every type."""
    program = tmp_path / "types.stan"
    program.write_text(TYPES)
    sizes = {v.name: v.sizes for v in describe(program, toolchain.stanc).parameters}
    assert sizes == {
        "a": ("K",),
        "b": ("K",),
        "c": ("K", "K"),
        "d": ("M", "K"),
        "e": ("2", "M", "M"),
        "g": ("K", "M"),
        "t": ("M",),
        "z": ("K",),
    }


def test_meaningless_changes_keep_the_canonical_text(toolchain: Toolchain, tmp_path: Path) -> None:
    """Comments, line breaks and moved includes change nothing; a number does."""
    (tmp_path / "f.stanfunctions").write_text(FUNCTION)
    versions = {
        "one": WITH_INCLUDE,
        "two": "// a comment\n" + WITH_INCLUDE.replace("real x;", "real\n  x; // here"),
        "three": f"functions {{\n{FUNCTION}}}\n{PROGRAM}",
        "four": WITH_INCLUDE.replace(", 1)", ", 2)"),
    }
    canonical = {}
    for name, text in versions.items():
        (tmp_path / f"{name}.stan").write_text(text)
        canonical[name] = describe(tmp_path / f"{name}.stan", toolchain.stanc).canonical
    assert canonical["one"] == canonical["two"] == canonical["three"] != canonical["four"]


def test_fault_in_an_include_names_the_include(toolchain: Toolchain, tmp_path: Path) -> None:
    """File and line are those of the included file."""
    (tmp_path / "f.stanfunctions").write_text(FUNCTION.replace("y + 1", "zz"))
    (tmp_path / "one.stan").write_text(WITH_INCLUDE)
    with pytest.raises(ProgramError) as caught:
        describe(tmp_path / "one.stan", toolchain.stanc)
    assert caught.value.faults[0].where == f"{tmp_path / 'f.stanfunctions'}:2"


def test_draws_do_not_depend_on_threads(toolchain: Toolchain, tmp_path: Path) -> None:
    """reduce_sum with 1, 2 and 4 threads and a fixed grain gives the same draws."""
    reference = REFERENCE / "cmdstan"
    compile_program(
        reference / "threaded_logit.stan",
        tmp_path / "model",
        toolchain,
        stanc_options={},
        cpp_options={},
        threads=True,
    )
    data = reference / "data" / "threaded_logit.json"
    assert json.loads(data.read_text())
    drawn = [
        sample(tmp_path / "model", tmp_path, "data", f"file={data}", f"num_threads={threads}")
        for threads in (1, 2, 4)
    ]
    assert drawn[0] == drawn[1] == drawn[2]
