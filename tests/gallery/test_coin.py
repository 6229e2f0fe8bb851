"""A coin, against its beta distribution."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.gallery.results import DATA, Run, meets, summary, verdict

pytestmark = pytest.mark.stan


def test_a_coin_by_nuts_by_advi_and_exactly(run: Run) -> None:
    """All three are the beta distribution with 10 and 10 added to heads and tails."""
    heads = pd.read_csv(DATA / "coin.csv")["heads"]
    exact = stats.beta(10 + heads.sum(), 10 + (1 - heads).sum())
    results = run("coin")
    for method in ("nuts", "advi"):
        fit = results / f"coin/coin/bernoulli/{method}"
        assert verdict(fit) == "pass"
        assert meets(summary(fit).loc[["theta"]], exact.mean(), exact.std())
    row = summary(results / "exact/coin/known/conjugate").loc["theta"]
    np.testing.assert_allclose([row["mean"], row["sd"]], [exact.mean(), exact.std()], rtol=1e-12)
