"""Conjugate families, by NUTS and exactly, against SciPy's distributions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.gallery.results import DATA, ERRORS, Run, answers, meets, slow, summary, verdict

pytestmark = [pytest.mark.stan, slow]


@cache
def table(name: str) -> pd.DataFrame:
    """Return a table of the gallery."""
    return pd.read_csv(DATA / f"{name}.csv")


def plants(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the posterior of the share of round seeds, of a uniform prior."""
    return {"theta": stats.beta(1 + rows["round"].sum(), 1 + rows["angular"].sum())}


def kicks(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the posterior of the rate, of an exponential prior."""
    return {"lambda": stats.gamma(1 + rows["deaths"].sum(), scale=1 / (1 + len(rows)))}


def light(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the posterior of mean and variance, by the mean and the sum of squares about it."""
    y, n = rows["speed"], len(rows)
    weight, shape = 0.01 + n, 2 + n / 2
    mean = (0.01 * 500 + y.sum()) / weight
    between = 0.01 * n / weight * (y.mean() - 500) ** 2
    scale = 10000 + (((y - y.mean()) ** 2).sum() + between) / 2
    return {
        "mu": stats.t(2 * shape, mean, np.sqrt(scale / shape / weight)),
        "sigma2": stats.invgamma(shape, scale=scale),
    }


def schools() -> dict[str, Any]:
    """Return the posterior of the common effect: precisions add."""
    rows = pd.read_csv(DATA.parent / "eight_schools.csv")
    precision = 15**-2 + (rows["se"] ** -2.0).sum()
    mean = (rows["effect"] / rows["se"] ** 2).sum() / precision
    return {"mu": stats.norm(mean, precision**-0.5)}


def seeds() -> dict[str, Any]:
    """Return the posterior of each share: the margins of a Dirichlet distribution are betas."""
    counts = 1 + table("pea_seeds").iloc[0].to_numpy()
    return {f"theta[{k}]": stats.beta(c, counts.sum() - c) for k, c in enumerate(counts, 1)}


FITS: Mapping[str, tuple[str, str, Any]] = {
    "plants": ("plants/plants/binomial/nuts", "plants/plants/beta_binomial/exact", plants),
    "kicks": ("kicks/kicks/poisson/nuts", "kicks/kicks/gamma_poisson/exact", kicks),
    "schools": ("schools/schools/normal_known_sd/nuts", "schools/schools/normal_normal/exact", 0),
    "light": ("light/light/normal/nuts", "light/light/normal_inverse_gamma/exact", light),
    "seeds": ("seeds/seeds/multinomial/nuts", "seeds/seeds/dirichlet_multinomial/exact", 0),
}


def posterior(name: str) -> dict[str, Any]:
    """Return the exact posteriors of an analysis, by parameter."""
    tables = {"plants": "pea_plants", "kicks": "horse_kicks", "light": "light"}
    if name in tables:
        exact: dict[str, Any] = FITS[name][2](table(tables[name]))
        return exact
    return {"schools": schools, "seeds": seeds}[name]()


def rows_of(fit: Any, names: list[str]) -> pd.DataFrame:
    """Return the rows of a summary by Stan's names of parameters."""
    return pd.read_csv(fit / "summary.csv", index_col="variable").loc[names]


@pytest.mark.parametrize("name", FITS)
def test_a_family_by_sampling_and_exactly(run: Run, name: str) -> None:
    """NUTS meets each posterior within its errors; `conjugate` has its moments and its HDI."""
    results, exact = run("conjugate"), posterior(name)
    names = [p for p in exact if p != "sigma2"]
    means, sds = ([getattr(exact[p], m)() for p in names] for m in ("mean", "std"))
    sampled, known, _ = FITS[name]
    assert verdict(results / sampled) == verdict(results / known) == "pass"
    assert meets(rows_of(results / sampled, names), means, sds)
    table = rows_of(results / known, names)
    np.testing.assert_allclose(table["mean"], means, rtol=1e-12)
    np.testing.assert_allclose(table["sd"], sds, rtol=1e-10)
    for parameter in names:
        lower, upper = table.loc[parameter, ["hdi90_lower", "hdi90_upper"]]
        law = exact[parameter]
        assert law.cdf(upper) - law.cdf(lower) == pytest.approx(0.9, rel=1e-8)
        assert law.pdf(lower) == pytest.approx(law.pdf(upper), rel=1e-4)


def test_scatter_of_light_is_that_of_an_inverse_gamma(run: Run) -> None:
    """The mean of sigma is by quadrature; that of sigma2 is closed."""
    results, law = run("conjugate"), posterior("light")["sigma2"]
    mean = law.expect(np.sqrt, lb=0)
    sampled, known, _ = FITS["light"]
    assert rows_of(results / known, ["sigma"])["mean"].item() == pytest.approx(mean, rel=1e-7)
    row = rows_of(results / sampled, ["sigma"]).iloc[0]
    assert abs(row["mean"] - mean) < ERRORS * row["mcse_mean"]


def test_answers_of_the_families_are_the_exact_ones(run: Run) -> None:
    """Of both methods, each with its error: e to the minus rate, and a tail of Student's t."""
    results = run("conjugate")
    rate = posterior("kicks")["lambda"]
    shape, scale = rate.args[0], rate.kwds["scale"]
    speed = posterior("light")["mu"]
    for method in ("nuts", "exact"):
        row = answers(results, "kicks", method).loc["A year without one"].iloc[0]
        assert abs(row["value"] - (1 + scale) ** -shape) < ERRORS * row["mcse"]
        row = answers(results, "light", method).loc["Speed above 299 000"].iloc[0]
        assert abs(row["value"] - speed.mean()) < ERRORS * row["mcse"]
        assert answers(results, "light", method).loc["Above the true 734.5 km/s"].iloc[0][
            "value"
        ] == pytest.approx(speed.sf(734.5), abs=1e-3)


@pytest.mark.parametrize(
    ("name", "fit", "source", "column", "cuts"),
    [
        ("plants", "plants_as_they_come/plants_1_to_3/stream_of_plants", plants, "plant", (3, 6)),
        (
            "kicks",
            "kicks_as_they_come/kicks_1875/stream_of_years",
            kicks,
            "year",
            (1879, 1884, 1889),
        ),
        (
            "light",
            "light_as_it_comes/light_1/stream_of_experiments",
            light,
            "experiment",
            range(1, 5),
        ),
    ],
)
def test_batches_as_they_come_are_the_whole(
    run: Run, name: str, fit: str, source: Any, column: str, cuts: Any
) -> None:
    """After each batch the posterior is that of the rows until then; the last is all at once."""
    results = run("conjugate")
    rows = table({"plants": "pea_plants", "kicks": "horse_kicks", "light": "light"}[name])
    content = json.loads((results / fit / "exact/diagnostics.json").read_text())
    parts = [*(rows[rows[column] <= cut] for cut in cuts), rows]
    assert len(content["updates"]) == len(parts)
    parameter = next(iter(source(rows)))
    for update, part in zip(content["updates"], parts, strict=True):
        law, shown = source(part)[parameter], update["parameters"][parameter]
        np.testing.assert_allclose(
            [shown["mean"], shown["sd"], shown["q5"], shown["q95"]],
            [law.mean(), law.std(), law.ppf(0.05), law.ppf(0.95)],
            rtol=1e-8,
        )
    whole = (results / FITS[name][1] / "summary.csv").read_bytes()
    assert (results / fit / "exact/summary.csv").read_bytes() == whole


def test_the_share_of_quiet_years_is_that_of_a_poisson_law(run: Run) -> None:
    """What the page says: 144 of 280 were without a death, and the answer's interval holds that."""
    row = answers(run("conjugate"), "kicks", "nuts").loc["A year without one"].iloc[0]
    assert row["lower"] < (table("horse_kicks")["deaths"] == 0).mean() < row["upper"]


def test_the_summary_of_a_stream_has_no_errors(run: Run) -> None:
    """Nothing of it is estimated from draws."""
    fit = run("conjugate") / "kicks_as_they_come/kicks_1875/stream_of_years/exact"
    assert summary(fit)[["mcse_mean", "rhat"]].isna().all(axis=None)
