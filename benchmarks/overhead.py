"""Wall time of the example's `stanchion run` against the same work as a plain script.

    python benchmarks/overhead.py [--repeat 3]

Both ways start from an installed CmdStan and compiled programs, and from no results. `stanchion`
also checks each fit, hashes and records each file, and writes two reports; `plain` is
benchmarks/plain.py over cmdstanpy and ArviZ. They run in turn, on all cores. `nothing to do` is a
second `stanchion run`. The last lines give the steps' own seconds, from their records.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from stanchion.project.create import init
from stanchion.stan.toolchain import find

PLAIN = Path(__file__).with_name("plain.py")
STANCHION = Path(sys.executable).with_name("stanchion")
AIM = 1.5


def main() -> None:
    """Run each way `--repeat` times in turn and print medians, the ratio and the parts."""
    parser = argparse.ArgumentParser(description="What Stanchion adds to a plain script.")
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        project = folder / "project"
        init(project)
        environment = {
            **os.environ,
            "CMDSTAN": str(find().path),
            "STANCHION_CACHE": str(folder / "cache"),
        }
        programs = compiled(project, folder / "programs", environment)
        runs: dict[str, list[float]] = defaultdict(list)
        for _ in range(repeat):
            forget(project, folder)
            runs["stanchion"].append(timed([str(STANCHION), "run"], project, environment))
            runs["nothing to do"].append(timed([str(STANCHION), "run"], project, environment))
            command = [sys.executable, str(PLAIN), str(project), str(programs), str(folder / "o")]
            runs["plain"].append(timed(command, folder, environment))
        report(runs, step_seconds(project))


def compiled(project: Path, programs: Path, environment: dict[str, str]) -> Path:
    """Run the example once and return a folder with each compiled program under its name."""
    timed([str(STANCHION), "run"], project, environment)
    programs.mkdir()
    for path in (project / ".stanchion" / "programs").glob("*/model"):
        shutil.copy(path, programs / path.parent.name.rpartition("-")[0])
    return programs


def forget(project: Path, folder: Path) -> None:
    """Remove every result but the compiled programs."""
    for place in (project / "results", project / ".snakemake", project / "logs", folder / "o"):
        shutil.rmtree(place, ignore_errors=True)
    for place in (folder / "cache" / "steps").iterdir():
        if place.name != "compile_program":
            shutil.rmtree(place)


def timed(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Run a command and return its wall time; what it printed is shown where it fails."""
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - begin


def step_seconds(project: Path) -> dict[str, tuple[int, float]]:
    """Return how many steps of each kind ran and their wall time, from the run's records."""
    found: dict[str, tuple[int, float]] = {}
    for path in (project / "results").rglob("records/*/*.json"):
        record = json.loads(path.read_text())
        number, seconds = found.get(record["step"], (0, 0.0))
        found[record["step"]] = (number + 1, seconds + record["seconds"])
    return found


def report(runs: dict[str, list[float]], steps: dict[str, tuple[int, float]]) -> None:
    """Print the medians, the ratio, and the steps' own seconds (start-up of Python excluded)."""
    for way, seconds in runs.items():
        shown = " ".join(f"{one:.1f}" for one in sorted(seconds))
        print(f"{way:14} {statistics.median(seconds):6.1f} s   ({shown})")
    ratio = statistics.median(runs["stanchion"]) / statistics.median(runs["plain"])
    print(f"ratio {ratio:.2f} (aim: ≤ {AIM})")
    for step, (number, seconds) in sorted(steps.items(), key=lambda item: -item[1][1]):
        print(f"  {step:22} {number:3} × {seconds / number:5.2f} s")


if __name__ == "__main__":
    main()
