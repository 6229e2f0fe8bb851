"""Time and peak memory of the statistics of many columns and of many observations, both ways.

    python benchmarks/stats.py

Each way runs in a process of its own, on 4 chains × 1,000 draws. `summary` takes 10,000 columns:
`stanchion` is what summary.csv holds, `arviz` is `arviz_stats.summary`. `loo` takes 10,000
observations: `arviz` is `arviz_stats.loo` of the whole tree, with one relative effective sample
size for all, `stanchion` calls ArviZ's `psislw` and `loo` an observation at a time, with its own.
What it must show: R-hat, effective sample sizes and Monte Carlo errors, which are Stanchion's own,
in a third of ArviZ's time at most; LOO no slower and in no more memory than ArviZ's.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

CHAINS, DRAWS, MANY = 4, 1000, 10_000
TASKS = ("summary", "loo")
WAYS = ("stanchion", "arviz")


def main() -> None:
    """Measure each way three times, in turn."""
    print(f"{CHAINS} × {DRAWS} × {MANY}: {CHAINS * DRAWS * MANY * 8 / 1e6:.0f} MB; best of 3")
    for task in TASKS:
        runs: dict[str, list[tuple[float, float, float]]] = {way: [] for way in WAYS}
        for _ in range(3):
            for way in WAYS:
                command = [sys.executable, __file__, task, way]
                completed = subprocess.run(command, check=True, capture_output=True, text=True)
                runs[way].append(tuple(json.loads(completed.stdout)))
        reference = min(seconds for seconds, _, _ in runs["stanchion"])
        for way in WAYS:
            seconds, processor = (min(run[part] for run in runs[way]) for part in (0, 1))
            peak = max(run[2] for run in runs[way])
            print(
                f"{task:8} {way:10} {seconds:6.1f} s  {seconds / reference:5.2f} ×   "
                f"processor {processor:6.1f} s   peak {peak / 1e6:5.0f} MB"
            )


def measure(task: str, way: str) -> tuple[float, float, float]:
    """Return wall time, processor time and peak memory of one way, without imports and input."""
    work = WORK[task, way]()
    began, processor = time.perf_counter(), time.process_time()
    work()
    seconds, processor = time.perf_counter() - began, time.process_time() - processor
    return seconds, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def columns() -> Any:
    """Return independent normal draws."""
    return np.random.default_rng(1).normal(size=(CHAINS, DRAWS, MANY))


def log_likelihood() -> tuple[Any, Any]:
    """Return draws of a normal mean, and the log likelihood of heavy-tailed observations."""
    rng = np.random.default_rng(2)
    mu = rng.normal(0, 0.05, size=(CHAINS, DRAWS))
    return mu, -0.5 * (rng.standard_t(5, size=MANY) - mu[:, :, None]) ** 2


def own_summary() -> Callable[[], Any]:
    """Prepare Stanchion's summary."""
    from stanchion.stats.summary import summarise

    draws = columns()
    return lambda: summarise(draws, range(MANY), sampled=True, intervals=None)


def arviz_summary() -> Callable[[], Any]:
    """Prepare ArviZ's summary."""
    import arviz_stats

    draws = dataset(x=(("chain", "draw", "column"), columns()))
    return lambda: arviz_stats.summary(draws, kind="all", round_to="none")


def own_loo() -> Callable[[], Any]:
    """Prepare LOO by observations."""
    from stanchion.stats.psis import loo

    _, likelihood = log_likelihood()
    return lambda: loo(likelihood)


def arviz_loo() -> Callable[[], Any]:
    """Prepare LOO of the whole tree."""
    import arviz_stats
    from xarray import DataTree

    mu, likelihood = log_likelihood()
    groups = {
        "posterior": dataset(mu=(("chain", "draw"), mu)),
        "log_likelihood": dataset(y=(("chain", "draw", "observation"), likelihood)),
    }
    tree = DataTree.from_dict(groups)
    return lambda: arviz_stats.loo(tree, pointwise=True)


def dataset(**variables: Any) -> Any:
    """Return an xarray dataset with the coordinates that ArviZ asks for."""
    from xarray import Dataset

    return Dataset(variables).assign_coords(chain=np.arange(CHAINS), draw=np.arange(DRAWS))


WORK: dict[tuple[str, str], Callable[[], Callable[[], Any]]] = {
    ("summary", "stanchion"): own_summary,
    ("summary", "arviz"): arviz_summary,
    ("loo", "stanchion"): own_loo,
    ("loo", "arviz"): arviz_loo,
}

if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measure(sys.argv[1], sys.argv[2])))
    else:
        main()
