"""What checking a large table, and making Stan's data of it, takes against reading it with pandas.

    python benchmarks/tables.py [--rows 1000000] [--repeat 3]

The table has five columns: two of real numbers, one of integers, one of 50 labels, and one that is
standardized. `pandas` is a script that reads it with pandas.read_csv and no more. `check` is
`stanchion check`, which reads the file also for its hash, holds every cell to its column's rule and
every value to the program's bounds; `check of 10 rows` is what imports, stanc and the plan take of
it. `data` makes Stan's data of the table and writes them as JSON, as the step prepare_data does.
All are processes of their own, in turn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

STANCHION = Path(sys.executable).with_name("stanchion")
RATIO, MEGABYTES = 4.0, 300
PROGRAM = """\
data {
  int<lower=0> N;
  int<lower=1> J;
  vector[N] x;
  vector[N] y;
  array[N] int<lower=0> k;
  array[N] int<lower=1, upper=J> g;
  vector[N] w;
}
parameters {
  real mu;
}
model {
  y ~ normal(mu, 1);
}
"""
DECLARATION = """\
project: tables
seed: 1
datasets:
  table:
    path: table.csv
    columns:
      x: {type: real}
      y: {type: real, lower: -100, upper: 100}
      k: {type: int, lower: 0}
      g: {type: category}
      w: {type: real, lower: 0, transform: standardize}
    stan: {N: nrow(), J: nlevels(g), x: x, y: y, k: k, g: index(g), w: w}
models:
  normal: {program: normal.stan}
analyses:
  means:
    question: Where is the mean?
    datasets: [table]
    models: [normal]
    methods: {nuts: {}}
"""
READ = "import sys, pandas; pandas.read_csv(sys.argv[1])"
PREPARE = """\
from pathlib import Path
from stanchion.config import load
from stanchion.datasets import build
from stanchion.datasets.stan_json import pieces
from stanchion.plan.data import ingredients
from stanchion.plan.facts import describe_programs
from stanchion.stan.toolchain import find
project = load(Path("config.yaml"))
program = describe_programs(project, find().stanc)["normal"]
of = ingredients(project, "means", "table", "normal")
files = {"table": Path("table.csv")}
made = build("table", of.datasets["table"], of.mapping, program.data, files, {})
with open("data.json", "w") as file:
    file.writelines(pieces(made.values))
"""


def main() -> None:
    """Run each way `--repeat` times in turn; print medians, peaks and ratios."""
    parser = argparse.ArgumentParser(description="Checking a large table.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        large, small = Path(temporary, "large"), Path(temporary, "small")
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            list(pool.map(write_project, (large, small), (arguments.rows, 10)))
        ways = {
            "pandas": ([sys.executable, "-c", READ, "table.csv"], large),
            "check": ([str(STANCHION), "check", "--configfile", "config.yaml"], large),
            "check of 10 rows": ([str(STANCHION), "check", "--configfile", "config.yaml"], small),
            "data": ([sys.executable, "-c", PREPARE], large),
        }
        runs = defaultdict(list)
        for _ in range(arguments.repeat):
            for name, (command, folder) in ways.items():
                runs[name].append(measured(command, folder))
    report(runs)


def write_project(folder: Path, rows: int) -> None:
    """Write a table of `rows` rows, the same in every run, with its declaration and program."""
    import numpy as np
    import pandas as pd

    folder.mkdir()
    random = np.random.default_rng(1)
    columns = {
        "x": random.normal(size=rows),
        "y": random.normal(3, 2, size=rows),
        "k": random.poisson(5, size=rows),
        "g": np.char.add("g", random.integers(10, 60, size=rows).astype(str)),
        "w": np.exp(random.normal(size=rows)),
    }
    pd.DataFrame(columns).to_csv(folder / "table.csv", index=False)
    (folder / "normal.stan").write_text(PROGRAM)
    (folder / "config.yaml").write_text(DECLARATION)


def measured(command: list[str], folder: Path) -> tuple[float, float, float]:
    """Run a command and return its wall and processor seconds and the most memory it held, MB.

    The system counts a child's memory from this process's, which therefore imports little.
    """
    begin = time.perf_counter()
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command[:2])} failed")
    seconds = time.perf_counter() - begin
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def report(runs: dict[str, list[tuple[float, float, float]]]) -> None:
    """Print what each way took, and `check` over pandas."""
    wall = {name: statistics.median(run[0] for run in result) for name, result in runs.items()}
    for name, result in runs.items():
        cpu, memory = (statistics.median(run[index] for run in result) for index in (1, 2))
        print(f"{name:17} {wall[name]:6.2f} s, {cpu:.2f} s of processor, {memory:.0f} MB")
    peak = max(run[2] for run in runs["check"])
    ratio = wall["check"] / wall["pandas"]
    print(f"check / pandas    {ratio:6.2f} x (aim {RATIO} x), peak {peak:.0f} MB (aim {MEGABYTES})")


if __name__ == "__main__":
    main()
