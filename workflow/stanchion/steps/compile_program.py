"""Compiles a Stan program, once for all fits that use it."""

from __future__ import annotations

import logging
from pathlib import Path

from stanchion.steps.job import Job


def run(job: Job) -> None:
    """Compile the program into an executable.

    Raises:
        ProgramError: stanc refuses the program.
        CompileError: the C++ compiler failed or is missing.
    """
    from stanchion.cmdstan import compile_program
    from stanchion.facts import FUNCTIONS
    from stanchion.toolchain import find

    logging.getLogger("cmdstanpy").setLevel(logging.WARNING)
    options = job.arguments
    compile_program(
        Path(options["program"]),
        job.outputs["executable"],
        find(),
        stanc_options=options["stanc"],
        cpp_options=options["cpp"],
        threads=options["threads"],
        native=options["native"],
        include_dirs=[FUNCTIONS],
    )
