"""Wall time of the example's `stanchion run` against the same work as a plain script.

    python benchmarks/overhead.py [--repeat 3]

Both ways start from an installed CmdStan and compiled programs, and from no results. `stanchion`
also checks each fit, hashes and records each file, and writes two reports; `plain` is
benchmarks/plain.py over cmdstanpy and ArviZ. They run in turn, on all cores. `nothing to do` is a
second `stanchion run`. The last lines give the steps' own seconds, from their records.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

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

PLAIN = Path(__file__).with_name("plain.py")
AIM = 1.05


def main() -> None:
    """Run each way `--repeat` times in turn and print medians, the ratio and the parts."""
    parser = argparse.ArgumentParser(description="What Stanchion adds to a plain script.")
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        project, programs, output = folder / "project", folder / "programs", folder / "output"
        init(project)
        variables = environment(folder)
        timed([str(STANCHION), "run"], project, variables)
        keep_programs(project, programs)
        runs: dict[str, list[Took]] = defaultdict(list)
        for _ in range(repeat):
            forget(project, folder / "cache")
            shutil.rmtree(output, ignore_errors=True)
            runs["stanchion"].append(timed([str(STANCHION), "run"], project, variables))
            runs["nothing to do"].append(timed([str(STANCHION), "run"], project, variables))
            command = [sys.executable, *map(str, (PLAIN, project, programs, output))]
            runs["plain"].append(timed(command, folder, variables))
        report(runs, step_times(project))


def report(runs: dict[str, list[Took]], steps: Sequence[StepTime]) -> None:
    """Print the medians, the ratio, and the steps' own seconds (start-up of Python excluded)."""
    wall = {way: [run.wall for run in times] for way, times in runs.items()}
    for way, seconds in wall.items():
        shown = " ".join(f"{entry:.1f}" for entry in sorted(seconds))
        cpu = statistics.median(run.cpu for run in runs[way])
        print(f"{way:14} {statistics.median(seconds):6.1f} s   ({shown}), CPU {cpu:.1f} s")
    ratio = statistics.median(wall["stanchion"]) / statistics.median(wall["plain"])
    print(f"ratio {ratio:.2f} (aim: ≤ {AIM})")
    for name, number, total in seconds_by_step(steps):
        print(f"  {name:22} {number:3} × {total / number:5.2f} s")


if __name__ == "__main__":
    main()
