"""CmdStan's command line: what the methods' have in common. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SIGNIFICANT_DIGITS = 17
"""The fewest that give back every double: draws.nc holds what the sampler computed, not its print.

CmdStan's own 8 let a simplex or a Cholesky factor miss its constraint when it is read again.
"""
DEFAULT_INIT = 2


def run_command(
    method: Sequence[str],
    *,
    data: Path,
    output: Path,
    chain: int,
    seed: int,
    start: Path | float | None = None,
    threads: int = 1,
) -> list[str]:
    """Return the arguments of one run of a method, with defaults written out.

    `method` are the words that choose and set it; `start` is a file of initial values, or a number.
    The chain's number picks its stream of random numbers, as in one process with several chains.
    """
    init = start if isinstance(start, Path) else number(DEFAULT_INIT if start is None else start)
    return [
        *method,
        f"id={chain}",
        "data",
        f"file={data}",
        f"init={init}",
        "random",
        f"seed={seed}",
        "output",
        f"file={output}",
        "refresh=100",
        f"sig_figs={SIGNIFICANT_DIGITS}",
        f"num_threads={threads}",
    ]


def log_prob_command(*, data: Path, points: Path, output: Path) -> list[str]:
    """Return the arguments that evaluate the log density at the draws of a Stan CSV."""
    return [
        "method=log_prob",
        f"constrained_params={points}",
        "jacobian=1",
        "data",
        f"file={data}",
        "output",
        f"file={output}",
        f"sig_figs={SIGNIFICANT_DIGITS}",
    ]


def number(value: float) -> str:
    """Return a number as text that is read back as itself, an integral one without its point."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
