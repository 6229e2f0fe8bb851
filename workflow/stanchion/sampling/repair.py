"""Declared repair: what is sampled again, with other settings, where the chains show a fault.

After each round the chains are looked at: divergences first, since a smaller step makes longer
trajectories, then trajectories that were cut short. Each refit uses up a declared setting, so that
there are no more refits than these; the last one stands whatever it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stanchion.methods.hamiltonian import Hamiltonian
from stanchion.sampling.fit import Fit, Made
from stanchion.sampling.parts import Sampled, Starts
from stanchion.sampling.until import sample_rounds
from stanchion.stan.command import number
from stanchion.system.sentences import counted

_CHANGED = ("adapt_delta", "max_treedepth")
"""Settings that a refit changes."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with the chains of a round, and the method of a refit; None if none is left."""

    what: str
    refit: Hamiltonian | None


def sample_repaired(fit: Fit, declared: Hamiltonian, starts: Starts) -> Sampled:
    """Sample the chains of a fit, and again while they show what a refit is declared for."""
    rounds: list[Sampled] = []
    method: Hamiltonian | None = declared
    while method is not None:
        sampled = sample_rounds(fit, method, starts, _label(declared, method))
        faults = _faults(fit, declared, method, sampled.made)
        method = next((fault.refit for fault in faults if fault.refit is not None), None)
        rounds.append(_with_faults(sampled, faults, is_last=method is None))
        starts = sampled.starts
    return _joined(rounds)


def _faults(
    fit: Fit, declared: Hamiltonian, method: Hamiltonian, made: Sequence[Made]
) -> list[Fault]:
    """Return what is wrong with chains, where a refit is declared for it."""
    faults = []
    if declared.refits_after_divergences:
        from stanchion.checks.catalogue import CHECKS
        from stanchion.checks.gate import Limit

        diverging = [flag for chain in made for flag in _flags(chain, method, "diverging")]
        limit = Limit.of(CHECKS["divergences"], fit.job.arguments.checks).of_total(len(diverging))
        if sum(diverging) > limit:
            what = f"{counted(sum(diverging), 'divergence')}, where {limit:g} are allowed"
            faults.append(Fault(what, method.after_divergences()))
    if declared.refits_after_saturation:
        saturated = sum(sum(_flags(chain, method, "reached_max_treedepth")) for chain in made)
        if saturated:
            what = f"{counted(saturated, 'trajectory', 'trajectories')} cut short"
            faults.append(Fault(what, method.after_saturation()))
    return faults


def _flags(chain: Made, method: Hamiltonian, name: str) -> list[bool]:
    """Return what the sampler says of each draw after warm-up."""
    from stanchion.draws.sampler import read_sampler

    flags: list[bool] = read_sampler(chain.csv, method.greatest_depth)[name].tolist()
    return flags[chain.run.rows.before :]


def _with_faults(sampled: Sampled, faults: Sequence[Fault], *, is_last: bool) -> Sampled:
    """Return chains whose last attempt says what is wrong with them."""
    if not faults:
        return sampled
    *earlier, last = sampled.tried
    unmet = [] if last.passed else [last.because]
    because = "; ".join(
        [*(fault.what for fault in faults), *["no refit is left"] * is_last, *unmet]
    )
    runs = last.runs if is_last else ()
    last = replace(last, runs=runs, passed=False, because=because)
    return replace(sampled, tried=(*earlier, last))


def _joined(rounds: Sequence[Sampled]) -> Sampled:
    """Return the last chains, with all that was tried before them."""
    gone_over = [f"{r.tried[-1].name}: {r.tried[-1].because}" for r in rounds[:-1]]
    return replace(
        rounds[-1],
        tried=tuple(attempt for sampled in rounds for attempt in sampled.tried),
        retries=(*(words for sampled in rounds for words in sampled.retries), *gone_over),
        others={name: path for sampled in rounds for name, path in sampled.others.items()},
    )


def _label(declared: Hamiltonian, method: Hamiltonian) -> str:
    """Return what names the chains of a refit: the settings that it changes."""
    before, now = declared.settings, method.settings
    return ", ".join(
        f"{name} {number(now[name])}"
        for name in _CHANGED
        if name in now and now[name] != before[name]
    )
