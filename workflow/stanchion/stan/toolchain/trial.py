"""Tries a toolchain out: compiles and samples a tiny program whose answer is known."""

from __future__ import annotations

import csv
import math
import subprocess
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from stanchion.errors import ToolchainError
from stanchion.stan.toolchain.description import Toolchain, manifest
from stanchion.stan.toolchain.layout import folder_hashes

PROGRAM = Path(__file__).parent / "share" / "coin.stan"
DATA = '{"N": 10, "y": [0, 1, 0, 0, 0, 0, 0, 0, 0, 1]}'
MEAN = 3 / 12
"""Two of ten under a uniform prior: the posterior is Beta(3, 9)."""
TOLERANCE = 0.02
"""The sd of Beta(3, 9) is 0.12; some 1,300 effective draws of 4,000 put five errors at 0.017."""


def check(toolchain: Toolchain) -> float:
    """Compile and sample the tiny program; return the mean that came out.

    Raises:
        ToolchainError: its files were changed, it does not run, or the answer is wrong.
        CompileError: it does not compile.
    """
    from stanchion.stan.compiling import compile_program

    _require_unchanged(toolchain)
    with TemporaryDirectory() as name:
        folder = Path(name)
        compile_program(
            PROGRAM,
            folder / "coin",
            toolchain,
            stanc_options={},
            cpp_options={},
            threads=False,
        )
        (folder / "coin.json").write_text(DATA)
        mean = _sample(folder)
    if not math.isclose(mean, MEAN, abs_tol=TOLERANCE):
        raise ToolchainError(
            "CmdStan compiles and samples, but its answer is wrong",
            where=str(toolchain.path),
            value=mean,
            allowed=f"{MEAN} ± {TOLERANCE}",
        )
    return mean


def _require_unchanged(toolchain: Toolchain) -> None:
    """Compare the files with what was written of them when they were installed."""
    recorded = (manifest(toolchain.path) or {}).get("files")
    if recorded is None:
        return
    now = folder_hashes(toolchain.path)
    changed = sorted(
        name for name in recorded.keys() | now.keys() if recorded.get(name) != now.get(name)
    )
    if changed:
        raise ToolchainError(
            f"files of this CmdStan were changed after its installation: {', '.join(changed)}",
            where=str(toolchain.path),
            todo="remove the folder and run `stanchion toolchain install`",
        )


def _sample(folder: Path) -> float:
    command = "./coin sample num_samples=4000 data file=coin.json random seed=20 output file=o.csv"
    ran = subprocess.run(
        command.split(),
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if ran.returncode:
        words = "\n".join(f"  {line}" for line in ran.stdout.splitlines()[-8:])
        raise ToolchainError(f"a compiled program does not run; its last words:\n{words}")
    with (folder / "o.csv").open() as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return fmean(float(row["theta"]) for row in rows)
