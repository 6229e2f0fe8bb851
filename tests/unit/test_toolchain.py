"""Where CmdStan is looked for, and what of it enters keys."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stanchion.cli.toolchain import app
from stanchion.errors import ToolchainError
from stanchion.stan.toolchain import find, licences, show
from stanchion.stan.toolchain import pieces as pieces_module
from stanchion.stan.toolchain.compiler import compiler, native_target, require_compiler
from stanchion.stan.toolchain.description import MANIFEST, SCHEMA
from stanchion.stan.toolchain.pieces import MAKEFILE, TOOLS, VERSION, wheel_layout


def cmdstan(folder: Path, version: str = "2.36.0", stanc: str = "stanc") -> Path:
    """Make a folder that looks like a built CmdStan."""
    (folder / "bin").mkdir(parents=True)
    (folder / "makefile").write_text(f"# CmdStan\nCMDSTAN_VERSION := {version}\nmore\n")
    (folder / "bin" / "stanc").write_text(stanc)
    return folder


def seal(folder: Path, **more: object) -> Path:
    """Write what `install` writes last of all."""
    facts = {
        "schema": SCHEMA,
        "origin": "wheel",
        "version": "2.39.0",
        "stanc_sha256": "aa",
        "driver_sha256": "bb",
        "compiler": {"command": "g++", "version": "g++ 12"},
        "flags": "-O3",
        "cpu": "x86-64",
    }
    (folder / MANIFEST).write_text(json.dumps(facts | more))
    return folder


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment whose home, cache and conda prefix are empty folders."""
    names = {"HOME": "home", "STANCHION_CACHE": "cache", "CONDA_PREFIX": "conda"}
    return {name: str(tmp_path / folder) for name, folder in names.items()}


def own(environ: dict[str, str]) -> Path:
    """Where the environment's own toolchain from the wheel lies."""
    return Path(environ["STANCHION_CACHE"]) / "toolchains" / wheel_layout().name


def test_places_are_tried_in_order(environ: dict[str, str], tmp_path: Path) -> None:
    """CMDSTAN, then conda, then ~/.cmdstan, then the cache; each is used where the others lack."""
    seal(cmdstan(own(environ)))
    assert find(environ).found_by == "cache"
    cmdstan(Path(environ["HOME"]) / ".cmdstan" / "cmdstan-2.36.0")
    assert find(environ).found_by == "~/.cmdstan"
    cmdstan(Path(environ["CONDA_PREFIX"]) / "bin" / "cmdstan", "2.35.0")
    assert (find(environ).found_by, find(environ).version) == ("conda", "2.35.0")
    named = cmdstan(tmp_path / "named", "2.34.0")
    toolchain = find(environ | {"CMDSTAN": str(named)})
    assert (toolchain.found_by, toolchain.version, toolchain.path) == ("CMDSTAN", "2.34.0", named)


def test_newest_release_at_home_is_taken(environ: dict[str, str]) -> None:
    """2.10 is newer than 2.9, a release newer than its candidate; other names are passed over."""
    for name in ("cmdstan-2.9.0", "cmdstan-2.10.0-rc1", "cmdstan-2.10.0", "cmdstan-develop"):
        cmdstan(Path(environ["HOME"]) / ".cmdstan" / name)
    assert find(environ).path.name == "cmdstan-2.10.0"


def test_wrong_cmdstan_variable_is_an_error(environ: dict[str, str], tmp_path: Path) -> None:
    """A CMDSTAN that holds no CmdStan is never passed over in silence."""
    seal(cmdstan(own(environ)))
    with pytest.raises(ToolchainError, match="CMDSTAN names a folder that is not a built CmdStan"):
        find(environ | {"CMDSTAN": str(tmp_path / "nowhere")})


def test_no_cmdstan_says_what_to_do(environ: dict[str, str]) -> None:
    """Without any CmdStan the message names the command that installs one."""
    with pytest.raises(ToolchainError, match="stanchion toolchain install"):
        find(environ)


def test_unfinished_install_is_not_found(environ: dict[str, str]) -> None:
    """A folder in the cache without its last file is what a killed install left."""
    cmdstan(own(environ))
    with pytest.raises(ToolchainError, match="there is no CmdStan"):
        find(environ)


def test_chosen_folder_comes_before_the_wheel(environ: dict[str, str], tmp_path: Path) -> None:
    """What `install --from DIR` chose is used in place of the layout from the wheel."""
    seal(cmdstan(own(environ)))
    elsewhere = cmdstan(tmp_path / "elsewhere", "2.37.0")
    (own(environ).parent / "chosen").symlink_to(elsewhere)
    assert find(environ).path == elsewhere


def test_identity_knows_no_place(environ: dict[str, str], tmp_path: Path) -> None:
    """The same toolchain in another folder has the same identity, and no path is in it."""
    toolchain = find(environ | {"CMDSTAN": str(seal(cmdstan(tmp_path / "one")))})
    two = find(environ | {"CMDSTAN": str(seal(cmdstan(tmp_path / "two")))})
    assert toolchain.identity() == two.identity()
    assert str(tmp_path) not in json.dumps(toolchain.identity())


@pytest.mark.parametrize("changed", ["stanc", "make/local", "makefile"])
def test_identity_follows_what_others_installed(
    environ: dict[str, str], tmp_path: Path, changed: str
) -> None:
    """Another stanc, another make/local or another version is another identity."""
    folder = cmdstan(tmp_path / "named")
    before = find(environ | {"CMDSTAN": str(folder)}).identity()
    (folder / "make").mkdir()
    file = {"stanc": folder / "bin" / "stanc"}.get(changed, folder / changed)
    file.write_text("CMDSTAN_VERSION := 2.38.0\nCXXFLAGS += -march=native\n")
    assert find(environ | {"CMDSTAN": str(folder)}).identity() != before


def test_compiler_is_the_one_that_built_the_toolchain(environ: dict[str, str]) -> None:
    """A machine without, or with another, compiler has the keys of the machine that installed."""
    seal(cmdstan(own(environ)))
    here = find(environ).identity()
    assert here == find(environ | {"CXX": "no-such-compiler"}).identity()
    assert here["compiler"] == "g++ 12"


def test_compile_options_enter_the_compile_identity(environ: dict[str, str]) -> None:
    """Options of stanc and make tell two compiled programs apart."""
    seal(cmdstan(own(environ)))
    toolchain = find(environ)
    plain = toolchain.compile_identity(stanc={}, cpp={}, native=False)
    assert plain != toolchain.compile_identity(stanc={"O1": True}, cpp={}, native=False)
    assert plain != toolchain.compile_identity(
        stanc={}, cpp={"STAN_CPP_OPTIMS": True}, native=False
    )
    assert plain["cpu"] == "x86-64"


@pytest.mark.skipif(compiler() is None, reason="needs a C++ compiler")
def test_native_build_names_the_processor(environ: dict[str, str]) -> None:
    """A native build's identity holds the kind of processor, the same at each call."""
    seal(cmdstan(own(environ)))
    native = find(environ).compile_identity(stanc={}, cpp={}, native=True)
    assert native["cpu"] == native_target("g++") != "x86-64"


@pytest.mark.skipif(compiler() is None, reason="needs a C++ compiler")
def test_native_flags_name_the_processor_too(environ: dict[str, str], tmp_path: Path) -> None:
    """`-march=native` in a model's flags, or in another CmdStan's make/local, is a native build."""
    seal(cmdstan(own(environ)))
    by_hand = find(environ).compile_identity(
        stanc={}, cpp={"CXXFLAGS": "-march=native"}, native=False
    )
    assert by_hand["cpu"] == native_target("g++")
    theirs = cmdstan(tmp_path / "theirs")
    (theirs / "make").mkdir()
    (theirs / "make" / "local").write_text("# fast\nCXXFLAGS += -march=native\n")
    assert find(environ | {"CMDSTAN": str(theirs)}).identity()["cpu"] == native_target("g++")


def test_native_without_a_compiler_is_one_sentence() -> None:
    """What the processor is called is asked of the compiler."""
    with pytest.raises(ToolchainError, match="`no-such`, which would tell it, does not run here"):
        native_target("no-such")


def test_finding_imports_the_standard_library_only() -> None:
    """Looking for CmdStan happens at each parse: nothing heavy is imported for it."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "import stanchion.stan.toolchain, stanchion.stan.program, stanchion.stan.command\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names) - {'stanchion'}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_finding_again_hashes_nothing(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash of a stanc is remembered: a second look gives it without reading the file."""
    folder = cmdstan(tmp_path / "named", stanc="x" * 1000)
    environ = environ | {"CMDSTAN": str(folder)}
    first = find(environ).identity()
    monkeypatch.delattr(hashlib, "file_digest")
    assert find(environ).identity() == first


def test_layout_is_named_by_its_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another driver makes another folder, so that an upgrade never runs on an old driver."""
    before = wheel_layout()
    (tmp_path / "main.cpp").write_text("int main() {}")
    monkeypatch.setattr(pieces_module, "DRIVER", tmp_path)
    wheel_layout.cache_clear()
    try:
        assert wheel_layout().name != before.name
        assert wheel_layout().driver_sha256 != before.driver_sha256
    finally:
        monkeypatch.undo()
        wheel_layout.cache_clear()


def test_makefile_states_the_version() -> None:
    """cmdstanpy reads CmdStan's version from the makefile."""
    assert f"CMDSTAN_VERSION := {VERSION}\n" in MAKEFILE.read_text()


def test_missing_tools_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without make, or without a C++ compiler, one sentence says which and how to get it."""
    with pytest.raises(ToolchainError, match=r"no C\+\+ compiler: `no-such` .*\n.*apt install g"):
        require_compiler({"CXX": "no-such"})
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="no `make` on PATH"):
        require_compiler()


def test_licences_are_listed_for_the_wheel_only(environ: dict[str, str], tmp_path: Path) -> None:
    """Each part of the wheel's layout has a licence; of others' CmdStan nothing is claimed."""
    seal(cmdstan(own(environ)))
    parts = {part["part"]: part["licence"] for part in licences(find(environ))}
    assert {"Stan", "Stan Math", "stanc", "Boost", "Eigen", "SUNDIALS"} <= set(parts)
    assert all(parts.values())
    assert licences(find(environ | {"CMDSTAN": str(cmdstan(tmp_path / "real"))})) == []


def test_show_says_how_it_was_found(environ: dict[str, str], tmp_path: Path) -> None:
    """The description holds the path, how it was found and the identity."""
    named = cmdstan(tmp_path / "named")
    about = show(find(environ | {"CMDSTAN": str(named)}))
    assert (about["path"], about["found_by"], about["origin"]) == (str(named), "CMDSTAN", "found")
    json.dumps(about)


def test_path_prints_the_path_only(tmp_path: Path) -> None:
    """`toolchain path` is one line, however long, for `$(stanchion toolchain path)`."""
    folder = cmdstan(tmp_path / ("long" * 50))
    ran = CliRunner().invoke(app, ["path"], env={"CMDSTAN": str(folder), "COLUMNS": "40"})
    assert ran.stdout == f"{folder}\n"


@pytest.mark.skipif(compiler() is None, reason="needs a C++ compiler")
def test_other_processors_are_refused_with_a_sentence(tmp_path: Path) -> None:
    """A program built for instructions that this processor lacks says so, and starts nothing."""
    if "xop" in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has the instructions that the test takes for missing")
    (tmp_path / "main.cpp").write_text('#include <cstdio>\nint main() { std::puts("ran"); }\n')
    command = ["g++", tmp_path / "main.cpp", TOOLS / "processor.cpp", "-o", tmp_path / "program"]
    for flags, code, words in ([], 0, ""), (["-DUSES_XOP"], 1, "built for another processor"):
        subprocess.run([*command, *flags], check=True)
        ran = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout) == (code, "" if code else "ran\n")
        assert words in ran.stderr
