"""What the checks measure, where that is more than one number of a fit.

The catalogue imports this, and what reads the declaration imports the catalogue: so no library is
imported here but by the function that needs it.
"""

from __future__ import annotations

from dataclasses import replace
from math import isfinite, nan
from typing import TYPE_CHECKING

from stanchion.checks.row import Each, Skipped, Value, at_most
from stanchion.checks.verdicts import FAIL, PASS, WARN
from stanchion.system.sentences import counted, percent

if TYPE_CHECKING:
    from stanchion.checks.numbers import ComparisonNumbers, FitNumbers

_MESSAGES = 4
_WEAKER = (
    "the chains started at draws of Pathfinder, and R-hat is weaker evidence for it: it asks for "
    "starts more dispersed than the posterior (Gelman and Rubin 1992, doi:10.1214/ss/1177011136), "
    "and such chains may agree on having missed what Pathfinder missed"
)
_FEWEST_COMPARED = 2


def chains(fit: FitNumbers) -> Value:
    """Return the number of chains: one alone is a failure, a few are a warning."""
    return Value(fit.chains, failed=FAIL if fit.chains <= 1 else WARN)


def rhat(fit: FitNumbers) -> Each:
    """Return R-hat, with a note where the chains' starts make it say less."""
    return replace(fit.each(fit.columns.rhat), note=_where_chains_started(fit))


def nested_rhat(fit: FitNumbers) -> Each | None:
    """Return nested R-hat, likewise."""
    if fit.nested_rhat is None:
        return None
    return replace(fit.each(fit.nested_rhat), note=_where_chains_started(fit))


def _where_chains_started(fit: FitNumbers) -> str | None:
    if fit.attempts is None or not fit.attempts.is_from_approximation:
        return None
    return _WEAKER


def energy(fit: FitNumbers) -> Each | Value | Skipped | None:
    """Return the energy Bayesian fraction of missing information of each chain."""
    from stanchion.stats.energy import ebfmi

    energies = fit.sampler.energy
    return fit.unsaid() if energies is None else fit.each_chain(ebfmi(energies))


def extent(fit: FitNumbers) -> Each:
    """Return the largest absolute draw of each quantity that is a number throughout."""
    finite = ~(fit.columns.unsound | fit.columns.unfilled)
    return Each(fit.names, fit.columns.extent, finite, fit.needed)


def khat(fit: FitNumbers) -> Value:
    """Return k̂; where it cannot be estimated, nothing vouches for the approximation.

    A good k̂ passes draws that were resampled; of raw ones it says no more than that they could be.
    It does not see a distribution that has collapsed to a point, as an optimiser that runs off
    leaves it: log_q is then noise, and k̂ is good by chance.
    """
    raw = "these draws are not weighted, and k̂ speaks of weighted ones"
    return Value(
        fit.khat,
        where=() if isfinite(fit.khat) else ("log_p − log_g has no tail to fit",),
        passed=PASS if fit.resampled else WARN,
        note=None if fit.resampled else raw,
    )


def nuts_difference(fit: FitNumbers) -> Each | Skipped | None:
    """Return how far the means are from those of a sampled fit, in its standard deviations."""
    agreement = fit.agreement
    if agreement is None or agreement.because:
        return None if agreement is None else Skipped(agreement.because)
    note = f"in standard deviations of {agreement.reference}"
    return Each(agreement.names, agreement.distances, note=note)


def paths(fit: FitNumbers) -> Value | None:
    """Return how many paths gave draws, of all that an approximation was to have."""
    if fit.paths is None:
        return None
    present, declared = set(fit.paths.numbers.tolist()), fit.paths.declared
    missing = [f"path {number}" for number in range(1, declared + 1) if number not in present]
    return Value(len(present), where=at_most(missing), threshold=declared)


def path_difference(fit: FitNumbers) -> Value | None:
    """Return how far the means of a path are from those of all, of the paths that count."""
    if fit.paths is None:
        return None
    difference, where = fit.paths.difference, fit.paths.where
    return Value(difference, where=(where,) if where else ())


def generated(fit: FitNumbers) -> Value:
    """Return the greatest share of draws without a value, of the gravest kind.

    That is a failure where something declared uses the variable, else a warning.
    """
    without = [
        (fit.generated.is_used(name), float(share), name)
        for names, shares in fit.generated.shares
        for name, share in zip(names, shares.tolist(), strict=True)
        if not share <= 0
    ]
    if fit.generated.used and not fit.generated.shares:
        return Value(nan, failed=FAIL)
    if not without:
        return Value(0.0)
    without.sort(key=lambda entry: (not entry[0], -entry[1]))
    used, greatest, _ = without[0]
    return Value(
        greatest,
        where=at_most([f"{name}: {percent(share)}" for _, share, name in without]),
        failed=FAIL if used else WARN,
        messages=tuple(fit.generated.messages[:_MESSAGES]),
    )


def attempts(fit: FitNumbers) -> Value | None:
    """Return how many attempts failed: those that were gone over, and the last, which stands."""
    if fit.attempts is None:
        return None
    last = [f"{one.name}: {one.because}" for one in fit.attempts.tried[-1:] if not one.passed]
    failed = (*fit.attempts.retries, *last)
    return Value(len(failed), at_most(failed))


def source(fit: FitNumbers) -> Value | None:
    """Return how many checks the fit failed whose draws these are; its warnings are passed on."""
    if fit.source is None:
        return None
    method, verdict, checks = fit.source.method, fit.source.verdict, fit.source.checks
    where = at_most([f"{method}: {check}" for check in checks])
    if verdict == FAIL:
        return Value(len(checks), where)
    if verdict == PASS:
        return Value(0, where)
    return Value(0, where, passed=WARN, note="that fit has a warning")


def converged(fit: FitNumbers) -> Value | None:
    """Return how far a point is from the mode, in standard errors, by its gradient and curvature.

    Where the CmdStan at hand tells no gradient, the optimiser's word is all there is: a warning.
    """
    modes = fit.modes
    if modes is None:
        return None
    reason = listed_reason(modes.because, modes.parameter_because)
    return Value(
        modes.distance,
        where=(reason,) if reason else (),
        broken=True if modes.stopped else None,
        failed=WARN if not (modes.evaluated or modes.stopped) else None,
        note=modes.returned,
    )


def curvature(fit: FitNumbers) -> Value | None:
    """Return how many quantities have no standard error."""
    modes = fit.modes
    if modes is None:
        return None
    if not modes.covariance:
        reason = listed_reason(modes.because, modes.parameter_because)
        failed = None if modes.evaluated else WARN
        return Value(len(fit.names) - 1, (reason,), failed=failed)
    without = [name for name, e in zip(modes.columns, modes.errors, strict=True) if not isfinite(e)]
    return Value(len(without), at_most(without), failed=WARN)


def modes(fit: FitNumbers) -> Value | None:
    """Return how many distinct modes the starts reached.

    Starts without a mode, and a single one, leave it open whether there are others.
    """
    reached = fit.modes
    if reached is None:
        return None
    where = [f"log density {m.log_density:.6g} from {_starts(m.starts)}" for m in reached.modes]
    without = reached.without
    note = f"{without} of {counted(reached.starts, 'start')} ended at no mode" if without else None
    if reached.starts == 1:
        note = "one start cannot show another mode"
    return Value(
        len(reached.modes),
        at_most(where),
        passed=PASS if note is None else WARN,
        note=note,
    )


def listed_reason(because: str, parameter: str) -> str:
    """Return why something has no value, with the parameter that is to blame."""
    return f"{because}: {parameter}" if parameter else because


def _starts(numbers: tuple[int, ...]) -> str:
    heading = "start" if len(numbers) == 1 else "starts"
    return f"{heading} {', '.join(map(str, numbers))}"


def outcome(models: ComparisonNumbers) -> Value:
    """Return how many differences there are between the observations of the models."""
    return Value(len(models.unlike), tuple(models.unlike))


def compared(models: ComparisonNumbers) -> Value:
    """Return how many of the declared models are compared; below two, nothing is."""
    count = len(set(models.compared))
    missing = [model for model in models.declared if model not in models.compared]
    return Value(
        count,
        tuple(f"{model}: {models.left_out[model]}" for model in missing),
        threshold=len(models.declared),
        failed=FAIL if count < _FEWEST_COMPARED else WARN,
    )


def loo_khat(models: ComparisonNumbers) -> Value:
    """Return how many k̂ of LOO are bad: they make the comparison unsure, and no fit wrong."""
    where = [f"{fit}: {bad} of {count}" for fit, (bad, count) in models.khat.items() if bad]
    return Value(sum(bad for bad, _ in models.khat.values()), tuple(where))
