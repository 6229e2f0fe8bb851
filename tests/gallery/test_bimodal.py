"""A posterior with two modes, against its density by quadrature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from tests.gallery.results import DATA, ERRORS, Run, answers, slow, summary, verdict

pytestmark = pytest.mark.stan

BELOW = "The mass is below its nominal value"


class Modes:
    """The exact posterior: a normal prior, and Student's t about the mass for each reading."""

    def __init__(self) -> None:
        y = pd.read_csv(DATA / "balances.csv")["deviation"].to_numpy()

        def density(mu: float) -> float:
            terms = stats.t(2, mu, 0.15).logpdf(y).sum() + stats.norm(0, 2).logpdf(mu)
            return float(np.exp(terms + 20))  # of the size of one

        def moment(power: int, lower: float, upper: float) -> float:
            points = [p for p in (-1, 1) if lower < p < upper]
            return float(
                integrate.quad(
                    lambda mu: mu**power * density(mu), lower, upper, points=points, limit=400
                )[0]
            )

        whole = moment(0, -8, 8)
        self.below = moment(0, -8, 0) / whole
        self.mean = moment(1, -8, 8) / whole
        self.sd = float(np.sqrt(moment(2, -8, 8) / whole - self.mean**2))
        self.mean_of_mode = {
            "below": moment(1, -8, 0) / moment(0, -8, 0),
            "above": moment(1, 0, 8) / moment(0, 0, 8),
        }
        self.density = density


@pytest.fixture(scope="module")
def modes() -> Modes:
    return Modes()


@pytest.fixture
def fits(run: Run) -> Path:
    return run("bimodal") / "bimodal/balances/location"


def failed(fit: Path) -> set[str]:
    """Return the checks that a fit failed."""
    content = json.loads((fit / "diagnostics.json").read_text())
    return {check["check"] for check in content["checks"] if check["verdict"] == "fail"}


@slow
def test_chains_in_two_modes_are_caught_by_rhat(run: Run, fits: Path) -> None:
    """R-hat and ESS fail and nothing else does; no answer is given, and the run goes on."""
    assert failed(fits / "nuts") == {"rhat", "ess_bulk", "ess_tail"}
    assert answers(run("bimodal"), "bimodal", "nuts")["value"].isna().all()


@slow
def test_chains_that_agree_by_chance_pass_and_are_wrong(run: Run, fits: Path, modes: Modes) -> None:
    """Four chains in one mode pass every check, with the mean of that mode alone.

    This is what no check of chains can see; its probability is nowhere near the truth.
    """
    assert verdict(fits / "alike") == "pass"
    row = summary(fits / "alike").loc["mu"]
    side = "below" if row["mean"] < 0 else "above"
    assert abs(row["mean"] - modes.mean_of_mode[side]) < ERRORS * row["mcse_mean"]
    value = answers(run("bimodal"), "bimodal", "alike").loc[BELOW].iloc[0]["value"]
    assert abs(value - modes.below) > 0.2


@slow
def test_several_starts_of_an_approximation_see_both_modes(fits: Path) -> None:
    """Laplace's starts reach two modes, which is a warning; Pathfinder's paths differ."""
    laplace = json.loads((fits / "laplace/diagnostics.json").read_text())
    warned = {check["check"] for check in laplace["checks"] if check["verdict"] == "warn"}
    assert "modes" in warned
    pathfinder = json.loads((fits / "pathfinder/diagnostics.json").read_text())
    verdicts: dict[str, Any] = {c["check"]: c["verdict"] for c in pathfinder["checks"]}
    assert verdicts["path_difference"] == "fail"


@slow
def test_tempering_gives_each_mode_its_share(run: Run, fits: Path, modes: Modes) -> None:
    """Mean, sd and the share of each mode are those of the density by quadrature.

    It warns, because it is not where the chains are that agreed by chance.
    """
    tempering = json.loads((fits / "tempering/diagnostics.json").read_text())
    verdicts = {check["check"]: check["verdict"] for check in tempering["checks"]}
    assert verdicts.pop("nuts_difference") == "warn"
    assert set(verdicts.values()) == {"pass", "skipped"}
    row = summary(fits / "tempering").loc["mu"]
    assert abs(row["mean"] - modes.mean) < ERRORS * row["mcse_mean"]
    assert abs(row["sd"] - modes.sd) < ERRORS * row["mcse_sd"]
    answer = answers(run("bimodal"), "bimodal", "tempering").loc[BELOW].iloc[0]
    assert abs(answer["value"] - modes.below) < ERRORS * answer["mcse"]
