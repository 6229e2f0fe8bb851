"""Compiles a Stan program, once for all fits that use it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from stanchion.errors import CompileError
from stanchion.plan.arguments import CompileProgram
from stanchion.plan.job import Job
from stanchion.stan.toolchain import Toolchain
from stanchion.stan.toolchain.compiler import native_target


def run(job: Job[CompileProgram]) -> None:
    """Compile the program into an executable.

    Raises:
        ProgramError: stanc refuses the program.
        CompileError: the C++ compiler failed or is missing, or toolchain or processor are not
            those that the build was planned for.
    """
    from stanchion.stan.compiling import compile_program
    from stanchion.stan.progress import compiling
    from stanchion.stan.toolchain import find

    logging.getLogger("cmdstanpy").setLevel(logging.WARNING)
    options, toolchain = job.arguments, find()
    if options.native:
        _require_processor(options.cpu, toolchain)
    _require_toolchain(job.made_of["content"]["compiler"], options, toolchain)
    with compiling(job.log, options.program):
        compile_program(
            job.path("program"),
            job.outputs["executable"],
            toolchain,
            stanc_options=options.stanc,
            cpp_options=options.cpp,
            threads=options.threads,
            native=options.native,
        )


def _require_toolchain(
    planned: Mapping[str, Any], options: CompileProgram, toolchain: Toolchain
) -> None:
    """Refuse to build with what the key does not name: another CmdStan, compiler or flags."""
    here = toolchain.compile_identity(stanc=options.stanc, cpp=options.cpp, native=options.native)
    differ = [name for name in {**planned, **here} if planned.get(name) != here.get(name)]
    if differ:
        raise CompileError(
            f"CmdStan or its compiler changed since this run was planned: {', '.join(differ)}",
            where=f"{toolchain.path} on {os.uname().nodename}",
            todo="run again; on a cluster, with one toolchain for all nodes",
        )


def _require_processor(planned: str | None, toolchain: Toolchain) -> None:
    """Refuse to build for another processor than the key names: a cluster's nodes may differ."""
    here = native_target(toolchain.compiler)
    if here != planned:
        raise CompileError(
            "a native build was planned on another kind of processor than it would be built on",
            where=os.uname().nodename,
            value=here,
            allowed=planned,
            todo="start the run on a machine like those that it runs on, or leave `native` out",
        )
