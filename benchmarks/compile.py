"""Compile time with and without the precompiled model header, and the disk that the header costs.

    python benchmarks/compile.py [--repeat 3] [PROGRAM.stan ...]

Both ways go through `stanchion.stan.compiling.compile_program`, in turn, so that other load on
the machine falls on both. Prints the median of each program and way, the ratio of the sums in
wall time and in processor time (which a busy machine changes less), and megabytes.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from stanchion.stan.compiling import compile_program
from stanchion.stan.toolchain import Toolchain, find

HERE = Path(__file__).parent
PROGRAMS = sorted((HERE.parent / "stan" / "models").glob("*.stan"))
FUNCTIONS = HERE.parent / "stan" / "functions"
AIM = 0.6


def seconds(program: Path, toolchain: Toolchain, *, precompiled: bool) -> tuple[float, float]:
    """Compile a program once and return the wall time and the processor time."""
    with TemporaryDirectory() as folder:
        begin, used = time.perf_counter(), processor_time()
        compile_program(
            program,
            Path(folder) / "model",
            toolchain,
            stanc_options={},
            cpp_options={} if precompiled else {"PRECOMPILED_HEADERS": "false"},
            threads=False,
            include_dirs=[FUNCTIONS],
        )
        return time.perf_counter() - begin, processor_time() - used


def processor_time() -> float:
    """Return the seconds that ended child processes have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def megabytes(toolchain: Toolchain) -> float:
    """Return the size of the precompiled headers in a toolchain's folder."""
    return sum(file.stat().st_size for file in toolchain.path.rglob("*.gch")) / 1e6


def main() -> None:
    """Time every program both ways."""
    parser = argparse.ArgumentParser(description="Compile time with a precompiled header.")
    parser.add_argument("programs", nargs="*", type=Path, default=PROGRAMS)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    toolchain = find()
    seconds(options.programs[0], toolchain, precompiled=True)  # warms the disk's cache
    sums = {True: [0.0, 0.0], False: [0.0, 0.0]}
    for program in options.programs:
        runs: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
        for precompiled in (True, False) * options.repeat:
            runs[precompiled].append(seconds(program, toolchain, precompiled=precompiled))
        medians = {
            way: [statistics.median(kind) for kind in zip(*times, strict=True)]
            for way, times in runs.items()
        }
        for way, pair in medians.items():
            sums[way] = [total + entry for total, entry in zip(sums[way], pair, strict=True)]
        fast, slow = medians[True][0], medians[False][0]
        print(f"{program.stem:<28} {fast:6.1f} s with, {slow:6.1f} s without", flush=True)
    wall, processor = (fast / slow for fast, slow in zip(sums[True], sums[False], strict=True))
    print(
        f"ratio {wall:.2f} of wall time, {processor:.2f} of processor time (aim: ≤ {AIM}); "
        f"the header costs {megabytes(toolchain):.0f} MB"
    )


if __name__ == "__main__":
    main()
