"""CmdStan's command line: what the methods' have in common. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SIGNIFICANT_DIGITS = 17
"""The fewest that give back every double: draws.nc holds what the sampler computed, not its print.

CmdStan's own 8 let a simplex or a Cholesky factor miss its constraint when it is read again.
"""
DEFAULT_INIT = 2
PATHFINDER = "method=pathfinder"
"""Says of each iteration what it took, where it is asked to."""


@dataclass(frozen=True)
class RunFiles:
    """The files that one run of a compiled program reads: paths of Stan JSON."""

    data: Path
    init: Path | None = None
    """Initial values."""
    metric: Path | None = None
    """The inverse metric that adaptation starts from."""
    mode: Path | None = None
    """The mode that a Laplace approximation expands at."""

    def others(self) -> dict[str, Path]:
        """Return those beside the data that there are, by name."""
        return {n: path for n, path in vars(self).items() if n != "data" and path is not None}


def run_command(
    method: Sequence[str],
    *,
    files: RunFiles,
    output: Path,
    chain: int,
    seed: int,
    start: float | None = None,
    threads: int = 1,
) -> list[str]:
    """Return the arguments of one run of a method, with defaults written out.

    `method` are the words that choose and set it; `start` is how far from zero it starts where no
    file says. The chain's number picks its stream of random numbers, as in one process with several
    chains.
    """
    init = files.init or number(DEFAULT_INIT if start is None else start)
    return [
        *(word for given in method for word in _with_files(given, files)),
        f"id={chain}",
        "data",
        f"file={files.data}",
        f"init={init}",
        "random",
        f"seed={seed}",
        "output",
        f"file={output}",
        f"refresh={1 if method[0] == PATHFINDER else 100}",
        f"sig_figs={SIGNIFICANT_DIGITS}",
        f"num_threads={threads}",
    ]


def _with_files(word: str, files: RunFiles) -> list[str]:
    """Return a word of a method with the file that belongs to it."""
    if files.metric is not None and word.startswith("metric="):
        return [word, f"metric_file={files.metric}"]
    if files.mode is not None and word == "method=laplace":
        return [word, f"mode={files.mode}"]
    return [word]


def quantities_command(*, data: Path, draws: Path, output: Path, seed: int) -> list[str]:
    """Return the arguments that draw generated quantities at the parameters of a Stan CSV."""
    return [
        "method=generate_quantities",
        f"fitted_params={draws}",
        "num_chains=1",
        "id=1",
        *_files(data, output, seed),
        "num_threads=1",
    ]


def log_prob_command(*, data: Path, points: Path, output: Path) -> list[str]:
    """Return the arguments that evaluate the log density at the draws of a Stan CSV."""
    return [
        "method=log_prob",
        f"constrained_params={points}",
        "jacobian=1",
        *_files(data, output),
    ]


def evaluate_command(
    *,
    data: Path,
    points: Path,
    output: Path,
    is_declared: bool,
    generated_quantities: bool,
    seed: int,
) -> list[str]:
    """Return the arguments that evaluate a program at points, with a method of our own driver.

    `points` are on the declared scale, in a Stan CSV or JSON, or on the unconstrained one, in JSON.
    """
    scale = "constrained" if is_declared else "unconstrained"
    return [
        "method=evaluate",
        f"{scale}_params={points}",
        f"generated_quantities={int(generated_quantities)}",
        *_files(data, output, seed),
    ]


def _files(data: Path, output: Path, seed: int | None = None) -> list[str]:
    """Return the words of what a run without initial values reads and writes."""
    random = [] if seed is None else ["random", f"seed={seed}"]
    written = ["output", f"file={output}", f"sig_figs={SIGNIFICANT_DIGITS}"]
    return ["data", f"file={data}", *random, *written]


def number(value: float) -> str:
    """Return a number as text that is read back as itself, an integral one without its point."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
