"""One round of a fit's chains: each from its start, and anew where it finds none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from stanchion.draws.attempts import Attempt
from stanchion.draws.sampler import read_sampler
from stanchion.errors import ChainError
from stanchion.methods.hamiltonian import DECIDING, Hamiltonian
from stanchion.plan.keys import seed_of
from stanchion.sampling.fit import Failed, Fit, Made, Run
from stanchion.sampling.parts import Sampled, Starts
from stanchion.sampling.paths import MOST_PATHS, Start, starts_from_paths
from stanchion.sampling.stuck import BEHIND, GivenUp, Siblings

NO_START = "Initialization failed."
"""The last words of Stan's services where no initial values have a log density and gradient."""
_FIXED_START = ("User-specified initialization failed", "Initial values of 0 failed")
"""What they say where the start is the same in each try."""
_ABOUT_START = re.compile(r"^(Partial |User-specified |Initial).*\bfailed\b")
"""The sentence before them, which names no file: another one may have been compiled."""
MOST_RESTARTS = 2
"""Of the chains of a fit that are stuck; those of the last one run to their end."""


def sample_round(fit: Fit, method: Hamiltonian, starts: Starts, label: str = "") -> Sampled:
    """Run all chains of a fit; what has no start, or is stuck, is started anew where declared.

    `label` tells their names from those of other rounds.

    Raises:
        ChainError: a chain failed otherwise, or found no start in the last try.
    """
    round_ = _Round(fit, method, starts, label)
    missing: Sequence[int] = range(1, method.chains + 1)
    while missing:
        watches = method.restarts_stuck and round_.starts.restarts < MOST_RESTARTS
        ended = round_.start(missing, watched=watches)
        missing = round_.restart(ended) if watches else ()
    chains = [round_.made[chain] for chain in sorted(round_.made)]
    tried = round_.tried
    return Sampled(
        made=chains,
        method=method,
        starts=round_.starts,
        tried=(*tried, _all_chains(fit, method, chains, label)),
        retries=tuple(f"{attempt.name}: {attempt.because}" for attempt in tried),
        others=round_.others,
    )


class _Round:
    """The chains of a round as they come."""

    def __init__(self, fit: Fit, method: Hamiltonian, starts: Starts, label: str) -> None:
        self.starts = starts
        self.made: dict[int, Made] = {}
        self.tried: list[Attempt] = []
        self.others: dict[str, Path] = {}
        self._fit, self._method, self._label = fit, method, label
        self._restarts = starts.restarts
        self._siblings = Siblings(method.chains, fit.path)

    def start(self, chains: Sequence[int], *, watched: bool) -> list[Run]:
        """Run chains, with other seeds those that find no start; return those that were ended."""
        ended: list[Run] = []
        hopeless = self._siblings.hopeless if watched else None
        for attempt in range(1, self._method.init_tries + 1):
            failed: list[Failed] = []
            for result in self._fit.run_watched([self._run(c, attempt) for c in chains], hopeless):
                if isinstance(result, Made):
                    self.made[result.run.chain] = result
                elif isinstance(result, Failed):
                    failed.append(result)
                else:
                    ended.append(result.run)
            _stop_at(self._fit, failed, is_last=attempt == self._method.init_tries)
            self.tried += [_no_start(self._fit, result) for result in failed]
            chains = [result.run.chain for result in failed]
            if not chains:
                break
            self._seed("init", chains, attempt + 1)
        return ended

    def restart(self, ended: Sequence[Run]) -> list[int]:
        """Give up the chains that are stuck; return them, with a start at a path of their own."""
        given_up = self._siblings.given_up(self.made.values(), ended)
        chains = [stuck.run.chain for stuck in given_up]
        for chain in chains:
            self.made.pop(chain, None)
        if not chains:
            return []
        self.starts = replace(self.starts, restarts=self.starts.restarts + 1)
        points, _ = starts_from_paths(
            self._fit,
            len(chains),
            after=MOST_PATHS * self._method.chains * self.starts.restarts,
            setting="on_stuck: restart",
        )
        beside = _density(list(self.made.values()))
        inits = list(self.starts.inits)
        for stuck, point in zip(given_up, points, strict=True):
            inits[stuck.run.chain - 1] = point.file
            self.others[stuck.csv.name] = stuck.csv
            self.tried.append(_stuck(stuck, point, beside, self._method))
        self.starts = replace(self.starts, inits=tuple(inits))
        self._seed("restart", chains, self.starts.restarts)
        return chains

    def _run(self, chain: int, attempt: int) -> Run:
        restarts = self.starts.restarts
        words = (
            self._label,
            f"restart {restarts}" if restarts > self._restarts else "",
            f"try {attempt}" if attempt > 1 else "",
        )
        return _run(self._fit, self._method, self.starts, chain, words)

    def _seed(self, purpose: str, chains: Sequence[int], number: int) -> None:
        seeds = {c: seed_of(self._fit.seed, purpose, str(c), str(number)) for c in chains}
        self.starts = replace(self.starts, seeds={**self.starts.seeds, **seeds})


def _run_name(chain: int, *words: str) -> str:
    """Return what messages call a run of a chain."""
    return ", ".join(word for word in (f"chain {chain}", *words) if word)


def _run(fit: Fit, method: Hamiltonian, starts: Starts, chain: int, words: Sequence[str]) -> Run:
    init = starts.inits[chain - 1]
    keep = fit.job.arguments.keep
    return Run(
        name=_run_name(chain, *words),
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
        fixed = any(words in result.because for words in _FIXED_START)
        if is_last or fixed or NO_START not in result.because:
            raise ChainError(result.because, where=str(fit.job.log))


def _no_start(fit: Fit, failed: Failed) -> Attempt:
    return Attempt(
        name=failed.run.name,
        settings={} if failed.run.seed == fit.seed else {"seed": failed.run.seed},
        runs=(),
        gradients=None,
        passed=False,
        because=f"it found no start: {_why(failed)}",
    )


def _why(failed: Failed) -> str:
    """Return the sampler's own sentence on its start, the last of its words if there is none."""
    lines = [line.strip() for line in failed.because.splitlines()]
    return next((line for line in lines if _ABOUT_START.search(line)), NO_START).rstrip(".")


def _stuck(stuck: GivenUp, start: Start, beside: float, method: Hamiltonian) -> Attempt:
    iteration = (stuck.rows - 1) * method.thin + 1
    if stuck.rows > stuck.run.rows.before:
        iteration = method.warmup + (stuck.rows - stuck.run.rows.before - 1) * method.thin + 1
    return Attempt(
        name=stuck.run.name,
        settings={},
        runs=(stuck.csv.name,),
        gradients=stuck.steps,
        passed=False,
        because=f"stuck: {stuck.steps} leapfrog steps by iteration {iteration}, "
        f"more than {BEHIND} times the {stuck.middle} that the middle chain takes for all; mean "
        f"lp__ of the second half of them {stuck.density:.5g}, of the draws of the chains beside "
        f"it {beside:.5g}; started anew at draw {start.draw} of path {start.path}",
    )


def _density(made: Sequence[Made]) -> float:
    """Return the mean log density of the draws of chains."""
    means = [read_sampler(chain.csv)["lp"][chain.run.rows.before :].mean() for chain in made]
    return fmean(means)


def _all_chains(fit: Fit, method: Hamiltonian, made: Sequence[Made], label: str) -> Attempt:
    """Return the round itself, which passed as long as nobody finds fault with it."""
    return Attempt(
        name=label or "as declared",
        settings=_changed(fit, method, made),
        runs=tuple(f"chain_{result.run.chain}.csv" for result in made),
        gradients=_steps(method, made),
        passed=True,
        because="every chain is whole",
    )


def _steps(method: Hamiltonian, made: Sequence[Made]) -> int | None:
    """Return the leapfrog steps of the draws; None where not every one says how many it took."""
    total = 0
    for chain in made:
        steps = read_sampler(chain.csv).get("n_steps")
        if steps is None or method.thin > 1:
            return None
        total += int(steps[chain.run.rows.before :].sum())
    return total


def _changed(fit: Fit, method: Hamiltonian, made: Sequence[Made]) -> dict[str, Any]:
    """Return the settings of a round that are not the declared ones, with chains' own seeds."""
    declared = fit.job.arguments.settings
    changed = {
        name: value
        for name, value in method.settings.items()
        if name in declared and name not in DECIDING and value != declared[name]
    }
    seeds = {f"seed of chain {r.run.chain}": r.run.seed for r in made if r.run.seed != fit.seed}
    return changed | seeds
