"""The checks of a fit, and the verdict that follows from them.

The gate looks at every parameter, every transformed parameter and `lp__`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.stats.convergence import Block, mixing
from stanchion.stats.psis import smooth
from stanchion.stats.summary import Numbers, by_blocks

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
SHOWN = 10
FEWEST_CHAINS = 4
_ORDER = ("fail", "waived", "warn", "pass")
GREATEST_PRIOR_DRAW = 1e10
_VEHTARI_2021 = "Vehtari et al. 2021, doi:10.1214/20-BA1221"
SOURCES = {
    "finite": "a draw that is not a number has no posterior",
    "chains": f"{_VEHTARI_2021}: four chains",
    "constant": f"{_VEHTARI_2021}: chains that do not move",
    "rhat": _VEHTARI_2021,
    "ess_bulk": _VEHTARI_2021,
    "ess_tail": _VEHTARI_2021,
    "divergences": "Betancourt 2017, arXiv:1701.02434",
    "ebfmi": "Betancourt 2016, arXiv:1604.00695",
    "treedepth": "Hoffman and Gelman 2014, JMLR 15: the trajectory was cut short",
    "extent": "an improper prior has no draws: the sampler wanders off without a divergence",
    "khat": "Yao et al. 2018, arXiv:1802.02538; Vehtari et al. 2024, arXiv:1507.02646",
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

    def as_json(self) -> dict[str, Any]:
        """Return the check as diagnostics.json has it, with its source."""
        content = vars(self) | {"where": list(self.where), "source": SOURCES[self.check]}
        return {name: found for name, found in content.items() if name != "waiver" or found}


@dataclass(frozen=True)
class Findings:
    """What the gate knows of each column.

    `unsound` columns hold NaN or infinity, `constant` ones a single value, `stuck` ones a single
    value within some chain but not in all; `extent` is the largest absolute value.
    """

    rhat: Floats
    ess_bulk: Floats
    ess_tail: Floats
    constant: Flags
    stuck: Flags
    unsound: Flags
    extent: Floats


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


def scan(draws: Floats) -> Findings:
    """Measure what the gate needs of each column of `chain × draw × columns`."""
    return Findings(**by_blocks(_scan_block, draws))


def nuts_checks(
    names: Sequence[str],
    found: Findings,
    sampler: Sampler,
    *,
    chains: int,
    thresholds: Mapping[str, Any],
) -> list[Check]:
    """Return the checks of a fit by NUTS from what `scan` found of its named columns."""
    least = thresholds["ess"] or 100 * chains
    checks = [
        *_soundness(names, found),
        _chains(chains),
        _worst("rhat", names, found.rhat, most=thresholds["rhat"]),
        _worst("ess_bulk", names, found.ess_bulk, least=least),
        _worst("ess_tail", names, found.ess_tail, least=least),
    ]
    if sampler.diverging is not None:
        checks.append(_counted("divergences", sampler.diverging, thresholds["divergences"], "fail"))
    if sampler.energy is not None:
        labels = [f"chain {chain + 1}" for chain in range(chains)]
        moved = ebfmi(sampler.energy)
        checks.append(_worst("ebfmi", labels, moved, least=thresholds["ebfmi"]))
    if sampler.saturated is not None:
        checks.append(_counted("treedepth", sampler.saturated, 0, "warn"))
    return checks


def approximation_checks(
    names: Sequence[str], found: Findings, log_ratios: Floats, *, thresholds: Mapping[str, Any]
) -> list[Check]:
    """Return the checks of an approximation; `log_ratios` is log_p − log_g of each draw."""
    soundness = [check for check in _soundness(names, found) if check.check == "finite"]
    return [*soundness, _khat(smooth(log_ratios).khat, thresholds["khat"])]


def prior_checks(
    names: Sequence[str],
    found: Findings,
    sampler: Sampler,
    *,
    chains: int,
    thresholds: Mapping[str, Any],
) -> list[Check]:
    """Return the checks of draws from the prior: those of NUTS and their extent, as warnings."""
    extent = _worst("extent", names, found.extent, most=GREATEST_PRIOR_DRAW)
    checks = nuts_checks(names, found, sampler, chains=chains, thresholds=thresholds)
    return [
        replace(check, verdict="warn") if check.verdict == "fail" else check
        for check in (*checks, extent)
    ]


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
    return min((check.verdict for check in checks), key=_ORDER.index, default="pass")


def why_stopped(diagnostics: Mapping[str, Any], on_fail: str) -> str | None:
    """Return why nothing is computed from a fit (its diagnostics.json), or None if something is."""
    if diagnostics["verdict"] != "fail" or on_fail != "stop":
        return None
    failed = [check["check"] for check in diagnostics["checks"] if check["verdict"] == "fail"]
    return f"the fit failed its checks: {', '.join(failed)}"


def notes(names: Sequence[str], found: Findings, *, unused: Sequence[str] = ()) -> list[str]:
    """Return what is worth knowing but judged by no check: quantities equal to one constant.

    `unused` names columns that the method fills with zeros.
    """
    constant = [name for name in _named(names, found.constant) if name not in unused]
    return [f"equal to one constant in all chains: {', '.join(constant)}"] if constant else []


def _scan_block(draws: Floats) -> Numbers:
    found = mixing(Block.of(draws))
    first = draws[:, :, :1]
    resting = (draws == first).all(2)
    constant = resting.all(1) & (first == first[:, :1]).all((1, 2))
    return {
        "rhat": found.rhat,
        "ess_bulk": found.ess_bulk,
        "ess_tail": found.ess_tail,
        "constant": constant,
        "stuck": resting.any(1) & ~constant,
        "extent": np.abs(draws).max((1, 2)),
        "unsound": ~np.isfinite(draws).all((1, 2)) & ~constant,
    }


def _soundness(names: Sequence[str], found: Findings) -> list[Check]:
    return [
        Check(
            check=check,
            value=int(flags.sum()),
            threshold=0,
            verdict="fail" if flags.any() else "pass",
            where=_named(names, flags),
        )
        for check, flags in (("finite", found.unsound), ("constant", found.stuck))
    ]


def _chains(chains: int) -> Check:
    verdict = "fail" if chains == 1 else "warn" if chains < FEWEST_CHAINS else "pass"
    return Check("chains", chains, FEWEST_CHAINS, verdict)


def _worst(
    check: str, names: Sequence[str], values: Floats, *, most: float = inf, least: float = -inf
) -> Check:
    """Judge the worst of the values; those that are NaN are judged by other checks."""
    known = np.flatnonzero(~np.isnan(values))
    threshold = most if least == -inf else least
    if not len(known):
        return Check(check, None, threshold, "pass")
    worst_first = known[
        np.argsort(-values[known] if least == -inf else values[known], kind="stable")
    ]
    broken = worst_first[(values[worst_first] > most) | (values[worst_first] < least)]
    worst = float(values[worst_first[0]])
    shown = broken[:SHOWN] if len(broken) else worst_first[:1]
    return Check(
        check=check,
        value=worst if isfinite(worst) else None,
        threshold=threshold,
        verdict="fail" if len(broken) else "pass",
        where=tuple(names[place] for place in shown.tolist()),
    )


def _counted(check: str, flags: Flags, threshold: int, grave: str) -> Check:
    by_chain = flags.sum(axis=1)
    return Check(
        check=check,
        value=int(flags.sum()),
        threshold=threshold,
        verdict=grave if flags.sum() > threshold else "pass",
        where=tuple(f"chain {c + 1}: {n}" for c, n in enumerate(by_chain) if n)[:SHOWN],
    )


def _khat(khat: float, threshold: float) -> Check:
    """Judge k̂; where it cannot be estimated, nothing vouches for the approximation."""
    good = khat <= threshold
    return Check(
        check="khat",
        value=khat if isfinite(khat) else None,
        threshold=threshold,
        verdict="pass" if good else "fail",
        where=() if isfinite(khat) else ("log_p − log_g has no tail to fit",),
    )


def _named(names: Sequence[str], flags: Flags) -> tuple[str, ...]:
    """Return the flagged names, at most ten, the last of them a count of the rest."""
    places = np.flatnonzero(flags).tolist()
    if len(places) <= SHOWN:
        return tuple(names[place] for place in places)
    shown = [names[place] for place in places[: SHOWN - 1]]
    return (*shown, f"and {len(places) - SHOWN + 1} more")
