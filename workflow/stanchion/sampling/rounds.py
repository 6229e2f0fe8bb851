"""One round of a fit's chains: each from its start, and anew where it finds none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stanchion.draws.attempts import Attempt
from stanchion.errors import ChainError
from stanchion.methods.hamiltonian import DECIDING, Hamiltonian
from stanchion.plan.keys import seed_of
from stanchion.sampling.fit import Failed, Fit, Made, Run
from stanchion.sampling.parts import Sampled, Starts

NO_START = "Initialization failed."
"""The last words of Stan's services where no initial values have a log density and gradient."""


def sample_round(fit: Fit, method: Hamiltonian, starts: Starts, label: str = "") -> Sampled:
    """Run all chains of a fit, those without a start as often as `init_tries` says.

    `label` tells their names from those of other rounds.

    Raises:
        ChainError: a chain failed otherwise, or found no start in the last try.
    """
    made: dict[int, Made] = {}
    tried: list[Attempt] = []
    missing: Sequence[int] = range(1, method.chains + 1)
    for attempt in range(1, method.init_tries + 1):
        words = [label, f"try {attempt}" if attempt > 1 else ""]
        runs = [_run(fit, method, starts, chain, words) for chain in missing]
        failed: list[Failed] = []
        for result in fit.run(runs):
            if isinstance(result, Made):
                made[result.run.chain] = result
            else:
                failed.append(result)
        _stop_at(fit, failed, is_last=attempt == method.init_tries)
        tried += [_no_start(fit, result) for result in failed]
        missing = [result.run.chain for result in failed]
        if not missing:
            break
        seeds = {chain: _derived(fit, chain, attempt + 1) for chain in missing}
        starts = replace(starts, seeds={**starts.seeds, **seeds})
    chains = [made[chain] for chain in sorted(made)]
    return Sampled(
        made=chains,
        method=method,
        starts=starts,
        tried=(*tried, _all_chains(fit, method, chains, label)),
        retries=tuple(f"{attempt.name}: {attempt.because}" for attempt in tried),
    )


def run_name(chain: int, *words: str) -> str:
    """Return what messages call a run of a chain."""
    return ", ".join(word for word in (f"chain {chain}", *words) if word)


def _run(fit: Fit, method: Hamiltonian, starts: Starts, chain: int, words: Sequence[str]) -> Run:
    init = starts.inits[chain - 1]
    keep = fit.job.arguments.keep
    return Run(
        name=run_name(chain, *words),
        command=tuple(method.command(keep)),
        rows=method.rows(keep),
        seed=starts.seeds.get(chain, fit.seed),
        chain=chain,
        start=method.init if init is None and isinstance(method.init, float) else None,
        init=init,
        metric=starts.metrics[chain - 1],
    )


def _stop_at(fit: Fit, failed: Sequence[Failed], *, is_last: bool) -> None:
    """Raise the first failure that another seed cannot mend, or that no try is left for."""
    for result in failed:
        if is_last or NO_START not in result.because:
            raise ChainError(result.because, where=str(fit.job.log))


def _derived(fit: Fit, chain: int, attempt: int) -> int:
    return seed_of(fit.seed, "init", str(chain), str(attempt))


def _no_start(fit: Fit, failed: Failed) -> Attempt:
    return Attempt(
        name=failed.run.name,
        settings={} if failed.run.seed == fit.seed else {"seed": failed.run.seed},
        runs=(),
        gradients=None,
        passed=False,
        because="no initial values had a finite log density and gradient",
    )


def _all_chains(fit: Fit, method: Hamiltonian, made: Sequence[Made], label: str) -> Attempt:
    """Return the round itself, which passed as long as nobody finds fault with it."""
    return Attempt(
        name=label or "as declared",
        settings=_changed(fit, method, made),
        runs=tuple(result.run.file for result in made),
        gradients=None,
        passed=True,
        because="every chain is whole",
    )


def _changed(fit: Fit, method: Hamiltonian, made: Sequence[Made]) -> dict[str, Any]:
    """Return the settings of a round that are not the declared ones, with chains' own seeds."""
    declared = fit.job.arguments.settings
    changed = {
        name: value
        for name, value in method.settings.items()
        if name in declared and name not in DECIDING and value != declared[name]
    }
    seeds = {f"seed of {r.run.name}": r.run.seed for r in made if r.run.seed != fit.seed}
    return changed | seeds
