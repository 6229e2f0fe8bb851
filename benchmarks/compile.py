"""Compile time with and without the precompiled model header, and the disk that the header costs.

    python benchmarks/compile.py [--repeat 3] [PROGRAM.stan ...]

Both ways go through `stanchion.cmdstan.compile_program`, in turn, so that other load on the machine
falls on both. Prints the median of each program and way, the ratio of the sums, and megabytes.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from stanchion.cmdstan import compile_program
from stanchion.toolchain import Toolchain, find

HERE = Path(__file__).parent
PROGRAMS = sorted((HERE.parent / "stan" / "models").glob("*.stan"))
FUNCTIONS = HERE.parent / "stan" / "functions"
AIM = 0.6


def seconds(program: Path, toolchain: Toolchain, *, precompiled: bool) -> float:
    """Compile a program once and return the wall time."""
    with TemporaryDirectory() as folder:
        begin = time.perf_counter()
        compile_program(
            program,
            Path(folder) / "model",
            toolchain,
            stanc_options={},
            cpp_options={} if precompiled else {"PRECOMPILED_HEADERS": "false"},
            threads=False,
            include_dirs=[FUNCTIONS],
        )
        return time.perf_counter() - begin


def megabytes(toolchain: Toolchain) -> float:
    """Return the size of the precompiled headers in a toolchain's folder."""
    return sum(file.stat().st_size for file in toolchain.path.rglob("*.gch")) / 1e6


def main() -> None:
    """Time every program both ways."""
    parser = argparse.ArgumentParser(description="Compile time with a precompiled header.")
    parser.add_argument("programs", nargs="*", type=Path, default=PROGRAMS)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    logging.getLogger("cmdstanpy").setLevel(logging.WARNING)
    toolchain = find()
    seconds(options.programs[0], toolchain, precompiled=True)  # warms the disk's cache
    with_header, without = 0.0, 0.0
    for program in options.programs:
        pairs = [
            (
                seconds(program, toolchain, precompiled=True),
                seconds(program, toolchain, precompiled=False),
            )
            for _ in range(options.repeat)
        ]
        fast, slow = (statistics.median(times) for times in zip(*pairs, strict=True))
        with_header, without = with_header + fast, without + slow
        print(f"{program.stem:<28} {fast:6.1f} s with, {slow:6.1f} s without", flush=True)
    ratio = with_header / without
    print(f"ratio {ratio:.2f} (aim: ≤ {AIM}); the header costs {megabytes(toolchain):.0f} MB")


if __name__ == "__main__":
    main()
