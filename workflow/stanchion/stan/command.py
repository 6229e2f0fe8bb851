"""CmdStan's command line: the one place that knows its arguments. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SIGNIFICANT_DIGITS = 17
"""The fewest that give back every double: draws.nc holds what the sampler computed, not its print.

CmdStan's own 8 let a simplex or a Cholesky factor miss its constraint when it is read again.
"""
DEFAULT_INIT = 2


def sample_command(
    arguments: Mapping[str, Any],
    *,
    data: Path,
    output: Path,
    chain: int,
    seed: int,
    threads: int = 1,
    init: Path | None = None,
) -> list[str]:
    """Return the arguments of one chain of NUTS, a process of its own, with defaults written out.

    The chain's number picks its stream of random numbers, as in one process with several chains.
    """
    return [
        "method=sample",
        f"num_samples={arguments['draws']}",
        f"num_warmup={arguments['warmup']}",
        "save_warmup=0",
        f"thin={arguments['thin']}",
        "adapt",
        f"engaged={int(arguments['warmup'] > 0)}",
        f"delta={_number(arguments['adapt_delta'])}",
        "algorithm=hmc",
        "engine=nuts",
        f"max_depth={arguments['max_treedepth']}",
        f"metric={arguments['metric']}",
        "num_chains=1",
        *_common(arguments, data=data, output=output, chain=chain, seed=seed, init=init),
        f"num_threads={threads}",
    ]


def variational_command(
    arguments: Mapping[str, Any],
    *,
    data: Path,
    output: Path,
    chain: int,
    seed: int,
    init: Path | None = None,
) -> list[str]:
    """Return the arguments of ADVI, with defaults written out."""
    return [
        "method=variational",
        f"algorithm={arguments['algorithm']}",
        f"iter={arguments['iter']}",
        f"grad_samples={arguments['grad_samples']}",
        f"elbo_samples={arguments['elbo_samples']}",
        f"eta={_number(arguments['eta'])}",
        "adapt",
        f"engaged={int(arguments['adapt_engaged'])}",
        f"iter={arguments['adapt_iter']}",
        f"tol_rel_obj={_number(arguments['tol_rel_obj'])}",
        f"eval_elbo={arguments['eval_elbo']}",
        f"output_samples={arguments['draws']}",
        *_common(arguments, data=data, output=output, chain=chain, seed=seed, init=init),
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


def _common(
    arguments: Mapping[str, Any],
    *,
    data: Path,
    output: Path,
    chain: int,
    seed: int,
    init: Path | None,
) -> list[str]:
    declared = arguments["init"]
    start = init if init is not None else _number(DEFAULT_INIT if declared is None else declared)
    return [
        f"id={chain}",
        "data",
        f"file={data}",
        f"init={start}",
        "random",
        f"seed={seed}",
        "output",
        f"file={output}",
        "refresh=100",
        f"sig_figs={SIGNIFICANT_DIGITS}",
    ]


def _number(value: float) -> str:
    """Write a number so that it is read back as itself, an integral one without its point."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
