"""Many fits of the eight schools by `stanchion run` against a plain loop that does the same.

    python benchmarks/many.py [--fits 200]

Each fit: four chains of 1,000 + 1,000 iterations, summary, checks, ranks, predictive checks with
LOO-PIT, report. `loop` is benchmarks/loop.py: one process over cmdstanpy and ArviZ. Both start from
a compiled program and no results, and use all cores. Below the ratio stands where Stanchion's time
goes: before its first step, the steps (wall time, by their records), what the cores spent on
neither, and after the last step.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared import (
    STANCHION,
    StepTime,
    Took,
    environment,
    forget,
    keep_programs,
    seconds_by_step,
    step_times,
    timed,
)

from stanchion.project.create import init

LOOP = Path(__file__).with_name("loop.py")
PROGRAM = "schools_partial_pooling"
AIM = 0.8


def main() -> None:
    """Run both ways once and print their times, the ratio and the parts."""
    parser = argparse.ArgumentParser(description="Many fits against a plain loop.")
    parser.add_argument("--fits", type=int, default=200)
    number = parser.parse_args().fits
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        project, programs, output = folder / "project", folder / "programs", folder / "output"
        init(project)
        variables = environment(folder)
        declare(project, 1)
        timed([str(STANCHION), "run"], project, variables)
        keep_programs(project, programs)
        tables = declare(project, number)
        forget(project, folder / "cache")
        run = timed([str(STANCHION), "run"], project, variables)
        steps = step_times(project)
        again = timed([str(STANCHION), "run"], project, variables)
        command = [sys.executable, *map(str, (LOOP, programs / PROGRAM, output, *tables))]
        loop = timed(command, folder, variables)
        report(run, again, loop, steps)


def declare(project: Path, number: int) -> list[Path]:
    """Declare an analysis with one fit for each of so many tables, and return these."""
    source = project / "data" / "eight_schools.csv"
    tables = [project / "data" / f"schools_{i + 1}.csv" for i in range(number)]
    for table in tables:
        shutil.copy(source, table)
    dataset = {
        "columns": {
            "school": {"type": "category", "unique": True},
            "effect": {"type": "real"},
            "se": {"type": "real", "lower": 0},
        },
        "sort": ["school"],
        "stan": {"J": "nlevels(school)", "y": "effect", "sigma": "se"},
    }
    analysis: dict[str, Any] = {
        "question": "Does coaching raise test scores?",
        "datasets": [table.stem for table in tables],
        "models": ["partial"],
        "methods": {"nuts": {"chains": 4, "warmup": 1000, "draws": 1000, "adapt_delta": 0.95}},
        "posterior_predictive": {
            "observed": "y",
            "replicated": "y_rep",
            "statistics": ["mean", "sd", "min", "max"],
        },
        "checks": {"on_fail": "flag"},
    }
    declaration = {
        "project": "many",
        "seed": 20261121,
        "datasets": {t.stem: {"path": f"data/{t.name}", **dataset} for t in tables},
        "models": {
            "partial": {
                "program": f"stan/models/{PROGRAM}.stan",
                "parameters": ["mu", "tau", "theta"],
            }
        },
        "analyses": {"many": analysis},
    }
    (project / "config" / "config.yaml").write_text(json.dumps(declaration, indent=1))
    return tables


def report(run: Took, again: Took, loop: Took, steps: Sequence[StepTime]) -> None:
    """Print both ways' times, their ratio, and where Stanchion's time goes."""
    for way, took in {"stanchion": run, "nothing to do": again, "loop": loop}.items():
        print(f"{way:14} {took.wall:7.1f} s, CPU {took.cpu:7.1f} s")
    ratio, by_cpu = run.wall / loop.wall, run.cpu / loop.cpu
    print(f"ratio {ratio:.2f} (aim: ≤ {AIM}), of CPU {by_cpu:.2f}")
    cores = len(os.sched_getaffinity(0))
    span = max(step.ended for step in steps) - min(step.began for step in steps)
    within = sum(step.seconds for step in steps)
    print(f"  before the first step and after the last {run.wall - span:7.1f} s")
    print(f"  from the first to the last step          {span:7.1f} s on {cores} cores")
    for name, number, total in seconds_by_step(steps):
        print(f"    {name:18} {number:4} × {total / number:6.3f} s = {total:7.1f} s")
    print(f"    no step on a core  {cores * span - within:24.1f} s")


if __name__ == "__main__":
    main()
