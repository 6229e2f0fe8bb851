"""The catalogue of checks: what every row must say, and what no row may let pass."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from stanchion.checks import measures
from stanchion.checks.agreement import Reference, agreement
from stanchion.checks.catalogue import (
    ATTEMPTS,
    CHECKS,
    OF_COMPARISONS,
    OF_FITS,
    OF_PRIORS,
    figures,
    prior_thresholds,
    thresholds,
)
from stanchion.checks.gate import Limit, check_fit, check_prior, judged
from stanchion.checks.numbers import FitNumbers, Generated, Sampler, Source
from stanchion.checks.row import Each, Row, Size, Threshold, Value
from stanchion.checks.scan import scan
from stanchion.checks.switch import Switch
from stanchion.checks.verdicts import GRAVEST_FIRST, MARKS, VERDICTS
from stanchion.config import Analysis, Checks, Waiver, resolved_checks
from stanchion.draws.columns import Span
from stanchion.methods.catalogue import METHODS
from stanchion.methods.nuts import Nuts
from stanchion.report.reading import Check
from stanchion.report.wording import check_view, limit, shown
from tests.project import ROOT
from tests.unit.test_methods import REQUIRED

ROWS = list(CHECKS.values())
SIZE = Size(chains=4, draws=1000)
TALKATIVE = Sampler(*(np.zeros((4, 1000), dtype=kind) for kind in (bool, float, bool)))


@pytest.mark.parametrize("row", ROWS, ids=list(CHECKS))
def test_every_row_has_words_a_source_and_advice(row: Row[Any]) -> None:
    """Who reads a verdict learns what was looked at, on whose authority, and what to try."""
    assert row.words and row.source
    assert row.advice.endswith(".") and len(row.advice) > 40
    assert row.gravest in ("warn", "fail")
    assert shown(row.name, 0.5, 0.25) and limit(row.name, 0.25)


@pytest.mark.parametrize("name", ["converged", "generated"])
def test_what_a_check_alone_knows_is_said_without_a_value_too(name: str) -> None:
    """No value is what these rows find where it is worst: what to try stays the same."""
    check = Check(name, nan, 0.0, "", "fail", (), None)
    assert check_view(check, {}).advice == CHECKS[name].advice


def test_a_warning_of_the_source_says_that_it_is_one() -> None:
    """No check failed there, which alone would read as if all were well."""
    warned = SimpleNamespace(source=Source("nuts", "warn", ["rhat"]))
    value = measures.source(cast(FitNumbers, warned))
    assert value == Value(0, ("nuts: rhat",), passed="warn", note="that fit has a warning")


def test_every_check_that_is_named_exists_and_every_row_is_named() -> None:
    """A check that no method, prior or comparison names would never be made."""
    named = {name for method in METHODS.values() for name in method.checks} | {*OF_PRIORS, ATTEMPTS}
    named |= {*Nuts(chains=8, superchains=4).judged_by}
    assert named | {row.name for row in OF_COMPARISONS} == CHECKS.keys()


def test_every_threshold_is_a_documented_key_with_its_default() -> None:
    """The declaration's section is made of the rows, in their order, and the page shows it."""
    fields = Checks.model_fields
    assert list(fields) == ["on_fail", *thresholds()]
    page = (ROOT / "config/README.md").read_text()
    for key, threshold in thresholds().items():
        assert f"| `{key}` |" in page and threshold.meaning in page
        assert fields[key].default == (None if callable(threshold.default) else threshold.default)


def test_what_judges_a_method_is_resolved_and_nothing_else() -> None:
    """A threshold that judges no check of the method is None, so that it enters no key."""
    needed = {"datasets": ["d"], "models": ["m"], "methods": {"nuts": {}}}
    analysis = Analysis.model_validate(needed)
    for name, method in METHODS.items():
        rows = [CHECKS[check].threshold for check in method.checks]
        judging = {entry.key for entry in rows if isinstance(entry, Threshold)}
        resolved = resolved_checks(analysis, method(**REQUIRED.get(name, {})))
        assert {key for key in thresholds() if resolved[key] is not None} == judging


def test_what_may_be_waived_is_what_the_rows_say() -> None:
    """The names that waivers.yaml accepts, documented."""
    (words,) = [
        line.split("|")[2]
        for line in (ROOT / "config/README.md").read_text().splitlines()
        if line.startswith("| `check` |")
    ]
    waivable = [row.name for row in ROWS if row.waivable]
    assert words.strip().split(", ") == waivable
    entry = {"fit": "a/d/m/nuts", "reason": "r", "who": "w", "until": "2026-12-31"}
    for row in ROWS:
        if row.waivable:
            assert Waiver.model_validate({**entry, "check": row.name}).check == row.name
        else:
            with pytest.raises(ValueError, match="check"):
                Waiver.model_validate({**entry, "check": row.name})


@pytest.mark.parametrize("row", ROWS, ids=list(CHECKS))
def test_nan_passes_no_check(row: Row[Any]) -> None:
    """Neither a value nor a threshold that could not be computed, alone or among good ones."""
    good = inf if row.worse == "smaller" else -inf
    bound = Limit(1.0)
    for value, limits in ((nan, bound), (nan, Limit(nan)), (good, Limit(nan))):
        assert judged(row, Value(value), limits).verdict == row.gravest
        assert judged(row, Value(value, broken=False), limits).verdict == row.gravest
        each = Each(["a", "b"], np.array([value, value]))
        assert judged(row, each, limits).verdict == row.gravest
    mixed = Each(["a", "b"], np.array([good, nan]))
    result = judged(row, mixed, bound)
    assert (result.verdict, result.value, result.where) == (row.gravest, None, ("b",))
    assert judged(row, Value(good), bound).verdict == "pass"


def test_what_the_declaration_may_write_is_what_the_check_can_be_held_to() -> None:
    """A share is of a number of draws, a limit by variable of quantities; else nothing passes."""
    numbers = replace(fit_of(np.ones((4, 1000, 2)), 1.0), sampler=TALKATIVE)
    for row in OF_FITS:
        if isinstance(row.threshold, Threshold):
            measured = row.measure(numbers)
            assert row.threshold.form != "share" or getattr(measured, "total", None) == 4000
            assert row.threshold.form != "by_variable" or isinstance(measured, Each)
    share = Limit.of(CHECKS["divergences"], {"divergences": {"share": 0.5}})
    each = Each(["a"], np.array([0.0]))
    assert judged(CHECKS["divergences"], each, share).verdict == "fail"


@pytest.mark.parametrize("row", ROWS, ids=list(CHECKS))
def test_a_value_passes_on_the_good_side_of_its_threshold_only(row: Row[Any]) -> None:
    """The direction that the row says, equality included."""
    worse, better = (1.5, 2.5) if row.worse == "smaller" else (2.5, 1.5)
    verdicts = [judged(row, Value(value), Limit(2.0)).verdict for value in (worse, 2.0, better)]
    assert verdicts == [row.gravest, "pass", "pass"]
    each = [judged(row, Each(["a"], np.array([v])), Limit(2.0)).verdict for v in (worse, 2.0)]
    assert each == [row.gravest, "pass"]


def fit_of(draws: Any, fill: float) -> FitNumbers:
    """Return numbers of a fit by every method at once, of which nothing but `fill` is known."""
    names, shape = ["theta[1]", "theta[2]"], draws.shape[:2]
    return FitNumbers(
        names,
        scan(draws, (Span(0, 2, (2,), sampled=True),)),
        chains=shape[0],
        sampler=Sampler(energy=np.full(shape, fill)),
        generated=Generated([(["y"], np.array([fill]))], used=["y"]),
        khat=fill,
        agreement=agreement(names, draws, Reference("nuts", np.ones(2), np.ones(2))),
        switch=Switch([fill] * 20, [fill] * 20, observations=True),
        nested_rhat=np.full(2, fill),
    )


def test_a_fit_of_nothing_but_nan_passes_no_check_that_reads_numbers() -> None:
    """From the draws to the verdict, of every method; the sampler's silence is no pass either.

    Chains are counted, and `constant` leaves to `finite` what is no number.
    """
    broken = fit_of(np.full((4, 1000, 2), nan), nan)
    limits = {key: threshold.default_of(SIZE) for key, threshold in thresholds().items()}
    passed = {
        check.check
        for names in (
            *(method.checks for method in METHODS.values()),
            Nuts(chains=8, superchains=4).judged_by,
        )
        for check in check_fit(names, broken, limits)
        if check.verdict == "pass"
    }
    assert passed == {"chains", "constant"}
    priors = {check.check: check.verdict for check in check_prior(broken, prior_thresholds(SIZE))}
    passed = {name for name, verdict in priors.items() if verdict == "pass"}
    assert passed == {"chains", "constant"}


def test_the_columns_of_the_first_screen_are_of_rows() -> None:
    """Each check stands in one column at most, and headings differ."""
    shown = [name for names in figures().values() for name in names]
    assert len(shown) == len(set(shown)) and set(shown) <= CHECKS.keys()
    assert len({figure.heading for figure in figures()}) == len(figures())


def test_verdicts_have_one_order_and_each_its_mark() -> None:
    """The gravest first; what was skipped has a mark and no say."""
    assert GRAVEST_FIRST == ("fail", "waived", "warn", "pass")
    assert MARKS.keys() == {*GRAVEST_FIRST, "skipped"}
    assert len({verdict.mark for verdict in VERDICTS}) == len(VERDICTS)


@pytest.mark.parametrize(
    ("check", "threshold", "text"),
    [
        ("rhat", 1.0001, "≤ 1.0001"),
        ("rhat", 1.01, "≤ 1.01"),
        ("ess_bulk", 400.0, "≥ 400"),
        ("khat", 2 / 3, "≤ 0.6667"),
        ("rhat", float("nan"), "–"),
    ],
)
def test_a_declared_limit_stands_as_it_is(check: str, threshold: float, text: str) -> None:
    """An R-hat of 1.002 breaks no limit that reads as 1; computed limits have four digits."""
    assert limit(check, threshold) == text
