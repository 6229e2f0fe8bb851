"""What saving a chain's state costs, and what going on from it costs and spares.

    python benchmarks/checkpoint.py [--repeat 3] [--parameters 10 1000 10000] [--no-loop]

For each number of parameters one chain of a normal model is run without saving and with a state
after each iteration, in turn, so that other load on the machine falls on both. Prints what one save
takes, what that is of the time where a state is saved each minute, the size of a state, and the
time that a chain takes which goes on from its last state and ends. Then chains of 1,000
draws that are extended to 4,000, against 4,000 from nothing: whether their bytes are the same, and
their leapfrog steps. Then the loop of our driver, which is Stan's with a question in it, against
Stan's own, in processor time: the same program without `resumable.hpp`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
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
SCHOOLS = """\
data {
  int<lower=0> J;
  vector[J] y;
  vector<lower=0>[J] sigma;
}
parameters {
  real mu;
  real<lower=0> tau;
  vector<offset=mu, multiplier=tau>[J] theta;
}
model {
  mu ~ normal(0, 5);
  tau ~ cauchy(0, 5);
  theta ~ normal(mu, tau);
  y ~ normal(theta, sigma);
}
"""
SCHOOLS_DATA = {
    "J": 8,
    "y": [28, 8, -3, 7, -1, 1, 18, 12],
    "sigma": [15, 10, 16, 11, 9, 11, 10, 18],
}
NORMAL_WARMUP = 200
WARMUP, FEW, MANY, SEEDS = 1000, 1000, 4000, (1, 2, 3, 4)
EACH_ITERATION, EVERY, AIM = 1e-9, 60.0, 0.01
SAVES = 2000
DRAWS = {10: 200_000, 1000: 6000, 10000: 600}


def compiled(folder: Path, toolchain: Toolchain, text: str = PROGRAM) -> Path:
    """Compile a program with a toolchain."""
    folder.mkdir(exist_ok=True)
    (folder / "program.stan").write_text(text)
    target = folder / "program"
    compile_program(
        folder / "program.stan", target, toolchain, stanc_options={}, cpp_options={}, threads=False
    )
    return target


def run(
    program: Path, folder: Path, data: object, words: Sequence[str], saving: Mapping[str, str]
) -> tuple[float, float]:
    """Run a chain and return wall and processor time."""
    (folder / "data.json").write_text(json.dumps(data))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    subprocess.run(
        [
            *[str(program), "sample", *words, "data", f"file={folder / 'data.json'}"],
            *["output", f"file={folder / 'chain.csv'}", "refresh=0", "sig_figs=17"],
        ],
        env={**os.environ, **saving},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, sum(after[:2]) - sum(before[:2])


def draws_of(parameters: int) -> int:
    """Return as many draws as take some seconds."""
    return DRAWS.get(parameters, max(200, 6_000_000 // parameters))


def normal(
    program: Path, folder: Path, parameters: int, draws: int, saving: ChainState | None = None
) -> tuple[float, float]:
    """Run a chain of the normal model and return wall and processor time."""
    words = [f"num_samples={draws}", f"num_warmup={NORMAL_WARMUP}", "thin=100", "random", "seed=1"]
    environment = {} if saving is None else saving.environment(EACH_ITERATION)
    return run(program, folder, {"P": parameters}, words, environment)


def report_saving(program: Path, folder: Path, parameters: int, repeat: int) -> None:
    """Print what saving costs with so many parameters."""
    draws = min(draws_of(parameters), SAVES)
    plain, saved, resumed = [], [], []
    state = ChainState(folder / "state")
    for _ in range(repeat):
        shutil.rmtree(state.folder, ignore_errors=True)
        plain.append(normal(program, folder, parameters, draws)[0])
        saved.append(normal(program, folder, parameters, draws, state)[0])
        resumed.append(normal(program, folder, parameters, draws, state)[0])
    each = (statistics.median(saved) - statistics.median(plain)) / (draws + NORMAL_WARMUP)
    size = (state.folder / STATE).stat().st_size
    print(
        f"{parameters:>6} parameters: {1e3 * each:6.1f} ms a save, {each / EVERY:.3%} of the time "
        f"where each minute is saved (aim: < {AIM:.0%}); {size / 1e3:.1f} kB a state; "
        f"{statistics.median(resumed):.2f} s to start from the last one and end",
        flush=True,
    )


def rows_of(csv: Path) -> list[bytes]:
    """Return a CSV's names and rows."""
    lines = csv.read_bytes().splitlines()
    return [line for line in lines if line and not line.startswith(b"#")]


def leapfrog_steps(names: bytes, rows: Sequence[bytes]) -> int:
    """Return the leapfrog steps of these rows."""
    column = names.split(b",").index(b"n_leapfrog__")
    return sum(int(row.split(b",", column + 1)[column]) for row in rows)


def report_extension(program: Path, folder: Path) -> None:
    """Print what more draws cost where there are some, against all of them from nothing."""
    same = True
    sampling = all_steps = new_steps = 0
    extended = whole = 0.0
    for seed in SEEDS:
        words = [f"num_warmup={WARMUP}", "save_warmup=1", "random", f"seed={seed}"]
        few, many = ([f"num_samples={draws}", *words] for draws in (FEW, MANY))
        whole += run(program, folder, SCHOOLS_DATA, many, {})[1]
        names, *rows = rows_of(folder / "chain.csv")
        saving = ChainState(folder / f"state-{seed}").environment(EVERY)
        run(program, folder, SCHOOLS_DATA, few, saving)
        extended += run(program, folder, SCHOOLS_DATA, many, saving)[1]
        same = same and rows_of(folder / "chain.csv") == [names, *rows]
        all_steps += leapfrog_steps(names, rows)
        sampling += leapfrog_steps(names, rows[WARMUP:])
        new_steps += leapfrog_steps(names, rows[WARMUP + FEW :])
    print(
        f"{FEW} draws extended to {MANY}, {len(SEEDS)} chains: "
        f"{'the bytes' if same else 'NOT the bytes'} of {MANY} from nothing; {new_steps} leapfrog "
        f"steps, {1 - new_steps / sampling:.1%} fewer than the {sampling} of the draws, "
        f"{1 - new_steps / all_steps:.1%} fewer than the {all_steps} with warm-up; "
        f"{extended / whole:.2f} × the processor time",
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
        times: dict[Path, list[float]] = {ours: [], theirs: []}
        for program in (ours, theirs) * repeat:
            times[program].append(normal(program, folder, parameters, draws_of(parameters))[1])
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
        ours = compiled(folder / "ours", toolchain)
        for parameters in options.parameters:
            report_saving(ours, folder, parameters, options.repeat)
        report_extension(compiled(folder / "schools", toolchain, SCHOOLS), folder)
        if not options.no_loop:
            theirs = compiled(folder / "other", without_our_loop(toolchain, folder))
            report_loop(ours, theirs, folder, options.parameters, options.repeat)


if __name__ == "__main__":
    main()
