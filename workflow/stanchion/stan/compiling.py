"""The only importer of cmdstanpy: compiles programs and installs releases with it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from stanchion.errors import CompileError, ProgramError, ToolchainError
from stanchion.stan.program import include_folders, stanc_error
from stanchion.stan.toolchain.compiler import Compiler, require_compiler
from stanchion.stan.toolchain.description import Toolchain
from stanchion.stan.toolchain.layout import clean_environment

_LAST_WORDS = 12
_REFUSED = re.compile(r"(?:Syntax|Semantic) error in ")
_CONSOLE = "Console:\n"
_COMMAND = "\nCommand ["
_ECHO = re.compile(r"--- |bin/stanc |\S*(g\+\+|clang\+\+) -|\s+-Wl,")


def compile_program(
    program: Path,
    executable: Path,
    toolchain: Toolchain,
    *,
    stanc_options: Mapping[str, bool | str],
    cpp_options: Mapping[str, object],
    threads: bool,
    native: bool = False,
    include_dirs: Sequence[Path] = (),
) -> None:
    """Compile a program; it is built in a folder beside `executable` and renamed into place.

    Raises:
        ProgramError: stanc refuses the program.
        CompileError: the C++ compiler refuses it, or was ended.
        ToolchainError: there is no compiler, or another one than the toolchain was built with.
    """
    compiler = _require_same_compiler(toolchain)
    cpp = {name: value for name, value in cpp_options.items() if value is not False}
    if threads:
        cpp["STAN_THREADS"] = True
    if native:
        cpp["CXXFLAGS"] = f"{cpp.get('CXXFLAGS', '')} {_native_flags(toolchain)}".strip()
    executable.parent.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(dir=executable.absolute().parent, prefix=".compiling-") as folder,
        _environment(toolchain, compiler),
    ):
        stem = re.sub(r"\W", "_", program.stem, flags=re.ASCII)
        copy = Path(folder) / f"{stem}.stan"
        copy.write_bytes(_source(program))
        stanc = _stanc_options(stanc_options, include_folders(program, include_dirs))
        built = _build(copy, program, stanc | {"name": f"{stem}_model"}, cpp)
        built.rename(executable)


def _source(program: Path) -> bytes:
    try:
        return program.read_bytes()
    except OSError as error:
        raise ProgramError(
            f"the Stan program cannot be read: {(error.strerror or str(error)).lower()}",
            where=str(program),
        ) from error


def install_release(version: str, folder: Path, *, cores: int) -> bool:
    """Download and build CmdStan in `folder/cmdstan-<version>`; return whether it worked."""
    from cmdstanpy import install_cmdstan

    before = os.environ.copy()
    try:
        return bool(install_cmdstan(version=version, dir=str(folder), cores=cores))
    finally:
        os.environ.clear()
        os.environ.update(before)


def _build(copy: Path, program: Path, stanc: dict[str, object], cpp: dict[str, object]) -> Path:
    from cmdstanpy import compile_stan_file
    from cmdstanpy.utils import get_logger

    get_logger().setLevel(logging.ERROR)
    try:
        return Path(compile_stan_file(copy, stanc_options=stanc, cpp_options=cpp))
    except ValueError as error:
        output = str(error).partition(_CONSOLE)[2] or str(error)
        refused = _REFUSED.search(output)
        if refused is not None:
            message = output[refused.start() :].partition("make: ***")[0]
            raise stanc_error(message.replace(copy.name, str(program)), program) from None
        lines = output.partition(_COMMAND)[0].splitlines()
        words = [line for line in lines if line.strip() and not _ECHO.match(line)][-_LAST_WORDS:]
        text = "\n".join(f"  {line}" for line in words)
        raise CompileError(
            f"the program does not compile; the compiler's last words:\n{text}", where=str(program)
        ) from None


def _stanc_options(
    declared: Mapping[str, bool | str], folders: Sequence[Path]
) -> dict[str, object]:
    """Return stanc's options for cmdstanpy, which wants absolute paths and leaves no option out."""
    options: dict[str, object] = {
        name: value for name, value in declared.items() if value is not False
    }
    more = options.pop("include-paths", "")
    paths = [*folders, *(Path(path) for path in str(more).split(",") if path)]
    return options | {"include-paths": [str(path.resolve()) for path in paths]}


def _native_flags(toolchain: Toolchain) -> str:
    if toolchain.origin != "wheel":
        raise ToolchainError(
            "`native: true` needs a driver built for the same processor, and this CmdStan's is not",
            where=str(toolchain.path),
            todo="write `CXXFLAGS += -march=native` into its make/local and build it again",
        )
    return "-march=native"


def _require_same_compiler(toolchain: Toolchain) -> Compiler:
    """Programs and driver come from one compiler, the one that the keys name."""
    compiler = require_compiler({**os.environ, "CXX": toolchain.compiler})
    if toolchain.compiler_version not in (None, compiler.version):
        raise ToolchainError(
            f"the C++ compiler is now {compiler.version}, and CmdStan was built with "
            f"{toolchain.compiler_version}",
            where=str(toolchain.path),
            todo="run `stanchion toolchain install`, which builds it again",
        )
    return compiler


@contextmanager
def _environment(toolchain: Toolchain, compiler: Compiler) -> Iterator[None]:
    """Point cmdstanpy to the toolchain; an outer make and a shell's flags stay out of it."""
    before, clean = os.environ.copy(), clean_environment()
    os.environ.clear()
    os.environ.update(clean | {"CMDSTAN": str(toolchain.path), "CXX": compiler.command})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
