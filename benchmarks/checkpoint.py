"""What saving a chain's state costs, and what going on from it costs.

    python benchmarks/checkpoint.py [--repeat 3] [--parameters 10 1000 10000]

For each number of parameters one chain of a normal model is run without saving and with a state
after every tenth of a second, in turn, so that other load on the machine falls on both. Prints
what one save takes, what that is of the time where a state is saved each minute, the size of a
state, and the time from the start of a resumed chain to its first iteration. Then the loop of our
driver, which is Stan's with a question in it, against Stan's own: the same program without
`resumable.hpp`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from stanchion.stan.compiling import compile_program
from stanchion.stan.states import STATE, ChainState
from stanchion.stan.toolchain import Toolchain, find

PROGRAM = """\
data {
  int<lower=0> P;
}
parameters {
  vector[P] theta;
}
model {
  theta ~ std_normal();
}
"""
INTERVAL, EVERY, AIM = 0.1, 60.0, 0.01
DRAWS = {10: 200_000, 1000: 6000, 10000: 600}


def compiled(folder: Path, toolchain: Toolchain) -> Path:
    """Compile the program with a toolchain."""
    (folder / "normal.stan").write_text(PROGRAM)
    target = folder / "normal"
    compile_program(
        folder / "normal.stan", target, toolchain, stanc_options={}, cpp_options={}, threads=False
    )
    return target


def seconds(
    program: Path, folder: Path, parameters: int, draws: int, saving: ChainState | None
) -> float:
    """Run a chain and return the wall time."""
    data = folder / "data.json"
    data.write_text(json.dumps({"P": parameters}))
    begin = time.perf_counter()
    subprocess.run(
        [
            *[str(program), "sample", f"num_samples={draws}", "num_warmup=200", "thin=100"],
            *["data", f"file={data}", "random", "seed=1"],
            *["output", f"file={folder / 'chain.csv'}", "refresh=0"],
        ],
        env={**os.environ, **({} if saving is None else saving.environment(INTERVAL))},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - begin


def report_saving(program: Path, folder: Path, parameters: int, repeat: int) -> None:
    """Print what saving costs with so many parameters."""
    draws = DRAWS.get(parameters, max(200, 6_000_000 // parameters))
    plain, saved, resumed = [], [], []
    state = ChainState(folder / "state")
    for _ in range(repeat):
        shutil.rmtree(state.folder, ignore_errors=True)
        plain.append(seconds(program, folder, parameters, draws, None))
        saved.append(seconds(program, folder, parameters, draws, state))
        resumed.append(seconds(program, folder, parameters, draws, state))
    saves = statistics.median(saved) / INTERVAL
    each = max(statistics.median(saved) - statistics.median(plain), 0) / saves
    size = (state.folder / STATE).stat().st_size
    print(
        f"{parameters:>6} parameters: {1e3 * each:6.1f} ms a save, {each / EVERY:.3%} of the time "
        f"where each minute is saved (aim: < {AIM:.0%}); {size / 1e3:.1f} kB a state; "
        f"{statistics.median(resumed):.2f} s to start from the last one and end",
        flush=True,
    )


def without_our_loop(toolchain: Toolchain, folder: Path) -> Toolchain:
    """Lay the toolchain out again with Stan's own loop, and build its driver."""
    copy = folder / "toolchain"
    shutil.copytree(toolchain.path, copy, symlinks=True, ignore=shutil.ignore_patterns("*.o"))
    for name in ("complete", ".lock"):
        for path in (copy / "build").rglob(name):
            path.unlink()
    for source in (copy / "driver").glob("sample*.cpp"):
        text = source.read_text().replace('#include "resumable.hpp"', '#include "checkpoint.hpp"')
        source.write_text(text)
    subprocess.run(["make", "-s", "-C", str(copy), "build"], check=True)
    return replace(toolchain, path=copy)


def report_loop(ours: Path, theirs: Path, folder: Path, sizes: Sequence[int], repeat: int) -> None:
    """Print the ratio of the time of our loop to Stan's own."""
    for parameters in sizes:
        draws = DRAWS.get(parameters, max(200, 6_000_000 // parameters))
        times: dict[Path, list[float]] = {ours: [], theirs: []}
        for program in (ours, theirs) * repeat:
            times[program].append(seconds(program, folder, parameters, draws, None))
        ratio = statistics.median(times[ours]) / statistics.median(times[theirs])
        print(f"{parameters:>6} parameters: our loop takes {ratio:.3f} × Stan's own", flush=True)


def main() -> None:
    """Measure saving, resuming and the loop."""
    parser = argparse.ArgumentParser(description="The cost of saved states.")
    parser.add_argument("--parameters", nargs="*", type=int, default=[10, 1000, 10000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--no-loop", action="store_true", help="leave out the second comparison")
    options = parser.parse_args()
    toolchain = find()
    with TemporaryDirectory() as name:
        folder = Path(name)
        ours = compiled(folder, toolchain)
        for parameters in options.parameters:
            report_saving(ours, folder, parameters, options.repeat)
        if not options.no_loop:
            (folder / "other").mkdir()
            theirs = compiled(folder / "other", without_our_loop(toolchain, folder))
            report_loop(ours, theirs, folder, options.parameters, options.repeat)


if __name__ == "__main__":
    main()
