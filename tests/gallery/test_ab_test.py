"""An A/B test, against beta distributions by quadrature."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from tests.gallery.results import DATA, ERRORS, Run, answers, meets, slow, summary

pytestmark = pytest.mark.stan


def posteriors() -> dict[str, Any]:
    """Return the exact posterior of each version of the page."""
    sums = pd.read_csv(DATA / "ab_test.csv").groupby("version")[["visitors", "buyers"]].sum()
    return {v: stats.beta(1 + r.buyers, 1 + r.visitors - r.buyers) for v, r in sums.iterrows()}


@slow
def test_lift_probability_and_expected_loss_are_the_exact_ones(run: Run) -> None:
    """By quadrature of the two betas; the lift's mean by that of an inverse beta.

    The expected loss of A is the mean of what B sells more, where it sells more: the integral over
    x of P(A < x < B). The error of a loss is that of the difference, whose sd is no smaller.
    """
    results, exact = run("ab_test"), posteriors()
    a, b = exact["A"], exact["B"]
    table = answers(results, "ab_test", "nuts")

    def integral(of: Callable[[float], float]) -> float:
        return float(integrate.quad(of, 0, 1, points=[a.mean(), b.mean()], limit=200)[0])

    better = table.loc["B sells better than A"].iloc[0]
    assert abs(better["value"] - integral(lambda x: b.pdf(x) * a.cdf(x))) < ERRORS * better["mcse"]
    lift = table.loc["Lift of B over A"].iloc[0]
    a_a, a_b = a.args
    mean = b.mean() * (a_a + a_b - 1) / (a_a - 1) - 1
    assert abs(lift["value"] - mean) < ERRORS * lift["mcse"]
    content = json.loads((results / "ab_test/answers.json").read_text())
    (asked,) = (a for a in content["answers"] if a["kind"] == "decide")
    ((rows, choice),) = ((fit["rows"], fit["choice"]) for fit in asked["fits"])
    loss = {row["label"]: row["loss"] for row in rows}
    exact_loss = {
        "A": 1000 * integral(lambda x: a.cdf(x) * b.sf(x)),
        "B": 1000 * integral(lambda x: b.cdf(x) * a.sf(x)),
    }
    assert choice["label"] == "B"
    assert abs(choice["difference"] - 1000 * (b.mean() - a.mean())) < ERRORS * choice["mcse"]
    assert all(abs(loss[v] - exact_loss[v]) < ERRORS * choice["mcse"] for v in "AB")


@slow
def test_weeks_as_they_come_are_the_whole(run: Run) -> None:
    """After each week the posterior is the beta of what was seen; the last is that of Stan."""
    results, rows = run("ab_test"), pd.read_csv(DATA / "ab_test.csv")
    whole = summary(results / "ab_test/pages/proportions/nuts")
    for version, exact in posteriors().items():
        small = version.lower()
        fit = results / f"version_{small}/{small}_week_1/stream_of_{small}/exact"
        content = json.loads((fit / "diagnostics.json").read_text())
        means = [update["parameters"]["theta"]["mean"] for update in content["updates"]]
        first = rows[(rows["version"] == version) & (rows["week"] == 1)]
        week = stats.beta(
            1 + first["buyers"].sum(), 1 + (first["visitors"] - first["buyers"]).sum()
        )
        np.testing.assert_allclose(means, [week.mean(), exact.mean()], rtol=1e-12)
        assert meets(whole.loc[[f"theta[version={version}]"]], exact.mean(), exact.std())
