"""Time and peak memory of collecting 4 chains × 1,000 draws × 10,000 columns.

    python benchmarks/collect.py [FOLDER]

Each way runs in a process of its own. `pandas` reads the chains one after the other and keeps
nothing; `draws` reads them into one array and writes draws.nc; `step` is the whole of
collect_draws, with R-hat and effective sample sizes of all 10,000 columns in summary.csv. What it
must show: memory under 4 × the size of the draws, time under 2 × that of pandas.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from stanchion.stan.program import Variable

CHAINS, DRAWS, COLUMNS = 4, 1000, 10_000
SIZE = CHAINS * DRAWS * COLUMNS * 8
HEAD = f"""\
# method = sample (Default)
#     num_samples = {DRAWS}
#     num_warmup = 1000 (Default)
#     save_warmup = false (Default)
#     thin = 1 (Default)
#           max_depth = 10 (Default)
"""
STATS = "lp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__,energy__"
FOOT = "#\n#  Elapsed Time: 1 seconds (Warm-up)\n#                2 seconds (Total)\n#\n"
DECLARED = {
    "parameters": (Variable("theta", "real", 1, ("J",)),),
    "transformed_parameters": (),
    "generated_quantities": (),
}


def main(folder: Path) -> None:
    """Write the chains where they are missing, then measure each way three times, in turn."""
    write_chains(folder)
    results: dict[str, list[tuple[float, float]]] = {}
    for _ in range(3):
        for way in WAYS:
            command = [sys.executable, __file__, str(folder), way]
            completed = subprocess.run(command, check=True, capture_output=True, text=True)
            results.setdefault(way, []).append(tuple(json.loads(completed.stdout)))
    reference = min(seconds for seconds, _ in results["pandas"])
    print(f"{CHAINS} × {DRAWS} × {COLUMNS}: draws of {SIZE / 1e6:.0f} MB; best of 3")
    for way, runs in results.items():
        seconds, peak = min(run[0] for run in runs), max(run[1] for run in runs)
        print(
            f"{way:8} {seconds:6.1f} s  {seconds / reference:4.2f} × pandas   "
            f"{peak / 1e6:6.0f} MB  {peak / SIZE:4.2f} × draws"
        )


def write_chains(folder: Path) -> None:
    """Write random chains with the six digits that CmdStan writes."""
    import numpy as np

    names = ",".join(f"theta.{column}" for column in range(1, COLUMNS + 1))
    row = "-5.1,0.9,0.5,3,7,0,9.2," + ",".join(["%.6g"] * COLUMNS) + "\n"
    for chain, path in enumerate(paths(folder)):
        if not path.exists():
            draws = np.random.default_rng(chain).normal(size=(DRAWS, COLUMNS))
            with path.open("w") as file:
                file.write(f"{HEAD}{STATS},{names}\n")
                file.writelines(row % tuple(values) for values in draws.tolist())
                file.write(FOOT)
    (folder / "data.json").write_text(json.dumps({"J": COLUMNS}))
    (folder / "meta.json").write_text(json.dumps({"sizes": {}}))


def paths(folder: Path) -> list[Path]:
    """Return a path a chain."""
    return [folder / f"chain_{chain}.csv" for chain in range(1, CHAINS + 1)]


def by_pandas(folder: Path) -> None:
    """Read with pandas, exactly and a chain at a time."""
    import pandas as pd

    for path in paths(folder):
        pd.read_csv(path, comment="#", dtype="float64", low_memory=False)


def draws_only(folder: Path) -> None:
    """Read, arrange and write draws.nc."""
    from stanchion.draws.files import write_tree
    from stanchion.draws.naming import Naming, Roles
    from stanchion.draws.stan_csv import read_chains
    from stanchion.draws.tree import posterior_tree
    from stanchion.stan.rows import Rows

    naming = Naming.of(DECLARED, {"J": COLUMNS}, {"sizes": {}})
    tree = posterior_tree(read_chains(paths(folder), Rows(DRAWS)), naming, Roles(), {"J": COLUMNS})
    write_tree(tree, folder / "draws.nc")


def whole_step(folder: Path) -> None:
    """Run collect_draws."""
    from stanchion.plan.arguments import CollectDraws, ProgramVariables
    from stanchion.plan.job import Job
    from stanchion.steps import collect_draws

    variables = ProgramVariables(
        declared=DECLARED, parameters=None, observed=None, replicated=None, predicted=None
    )
    collect_draws.run(
        Job(
            step="collect_draws",
            key="0" * 64,
            arguments=CollectDraws(
                method="nuts",
                method_version=1,
                settings={},
                seed=1,
                intervals=None,
                keep=(),
                variables=variables,
                fit="benchmark",
            ),
            inputs={
                "chains": paths(folder),
                "data": folder / "data.json",
                "meta": folder / "meta.json",
            },
            outputs={"draws": folder / "draws.nc", "summary": folder / "summary.csv"},
            log=folder / "log",
        )
    )


WAYS: dict[str, Callable[[Path], None]] = {
    "pandas": by_pandas,
    "draws": draws_only,
    "step": whole_step,
}

if __name__ == "__main__":
    if len(sys.argv) == 3:
        began = time.perf_counter()
        WAYS[sys.argv[2]](Path(sys.argv[1]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps([time.perf_counter() - began, peak]))
    elif len(sys.argv) == 2:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
