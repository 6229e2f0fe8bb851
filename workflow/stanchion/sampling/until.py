"""Chains in rounds: each samples the same chains for more draws, until they are enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stanchion.draws.attempts import Attempt
from stanchion.methods.hamiltonian import Hamiltonian
from stanchion.methods.until import Until
from stanchion.sampling.drawn import DrawnSoFar
from stanchion.sampling.fit import Fit
from stanchion.sampling.parts import Sampled, Starts
from stanchion.sampling.rounds import sample_round
from stanchion.sampling.stopping_rule import Decision, StoppingRule


def sample_rounds(fit: Fit, method: Hamiltonian, starts: Starts, label: str = "") -> Sampled:
    """Sample the chains of a fit: once, or with `until` for more draws until they are enough.

    `label` names these, where others of the fit were sampled.

    Raises:
        ChainError: a chain failed.
    """
    if method.until is None:
        return sample_round(fit, method, starts, label)
    return _sample_until(fit, method, method.until, starts, label)


def _sample_until(
    fit: Fit, method: Hamiltonian, until: Until, starts: Starts, label: str
) -> Sampled:
    """Sample rounds, of which each has the chains of the plain method with as many draws.

    So a round's chains go on from those of the round before, and both are in the cache.
    """
    arguments = fit.job.arguments
    rule = StoppingRule.of(until, arguments.checks, method.superchains)
    drawn = DrawnSoFar(arguments.variables, fit.job.path("data"), rule.mcse, method.chains)
    rounds: list[Sampled] = []
    tried: list[Attempt] = []
    for draws in rounds_of(method):
        name = ", ".join(word for word in (label, f"{draws} draws a chain") if word)
        plain = method.with_draws(draws)
        sampled = sample_round(fit, plain, starts, name)
        steps = drawn.take([made.csv for made in sampled.made], plain.rows(arguments.keep))
        decision = rule.decide(drawn.gated(), drawn.others())
        tried += [*sampled.tried[:-1], _round(sampled, name, steps, decision, method)]
        _forget(rounds)
        rounds.append(sampled)
        starts = sampled.starts
        if decision.passed:
            break
    *earlier, last = ([made.run for made in sampled.made] for sampled in rounds)
    fit.forget_beginnings(last, [run for runs in earlier for run in runs])
    retries = (sentence for sampled in rounds for sentence in sampled.retries)
    others = {name: path for sampled in rounds for name, path in sampled.others.items()}
    return replace(rounds[-1], tried=tuple(tried), retries=tuple(retries), others=others)


def rounds_of(method: Hamiltonian) -> Iterator[int]:
    """Yield the draws of a chain after each round; the last round may be shorter."""
    most = method.max_draws or method.draws
    yield from range(method.draws, most, method.draws)
    yield most


def _round(
    sampled: Sampled, name: str, steps: int | None, decision: Decision, method: Hamiltonian
) -> Attempt:
    """Return what a round took and gave; steps of draws that thinning left out are not known."""
    return replace(
        sampled.tried[-1],
        name=name,
        runs=tuple(f"chain_{made.run.chain}.csv" for made in sampled.made),
        gradients=steps if method.thin == 1 else None,
        passed=decision.passed,
        because=decision.because,
    )


def _forget(rounds: list[Sampled]) -> None:
    """Remove the chains of a round that the next one begins with: they are in the cache."""
    for sampled in rounds[-1:]:
        for made in sampled.made:
            made.csv.unlink(missing_ok=True)
