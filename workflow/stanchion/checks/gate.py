"""The checks of a fit, and the verdict that follows from them.

The gate judges every parameter, every transformed parameter and `lp__`; of generated quantities it
asks that they are numbers. What cannot be computed does not pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor, inf, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.checks.scan import Findings
from stanchion.checks.shares import percent

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
SHOWN = 10
_WHERE_SAID = ("waiver", "messages", "note")
FEWEST_CHAINS = 4
_MESSAGES = 4
_FEWEST_POINTS = 2
_ROUNDING = 1e-12
"""Relative to the log density, whose sum is then the same but for the order of its terms."""
_AT_LEAST = ("ess_bulk", "ess_tail", "ebfmi")
_ORDER = ("fail", "waived", "warn", "pass")
SKIPPED = "skipped"
"""The verdict of a check that could not be made for want of something outside of the fit."""
GREATEST_PRIOR_DRAW = 1e10
_VEHTARI_2021 = "Vehtari et al. 2021, doi:10.1214/20-BA1221"
SOURCES = {
    "finite": "a draw that is not a number has no posterior",
    "generated": "draws without a value give no quantile and no probability",
    "chains": f"{_VEHTARI_2021}: four chains",
    "constant": f"{_VEHTARI_2021}: chains that do not move",
    "rhat": _VEHTARI_2021,
    "ess_bulk": _VEHTARI_2021,
    "ess_tail": _VEHTARI_2021,
    "divergences": "Betancourt 2017, arXiv:1701.02434",
    "ebfmi": "Betancourt 2016, arXiv:1604.00695",
    "treedepth": "Hoffman and Gelman 2014, JMLR 15: the trajectory was cut short",
    "extent": "an improper prior has no draws: the sampler wanders off without a divergence",
    "prior_only": "the log density of the program with and without its likelihood",
    "loo_khat": "Vehtari, Gelman and Gabry 2017, arXiv:1507.04544; Vehtari et al. 2024, "
    "arXiv:1507.02646",
    "compared": "a comparison is of all models that it is declared for",
    "outcome": "densities of different outcomes have no common unit",
    "khat": "Yao et al. 2018, arXiv:1802.02538; Vehtari et al. 2024, arXiv:1507.02646",
    "nuts_difference": "half a posterior standard deviation moves every interval visibly",
}


@dataclass(frozen=True)
class Check:
    """One check: its value against its threshold, the verdict, and where it is worst."""

    check: str
    value: float | None
    threshold: float | None
    verdict: str
    where: tuple[str, ...] = ()
    waiver: Mapping[str, Any] | None = None
    messages: tuple[str, ...] = ()
    """What the sampler itself said of it."""
    note: str | None = None
    """What the numbers do not say, in a sentence."""

    def as_json(self) -> dict[str, Any]:
        """Return the check as diagnostics.json has it, with its source."""
        content = vars(self) | {"where": list(self.where), "source": SOURCES[self.check]}
        content["messages"] = list(self.messages)
        return {n: found for n, found in content.items() if n not in _WHERE_SAID or found}


@dataclass(frozen=True)
class Sampler:
    """What the sampler said of each draw (`chain × draw`); None where it does not say it."""

    diverging: Flags | None = None
    energy: Floats | None = None
    saturated: Flags | None = None

    @classmethod
    def of(cls, stats: Mapping[str, NDArray[Any]]) -> Sampler:
        """Take them from sample_stats, under ArviZ's names."""
        return cls(stats.get("diverging"), stats.get("energy"), stats.get("reached_max_treedepth"))


def nuts_checks(
    names: Sequence[str],
    found: Findings,
    sampler: Sampler,
    *,
    chains: int,
    thresholds: Mapping[str, Any],
) -> list[Check]:
    """Return the checks of a fit by NUTS from what `scan` found of its named columns."""
    least = np.full(len(names), thresholds["ess"] or 100 * chains)
    most = rhat_limits(names, thresholds)
    needed = bool(found.sampled.any())
    checks = [
        *_soundness(names, found),
        _chains(chains),
        _worst("rhat", names, found.rhat, most, found.judged, needed=needed),
        _worst("ess_bulk", names, found.ess_bulk, least, found.judged, needed=needed),
        _worst("ess_tail", names, found.ess_tail, least, found.judged, needed=needed),
    ]
    if sampler.diverging is not None:
        allowed = allowed_divergences(thresholds["divergences"], sampler.diverging.size)
        checks.append(_counted("divergences", sampler.diverging, allowed, "fail"))
    if sampler.energy is not None:
        labels = [f"chain {chain + 1}" for chain in range(chains)]
        limits, found_ebfmi = np.full(chains, thresholds["ebfmi"]), ebfmi(sampler.energy)
        judged = np.isfinite(found_ebfmi) | needed
        checks.append(_worst("ebfmi", labels, found_ebfmi, limits, judged, needed=needed))
    if sampler.saturated is not None:
        checks.append(_counted("treedepth", sampler.saturated, 0, "warn"))
    return checks


def rhat_limits(names: Sequence[str], thresholds: Mapping[str, Any]) -> Floats:
    """Return the greatest R-hat of each scalar: its variable's own, else the default."""
    own = thresholds.get("rhat_of") or {}
    default = thresholds["rhat"]
    return np.array([own.get(variable_of(name), default) for name in names])


def allowed_divergences(declared: int | Mapping[str, float], draws: int) -> int:
    """Return how many transitions may diverge: a number, or a share of the draws."""
    return declared if isinstance(declared, int) else floor(declared["share"] * draws)


def variable_of(name: str) -> str:
    """Return the variable that a scalar belongs to: `theta` of `theta[1]`."""
    return re.split(r"[\[.]", name, maxsplit=1)[0]


def generated_check(
    generated: Iterable[tuple[Sequence[str], Floats]],
    *,
    used: Sequence[str],
    messages: Sequence[str] = (),
) -> Check:
    """Return the check that generated quantities are numbers.

    `generated` gives the scalars of each and the share of draws in which they have no value. That
    is a failure where something declared uses the variable, else a warning; the check's value is
    the greatest share of the gravest kind.
    """
    bad = [
        (variable_of(name) in used, float(share), name)
        for names, shares in generated
        for name, share in zip(names, shares.tolist(), strict=True)
        if share > 0
    ]
    bad.sort(key=lambda one: (not one[0], -one[1]))
    shown = [f"{name}: {percent(share)}" for _, share, name in bad]
    return Check(
        check="generated",
        value=bad[0][1] if bad else 0.0,
        threshold=0,
        verdict="pass" if not bad else "fail" if bad[0][0] else "warn",
        where=_at_most(shown),
        messages=tuple(messages[:_MESSAGES]) if bad else (),
    )


def approximation_checks(
    names: Sequence[str],
    found: Findings,
    khat: float,
    *,
    resampled: bool,
    thresholds: Mapping[str, Any],
) -> list[Check]:
    """Return the checks of an approximation; `khat` is that of log_p − log_q of its raw draws.

    A good k̂ passes draws that were resampled; of raw ones it says no more than that they could be.
    It does not see a distribution that has collapsed to a point, as an optimiser that runs off
    leaves it: log_q is then noise, and k̂ is good by chance.
    """
    return [*_soundness(names, found), _khat(khat, thresholds["khat"], resampled=resampled)]


def prior_checks(
    names: Sequence[str],
    found: Findings,
    sampler: Sampler,
    *,
    chains: int,
    thresholds: Mapping[str, Any],
) -> list[Check]:
    """Return the checks of draws from the prior: those of NUTS and their extent, as warnings."""
    limits = np.full(len(names), GREATEST_PRIOR_DRAW)
    finite = ~(found.unsound | found.unfilled)
    extent = _worst("extent", names, found.extent, limits, finite, needed=False)
    checks = nuts_checks(names, found, sampler, chains=chains, thresholds=thresholds)
    return [
        replace(check, verdict="warn") if check.verdict == "fail" else check
        for check in (*checks, extent)
    ]


def switch_check(
    prior: Sequence[float] | None, posterior: Sequence[float] | None, *, observations: bool
) -> Check:
    """Return the check that `prior_only` does something, from log densities of the same draws.

    Where it does nothing, both differ by a constant, and the draws are the posterior's: a failure,
    unless there are no observations. That a likelihood refuses a draw of the prior is an effect.
    """
    if prior is None:
        return Check("prior_only", None, 0, "warn")
    if posterior is None:
        return Check("prior_only", None, 0, "pass", ("the likelihood refuses a draw of the prior",))
    both = np.array([prior, posterior])
    both = both[:, np.isfinite(both[0])]
    if both.shape[1] < _FEWEST_POINTS:
        return Check("prior_only", None, 0, "warn")
    if not np.isfinite(both[1]).all():
        return Check("prior_only", None, 0, "pass", ("the likelihood of a prior draw is zero",))
    difference = both[1] - both[0]
    spread = float(difference.max() - difference.min())
    works = spread > _ROUNDING * max(1.0, float(np.abs(both).max()))
    if works or observations:
        return Check("prior_only", spread, 0, "pass" if works else "fail")
    return Check("prior_only", spread, 0, "pass", ("there are no observations",))


def ebfmi(energy: Floats) -> Floats:
    """Return the energy Bayesian fraction of missing information of each chain (`chain × draw`)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1, ddof=1)


def waive(checks: Sequence[Check], waivers: Sequence[Mapping[str, Any]]) -> list[Check]:
    """Turn `fail` into `waived` where a waiver names the check; keep the waiver with it."""
    by_check = {waiver["check"]: waiver for waiver in waivers}
    return [
        replace(check, verdict="waived", waiver=by_check[check.check])
        if check.verdict == "fail" and check.check in by_check
        else check
        for check in checks
    ]


def verdict(checks: Sequence[Check]) -> str:
    """Return the gravest of the checks' verdicts."""
    made = (check.verdict for check in checks if check.verdict != SKIPPED)
    return min(made, key=_ORDER.index, default="pass")


def why_stopped(diagnostics: Mapping[str, Any], on_fail: str) -> str | None:
    """Return why nothing is computed from a fit (its diagnostics.json), or None if something is."""
    if diagnostics["verdict"] != "fail" or on_fail != "stop":
        return None
    failed = [check["check"] for check in diagnostics["checks"] if check["verdict"] == "fail"]
    return f"the fit failed its checks: {', '.join(failed)}"


def notes(names: Sequence[str], found: Findings, *, unused: Sequence[str] = ()) -> list[str]:
    """Return what is worth knowing but judged by no check: quantities that have no distribution.

    `unused` names columns that the method fills with zeros.
    """
    resting = _named(names, found.constant & ~found.frozen)
    constant = [name for name in resting if name not in unused]
    unfilled = _named(names, found.unfilled)
    return [
        f"{what}: {', '.join(which)}"
        for what, which in (
            ("equal to one constant in all chains", constant),
            ("NaN in every draw, as an element that the program does not fill", unfilled),
        )
        if which
    ]


def _soundness(names: Sequence[str], found: Findings) -> list[Check]:
    return [
        Check(
            check=check,
            value=int(flags.sum()),
            threshold=0,
            verdict="fail" if flags.any() else "pass",
            where=_named(names, flags),
        )
        for check, flags in (("finite", found.unsound), ("constant", found.stuck | found.frozen))
    ]


def _chains(chains: int) -> Check:
    verdict = "fail" if chains == 1 else "warn" if chains < FEWEST_CHAINS else "pass"
    return Check("chains", chains, FEWEST_CHAINS, verdict)


def _worst(
    check: str,
    names: Sequence[str],
    values: Floats,
    limits: Floats,
    judged: Flags,
    *,
    needed: bool,
) -> Check:
    """Judge the values against their limits, the one that is worst against its own first.

    What is to be judged and is NaN could not be computed, and fails; so does it that nothing can be
    judged where something is `needed`.
    """
    if not judged.any():
        return Check(check, None, _limit(limits), "fail" if needed else "pass")
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = _excess(check, values, limits)
        broken = np.isnan(values) | (values < limits if check in _AT_LEAST else values > limits)
    excess[np.isnan(excess)] = inf
    known = np.flatnonzero(judged)
    worst_first = known[np.argsort(-excess[known], kind="stable")]
    failed = worst_first[broken[worst_first]]
    worst = int(worst_first[0])
    shown = failed[:SHOWN] if len(failed) else worst_first[:1]
    return Check(
        check=check,
        value=float(values[worst]) if isfinite(values[worst]) else None,
        threshold=float(limits[worst]),
        verdict="fail" if len(failed) else "pass",
        where=tuple(names[place] for place in shown.tolist()),
    )


def _excess(check: str, values: Floats, limits: Floats) -> Floats:
    """Return how bad values are, each against its own limit; R-hat is 1 where all is well."""
    if check in _AT_LEAST:
        return limits / values
    return (values - 1) / (limits - 1) if check == "rhat" else values / limits


def _limit(limits: Floats) -> float | None:
    return float(limits[0]) if len(limits) else None


def _counted(check: str, flags: Flags, threshold: int, grave: str) -> Check:
    by_chain = flags.sum(axis=1)
    return Check(
        check=check,
        value=int(flags.sum()),
        threshold=threshold,
        verdict=grave if flags.sum() > threshold else "pass",
        where=tuple(f"chain {c + 1}: {n}" for c, n in enumerate(by_chain) if n)[:SHOWN],
    )


def _khat(khat: float, threshold: float, *, resampled: bool) -> Check:
    """Judge k̂; where it cannot be estimated, nothing vouches for the approximation."""
    good = "pass" if resampled else "warn"
    return Check(
        check="khat",
        value=khat if isfinite(khat) else None,
        threshold=threshold,
        verdict=good if khat <= threshold else "fail",
        where=() if isfinite(khat) else ("log_p − log_g has no tail to fit",),
        note=None if resampled else "these draws are not weighted, and k̂ speaks of weighted ones",
    )


def _named(names: Sequence[str], flags: Flags) -> tuple[str, ...]:
    """Return the flagged names, at most ten, the last of them a count of the rest."""
    return _at_most([names[place] for place in np.flatnonzero(flags).tolist()])


def _at_most(names: Sequence[str]) -> tuple[str, ...]:
    if len(names) <= SHOWN:
        return tuple(names)
    return (*names[: SHOWN - 1], f"and {len(names) - SHOWN + 1} more")
