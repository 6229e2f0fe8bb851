"""Logistic regression, against statsmodels and importance sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import xarray as xr
from scipy import stats

from tests.gallery.results import DATA, ERRORS, Run, answers, meets, slow, summary, verdict

pytestmark = pytest.mark.stan

PRIOR_SD = np.array([2.5, 0.1, 1.0, 0.25, 2.0])
SCORED = "The probabilities of these voters"
LABELS = [f"beta[{name}]" for name in ("Intercept", "age", "education", "income", "leaning")]


class Voters:
    """The exact posterior of the gallery's logistic regression, by importance sampling.

    100,000 draws of a Student's t with 10 degrees of freedom about the mode, weighted by posterior
    over proposal. Of five coefficients that are near to normal this has an effective size above
    half of the draws, so that its errors are a seventh of those of a fit, or less.
    """

    def __init__(self) -> None:
        table = pd.read_csv(DATA / "voters.csv")
        predictors = table[["age", "education", "income", "leaning"]]
        self.X = sm.add_constant((predictors - predictors.mean()).to_numpy())
        self.y = table["dole"].to_numpy()
        self.model = sm.Logit(self.y, self.X)
        self.mle = self.model.fit(disp=0)
        rng = np.random.default_rng(20261121)
        proposal = stats.multivariate_t(self.mle.params, 1.2 * self.mle.cov_params(), df=10)
        self.draws = proposal.rvs(100_000, random_state=rng)
        log_weight = self.log_density(self.draws) - proposal.logpdf(self.draws)
        weights = np.exp(log_weight - log_weight.max())
        self.weights = weights / weights.sum()

    def log_density(self, beta: Any) -> Any:
        """Return the unnormalised log density of the posterior, of each row of coefficients."""
        rows = []
        for part in np.array_split(beta, 50):
            eta = part @ self.X.T
            rows.append((self.y * eta - np.logaddexp(0, eta)).sum(axis=1))
        return np.concatenate(rows) + stats.norm(0, PRIOR_SD).logpdf(beta).sum(axis=1)

    def mean(self, values: Any) -> Any:
        """Return the posterior mean of what was computed of each draw."""
        return self.weights @ values

    @property
    def sd(self) -> Any:
        """The posterior sds of the coefficients."""
        return np.sqrt(self.mean((self.draws - self.mean(self.draws)) ** 2))


@pytest.fixture(scope="module")
def voters() -> Voters:
    """The exact posterior."""
    exact = Voters()
    assert 1 / (exact.weights**2).sum() > 50_000
    return exact


@slow
@pytest.mark.parametrize("form", ["glm", "plain"])
def test_both_forms_of_a_logistic_regression_are_exact(run: Run, voters: Voters, form: str) -> None:
    """Means and sds of both programs are those of importance sampling, within their errors.

    4,000 draws of a chain have at most 5,000 effective ones, a tenth of those of the oracle, whose
    own error adds a twentieth to theirs: 4 errors stand for 3.8.
    """
    fit = run("logistic") / f"logistic/voters/{form}/nuts"
    assert verdict(fit) == "pass"
    assert meets(summary(fit).loc[LABELS], voters.mean(voters.draws), voters.sd)


@slow
def test_a_logistic_regression_is_the_maximum_likelihood_of_statsmodels(
    run: Run, voters: Voters
) -> None:
    """The mode is where the score of statsmodels is the prior's pull; the mean is near the MLE.

    At the mode the gradient of the likelihood is beta / sd² of the prior, to a hundredth of a
    standard error, which is what the check of convergence asks for. The mean is the MLE, one Newton
    step for the prior, and half of the third derivative's pull: exact to terms in 1 / N² of a
    standard error's size, for which a fiftieth of one is allowed.
    """
    results = run("logistic") / "logistic/voters/glm"
    point = summary(results / "map").loc[LABELS]
    mode, covariance = point["estimate"].to_numpy(), voters.mle.cov_params()
    rest = covariance @ (voters.model.score(mode) - mode / PRIOR_SD**2)
    assert (np.abs(rest) < voters.mle.bse / 100).all()
    p = voters.model.predict(voters.mle.params)
    leverage = np.einsum("np,pq,nq->n", voters.X, covariance, voters.X)
    third = -(p * (1 - p) * (1 - 2 * p))
    pulled = voters.mle.params - covariance @ (voters.mle.params / PRIOR_SD**2)
    mean = pulled + covariance @ (voters.X.T @ (third * leverage)) / 2
    table = summary(results / "nuts").loc[LABELS]
    allowed = ERRORS * table["mcse_mean"] + voters.mle.bse / 50
    assert ((table["mean"] - mean).abs() < allowed).all()


@slow
def test_answers_of_a_logistic_regression_are_the_exact_ones(run: Run, voters: Voters) -> None:
    """Odds ratios, a probability, and a difference of predicted probabilities."""
    table = answers(run("logistic"), "logistic", "nuts")
    table = table[table["model"] == "glm"]
    draws = voters.draws
    inverse = stats.logistic.cdf
    exact = {
        "Odds ratio of a step to the right": np.exp(draws[:, 4]),
        "Odds ratio of ten years of age": np.exp(10 * draws[:, 1]),
        "Education goes with votes for Dole": draws[:, 2] > 0,
        "An average voter votes for Dole": inverse(draws[:, 0]),
        "More probable a step right of the average than a step left, by": inverse(
            draws[:, 0] + draws[:, 4]
        )
        - inverse(draws[:, 0] - draws[:, 4]),
    }
    assert {name for name, _ in table.index} == {*exact, SCORED}
    for name, values in exact.items():
        row = table.loc[name].iloc[0]
        assert abs(row["value"] - voters.mean(values)) < ERRORS * row["mcse"], name


@slow
def test_scores_of_voters_are_those_of_the_exact_probabilities(run: Run, voters: Voters) -> None:
    """Accuracy, log score and Brier score of the means over the weighted draws of the oracle."""
    table = answers(run("logistic"), "logistic", "nuts")
    table = table[table["model"] == "glm"].loc[SCORED]
    parts = zip(np.array_split(voters.draws, 50), np.array_split(voters.weights, 50), strict=True)
    p = sum(weights @ stats.logistic.cdf(draws @ voters.X.T) for draws, weights in parts)
    of_class = np.where(voters.y == 1, p, 1 - p)
    assert table.loc["accuracy", "value"] == pytest.approx((of_class > 0.5).mean(), abs=1e-12)
    scores = {"log score": np.log(of_class), "Brier score": 2 * (1 - of_class) ** 2}
    for name, exact in scores.items():
        row = table.loc[name]
        assert abs(row["value"] - exact.mean()) < ERRORS * row["mcse"], name


@slow
def test_predicted_probabilities_of_voters_come_true(run: Run) -> None:
    """Replications are drawn with the probabilities of the model, as many ones as were observed.

    By tenths of the predicted probability, the share of ones lies within 4 errors of it. The
    picture of it is drawn, and is not the one that says why it could not be.
    """
    fit = run("logistic") / "logistic/voters/glm/nuts"
    draws = xr.open_datatree(fit / "draws.nc", engine="h5netcdf")
    predicted = draws["posterior_predictive"]["y"].mean(["chain", "draw"]).to_numpy()
    observed = draws["observed_data"]["y"].to_numpy()
    for rows in np.array_split(np.argsort(predicted), 10):
        p = predicted[rows]
        error = np.sqrt((p * (1 - p)).sum()) / len(rows)
        assert abs(observed[rows].mean() - p.mean()) < ERRORS * error
    assert '"because": null' in (fit / "plots/plot_ppc_pava.json").read_text()
