"""Whether a fit has drawn enough: R-hat, effective sample sizes and Monte Carlo errors so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.checks.catalogue import NESTED, OF_FITS, RHAT
from stanchion.checks.gate import Check, Limit, check_fit, judged
from stanchion.checks.numbers import FitNumbers
from stanchion.checks.row import Each, Row
from stanchion.checks.scan import scan
from stanchion.checks.verdicts import PASS
from stanchion.draws.files import Scalars
from stanchion.draws.naming import variable_of
from stanchion.methods.until import Until
from stanchion.stan.command import number
from stanchion.stats.convergence import Block, monte_carlo_errors
from stanchion.stats.nested import nested_rhat
from stanchion.stats.summary import Numbers, by_blocks
from stanchion.system.sentences import listed

Floats = NDArray[np.float64]
_COUNTED = ("finite", "constant")
_MIXED = ("ess_bulk", "ess_tail")
_MCSE: Row[FitNumbers] = Row(
    name="mcse",
    words="MCSE of the mean",
    source="Vehtari et al. 2021, doi:10.1214/20-BA1221",
    advice="",
    measure=lambda _: None,
    digits="significant",
)
_ROWS = {row.name: row for row in (*OF_FITS, _MCSE)}


@dataclass(frozen=True)
class Decision:
    """Whether a fit may stop, and what was seen of it, in words."""

    passed: bool
    because: str


@dataclass(frozen=True)
class StoppingRule:
    """What a fit must reach: thresholds by their names in the catalogue, and of errors."""

    thresholds: Mapping[str, Any]
    mcse: Mapping[str, float] = field(default_factory=dict)
    superchains: int | None = None
    """How many there are, where nested R-hat takes the place of R-hat."""

    @classmethod
    def of(
        cls, until: Until, checks: Mapping[str, Any], superchains: int | None = None
    ) -> StoppingRule:
        """Take what is declared, and the analysis' own thresholds for the rest."""
        overridden = {"rhat_of": None} if until.rhat is not None else {}
        return cls({**checks, **overridden, **until.thresholds}, until.mcse or {}, superchains)

    def decide(self, gated: Scalars, others: Scalars | None = None) -> Decision:
        """Hold the draws so far to the rule; what cannot be computed has not been reached.

        `gated` is what the gate judges, `others` what only its Monte Carlo error is asked of.
        """
        findings = scan(gated.values, gated.variables)
        groups = self.superchains
        nested = None if groups is None else nested_rhat(gated.values, groups)
        fit = FitNumbers(gated.names, findings, chains=gated.values.shape[0], nested_rhat=nested)
        names = (*_COUNTED, RHAT if self.superchains is None else NESTED, *_MIXED)
        checks = check_fit(names, fit, self.thresholds)
        checks += self._errors([gated] if others is None else [gated, others])
        shown = [check for check in checks if check.check not in _COUNTED or _is_broken(check)]
        return Decision(not any(map(_is_broken, checks)), "; ".join(map(_in_words, shown)))

    def _errors(self, drawn: Sequence[Scalars]) -> list[Check]:
        """Return a check of the Monte Carlo errors of each named variable."""
        return [_error_check(name, limit, drawn) for name, limit in self.mcse.items()]


def _error_check(variable: str, limit: float, drawn: Sequence[Scalars]) -> Check:
    names, numbers = list[str](), list[Numbers]()
    for scalars in drawn:
        columns = [i for i, name in enumerate(scalars.names) if variable_of(name) == variable]
        if columns:
            names += [scalars.names[index] for index in columns]
            numbers.append(by_blocks(_error, scalars.values, columns))
    if not names:
        return judged(_MCSE, Each([variable], np.array([np.nan])), Limit(limit))
    errors, varies = (np.concatenate([n[key] for n in numbers]) for key in ("error", "varies"))
    return judged(_MCSE, Each(names, errors, varies), Limit(limit))


def _error(draws: Floats) -> Numbers:
    """Return the Monte Carlo error of each mean, and which columns have one to be judged."""
    first = draws[:, :1, :1]
    varies = ~((draws == first).all((1, 2)) | np.isnan(draws).all((1, 2)))
    return {"error": monte_carlo_errors(Block.of(draws))[0], "varies": varies}


def _is_broken(check: Check) -> bool:
    return check.verdict != PASS


def _in_words(check: Check) -> str:
    """Return what a check has measured and where, and its threshold where it is broken."""
    row = _ROWS[check.check]
    if check.check in _COUNTED:
        return f"{row.words}: {listed(check.where)}"
    where = f" of {check.where[0]}" if check.where else ""
    if check.value is None or check.threshold is None:
        return f"{row.words}{where} cannot be computed"
    value, limit = _apart(check.value, check.threshold)
    if not _is_broken(check):
        return f"{row.words} {value}{where}"
    return f"{row.words} {value}{where}, not {'≥' if row.worse == 'smaller' else '≤'} {limit}"


def _apart(value: float, limit: float) -> tuple[str, str]:
    """Return two numbers with as many digits as tell on which side of the other each is."""
    limit_words = number(limit)
    for digits in range(4, 17):
        shown = f"{value:.{digits}g}"
        if (float(shown) > limit, float(shown) < limit) == (value > limit, value < limit):
            return shown, limit_words
    return repr(value), limit_words
