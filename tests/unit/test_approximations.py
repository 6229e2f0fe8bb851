"""An approximation from its CSV to draws, summary and verdict: resampled where k̂ allows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from stanchion.draws.files import read_group, read_proposal
from stanchion.errors import ChainError
from tests.unit.draws_cases import variables
from tests.unit.steps_cases import (
    Y,
    approximate,
    chain,
    collect,
    diagnose,
    fit,
    predict,
    read_csv,
)

MEAN, SD = 12 * Y.mean() / 12.01, 12.01**-0.5
"""The posterior of the mean of twelve values with sd 1, under a normal(0, 10) prior."""
SIZE = 2000


def drawn(shift: float = 0.5, scale: float = 1.0, seed: int = 1, size: int = SIZE) -> Any:
    """Draw mu from a normal distribution off the posterior by so many sds, and so much wider."""
    rng = np.random.default_rng(seed)
    standard = rng.normal(size=size)
    mu = MEAN + SD * (shift + scale * standard)
    density = -0.5 * np.log(2 * np.pi) - 0.5 * (Y - mu[:, None]) ** 2
    replicated = rng.normal(mu[:, None], 1, size=(size, len(Y)))
    return {
        "log_p__": -0.5 * ((mu - MEAN) / SD) ** 2,
        "log_g__": -0.5 * standard**2,
        "mu": mu,
        "twice": 2 * mu,
        **{f"log_lik.{index + 1}": density[:, index] for index in range(len(Y))},
        **{f"y_rep.{index + 1}": replicated[:, index] for index in range(len(Y))},
        **{f"y_new.{index}": rng.normal(mu, 1) + index for index in (1, 2)},
    }


def rows(folder: Path) -> dict[str, dict[str, float]]:
    """Return the summary by variable, an empty field as NaN."""
    return {
        row["variable"]: {
            n: float(v or "nan") for n, v in row.items() if n not in ("variable", "label")
        }
        for row in read_csv(folder / "summary.csv")
    }


def check(result: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a check of diagnostics.json by name."""
    return next(entry for entry in result["checks"] if entry["check"] == name)


def test_an_approximation_that_collapsed_to_a_point_fails(tmp_path: Path) -> None:
    """Where the optimiser ran off all draws are alike, log_q is noise, and k̂ is good by chance."""
    columns = drawn()
    columns |= {name: np.full(SIZE, -128.4) for name in ("mu", "twice", "log_p__")}
    columns["log_g__"] = np.random.default_rng(1).uniform(-1, 0, SIZE)
    approximate(tmp_path, columns)
    diagnostics = diagnose(tmp_path, method="advi")
    assert check(diagnostics, "khat")["verdict"] == "pass"
    assert (diagnostics["verdict"], check(diagnostics, "constant")["where"]) == ("fail", ["mu"])


def test_draws_that_khat_licenses_are_resampled(tmp_path: Path) -> None:
    """Half an sd off, with a good k̂: every group and the summary are then the posterior's.

    The raw mean is 0.5 sd off, 22 of its standard errors of sd/√2000; the summary's mean and sd lie
    within 4 of the Monte Carlo errors that stand beside them.
    """
    columns = drawn()
    draws = approximate(tmp_path, columns)
    assert columns["mu"].mean() - MEAN > 0.4 * SD
    row = rows(tmp_path)["mu"]
    assert abs(row["mean"] - MEAN) < 4 * row["mcse_mean"] < 0.2 * SD
    assert abs(row["sd"] - SD) < 4 * row["mcse_sd"]
    assert np.isnan(row["rhat"]) and 500 < row["ess_bulk"] < SIZE
    posterior = read_group(tmp_path / "draws.nc", "posterior")["mu"]
    assert posterior.shape == (1, SIZE)
    assert row["mean"] == pytest.approx(posterior.mean(), rel=1e-12)
    assert set(posterior.ravel()) < set(columns["mu"])
    lik = read_group(tmp_path / "draws.nc", "log_likelihood")["y"]
    expected = -0.5 * np.log(2 * np.pi) - 0.5 * (Y[0] - posterior) ** 2
    np.testing.assert_allclose(lik[:, :, 0], expected, rtol=1e-12)
    assert draws.notes["weighting"]["scheme"] == "systematic resampling"
    diagnostics = diagnose(tmp_path, method="advi")
    assert (diagnostics["verdict"], diagnostics["weighting"]) == ("pass", "resampled")
    assert "draws are distinct" in diagnostics["weighting_because"]


def test_the_proposal_holds_what_was_drawn(tmp_path: Path) -> None:
    """Raw draws in their order without the mean, both log densities, normalised log weights.

    The weighted mean and the resampled differ by what resampling leaves to chance, at most
    sd/√(4 · 2000); 4 times that is allowed.
    """
    columns = drawn()
    approximate(tmp_path, columns)
    raw = read_group(tmp_path / "draws.nc", "proposal")
    np.testing.assert_array_equal(raw["mu"][0], columns["mu"])
    np.testing.assert_array_equal(raw["log_p"][0], columns["log_p__"])
    np.testing.assert_array_equal(raw["log_q"][0], columns["log_g__"])
    assert raw["y_rep"].shape == (1, SIZE, len(Y))
    weights = np.exp(raw["log_weight"][0])
    assert weights.sum() == pytest.approx(1)
    mean = (weights * columns["mu"]).sum()
    assert mean == pytest.approx(rows(tmp_path)["mu"]["mean"], abs=4 * SD / np.sqrt(4 * SIZE))
    tree = xr.open_datatree(tmp_path / "draws.nc", engine="h5netcdf")
    assert tree["posterior"].attrs["weighting"] == "resampled"
    assert tree["proposal"]["log_lik"].dims == ("chain", "draw", "obs")


def test_loo_of_an_approximation_has_what_it_needs(tmp_path: Path) -> None:
    """ArviZ's loo_approximate_posterior takes the proposal, and finds the exact elpd within 0.1.

    Leaving out y_i, it is Normal(mean, 1 + 1/(11 + 0.01)) in closed form.
    """
    import arviz_stats

    approximate(tmp_path, drawn())
    raw = read_proposal(tmp_path / "draws.nc")
    assert raw is not None and raw.log_likelihood is not None
    group = xr.Dataset({"y": (("chain", "draw", "obs"), raw.log_likelihood)})
    tree = xr.DataTree.from_dict({"log_likelihood": group, "posterior": xr.Dataset()})
    result = arviz_stats.loo_approximate_posterior(tree, raw.log_p, raw.log_q)
    mean, variance = (Y.sum() - Y) / 11.01, 1 + 1 / 11.01
    exact = -0.5 * np.log(2 * np.pi * variance) - 0.5 * (Y - mean) ** 2 / variance
    assert result.elpd == pytest.approx(exact.sum(), abs=0.1)
    assert read_proposal(fit(tmp_path / "nuts") / "draws.nc") is None


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (drawn(scale=0.3), "is above 0.69"),
        (drawn(size=25), "k̂"),
        (drawn() | {"log_p__": np.full(SIZE, np.nan)}, "not finite"),
        (drawn() | {"log_p__": np.zeros(SIZE), "log_g__": np.zeros(SIZE)}, "cannot be estimated"),
    ],
    ids=["too narrow", "too few", "NaN", "ties"],
)
def test_draws_that_khat_does_not_license_stay_raw(tmp_path: Path, columns: Any, why: str) -> None:
    """They are labelled `unweighted` with the reason, have no errors, and fail."""
    draws = approximate(tmp_path, columns)
    path = tmp_path / "draws.nc"
    np.testing.assert_array_equal(read_group(path, "posterior")["mu"][0], columns["mu"])
    tree = xr.open_datatree(path, engine="h5netcdf")
    for group in ("posterior", "posterior_predictive", "predictions", "log_likelihood"):
        assert tree[group].attrs["weighting"] == "unweighted"
    assert "proposal" in tree.children
    row = rows(tmp_path)["mu"]
    assert np.isnan([row[n] for n in ("mcse_mean", "mcse_sd", "ess_bulk", "ess_tail")]).all()
    diagnostics = diagnose(tmp_path, method="advi")
    assert (diagnostics["verdict"], diagnostics["weighting"]) == ("fail", "unweighted")
    assert why in diagnostics["weighting_because"]
    assert draws.notes["weighting"]["weighting"] == "unweighted"


def test_resampling_can_be_turned_off(tmp_path: Path) -> None:
    """`resample: false` leaves the draws raw: a good k̂ does not pass them, and why is said."""
    columns = drawn()
    approximate(tmp_path, columns, resample=False)
    raw = read_group(tmp_path / "draws.nc", "posterior")["mu"][0]
    np.testing.assert_array_equal(raw, columns["mu"])
    diagnostics = diagnose(tmp_path, method="advi")
    assert (diagnostics["verdict"], diagnostics["weighting"]) == ("warn", "unweighted")
    assert diagnostics["weighting_because"] == "declared by `resample: false`"
    assert "not weighted" in check(diagnostics, "khat")["note"]


def test_the_seed_decides_and_nothing_else(tmp_path: Path) -> None:
    """The same seed gives the same bytes; another moves the offset, and so a few draws."""
    contents = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        approximate(tmp_path / name, drawn(), seed=seed)
        contents.append((tmp_path / name / "draws.nc").read_bytes())
    assert contents[0] == contents[1] != contents[2]


def test_predictions_and_checks_are_of_the_resampled(tmp_path: Path) -> None:
    """The prediction of a row is centred on the posterior's mean, within 4 of its errors."""
    approximate(tmp_path, drawn(shift=1.0))
    diagnose(tmp_path, method="advi")
    predictive = predict(tmp_path)
    prediction = predictive["predictions"]["rows"][0]
    assert prediction["mean"] == pytest.approx(MEAN + 1, abs=4 * np.sqrt(1.1 / 500))
    assert predictive["statistics"][0]["replicated_mean"] == pytest.approx(MEAN, abs=0.1)


def test_the_difference_from_nuts_is_a_check_of_its_own(tmp_path: Path) -> None:
    """Raw draws one sd off get a warning with place and size; resampled ones pass."""
    nuts = fit(tmp_path / "nuts", centre=MEAN)
    approximate(tmp_path / "raw", drawn(shift=1.0), resample=False)
    row = check(diagnose(tmp_path / "raw", "advi", [nuts]), "nuts_difference")
    assert (row["verdict"], row["threshold"]) == ("warn", 0.5)
    assert row["value"] == pytest.approx(1.0, abs=0.1)
    assert set(row["where"]) == {"mu", "twice"} and row["note"] == "in standard deviations of nuts"
    approximate(tmp_path / "good", drawn(shift=1.0))
    diagnostics = diagnose(tmp_path / "good", "advi", [nuts])
    assert (diagnostics["verdict"], check(diagnostics, "nuts_difference")["verdict"]) == (
        "pass",
        "pass",
    )


def test_the_first_nuts_fit_that_passes_is_the_reference(tmp_path: Path) -> None:
    """One that fails is passed over, one that warns stands in where none passes."""
    good = fit(tmp_path / "good", centre=MEAN)
    few, bad = tmp_path / "few", tmp_path / "bad"
    collect(few, [chain(seed, centre=MEAN) for seed in range(1, 4)])
    assert diagnose(few)["verdict"] == "warn"
    collect(bad, [chain(1), chain(2), chain(3), chain(4, centre=3.0)])
    assert diagnose(bad)["verdict"] == "fail"
    approximate(tmp_path / "advi", drawn())
    for references, name in (([bad, few, good], "good"), ([bad, few], "few")):
        diagnostics = diagnose(tmp_path / "advi", "advi", references)
        note = check(diagnostics, "nuts_difference")["note"]
        assert note == f"in standard deviations of {name}"
    diagnostics = diagnose(tmp_path / "advi", "advi", [bad])
    row = check(diagnostics, "nuts_difference")
    assert (row["verdict"], row["value"], diagnostics["verdict"]) == ("skipped", None, "pass")
    assert row["note"] == "not computed, because bad did not pass its checks"
    diagnostics = diagnose(tmp_path / "advi", "advi")
    assert "nuts_difference" not in [entry["check"] for entry in diagnostics["checks"]]


def test_a_program_may_use_the_proposals_names(tmp_path: Path) -> None:
    """Its own `log_p` stands in the proposal as `log_p_`, and everywhere else under its name."""
    columns = {n: v for n, v in drawn().items() if n in ("log_p__", "log_g__", "mu")}
    columns["log_p"] = columns["mu"] + 1
    declared = variables(parameters="real mu; real log_p")
    approximate(tmp_path, columns, variables=declared, observed=None, replicated=None,
                predicted=None)  # fmt: skip
    raw = read_group(tmp_path / "draws.nc", "proposal")
    np.testing.assert_array_equal(raw["log_p"][0], columns["log_p__"])
    np.testing.assert_array_equal(raw["log_p_"][0], columns["log_p"])
    assert "log_p" in read_group(tmp_path / "draws.nc", "posterior")


def test_an_output_without_log_densities_is_refused(tmp_path: Path) -> None:
    """In a sentence."""
    columns = {n: v for n, v in drawn().items() if n != "log_g__"}
    with pytest.raises(ChainError, match="no column log_g__"):
        approximate(tmp_path, columns)


def test_the_record_is_json(tmp_path: Path) -> None:
    """What is noted can be written even where k̂ is none."""
    draws = approximate(tmp_path, drawn() | {"log_p__": np.full(SIZE, np.nan)})
    json.dumps(draws.notes, allow_nan=False)


def test_there_is_no_loo_pit_of_unweighted_draws(tmp_path: Path) -> None:
    """Their predictive distribution is not the posterior's; of resampled ones there is one."""
    for name, resample, result in (("raw", False, False), ("good", True, True)):
        approximate(tmp_path / name, drawn(), resample=resample)
        diagnose(tmp_path / name, method="advi")
        predictive = predict(tmp_path / name)
        assert (predictive["loo_pit"] is not None) is result
        assert result or "unweighted" in predictive["loo_pit_because"]


def test_diagnostics_say_of_the_draws_only_how_they_are_weighted(tmp_path: Path) -> None:
    """Of what draws.nc says of itself, and of a sampled fit not even that."""
    approximate(tmp_path / "advi", drawn())
    common = {"schema", "verdict", "method", "checks", "notes"}
    weighting = {"weighting", "weighting_because"}
    assert diagnose(tmp_path / "advi", "advi").keys() == common | weighting
    collect(tmp_path / "nuts", [chain(seed) for seed in range(1, 5)])
    assert diagnose(tmp_path / "nuts").keys() == common
