"""Monte Carlo errors of answers against what twenty runs of NUTS differ by."""

from __future__ import annotations

import cmdstanpy
import numpy as np
import pytest
from scipy.stats import chi2

from stanchion.answers.sample import Sample
from tests.stan.normal import DATA, MEAN
from tests.unit.test_answers_repeated import answers

pytestmark = pytest.mark.stan

RUNS = 20
LOWEST, HIGHEST = np.sqrt(chi2.ppf((0.0005, 0.9995), RUNS - 1) / (RUNS - 1))
"""What the sd over 20 runs is of the true one, in 99.9 % of cases: 0.51 to 1.56."""


def test_runs_of_nuts_differ_by_their_errors(model: cmdstanpy.CmdStanModel) -> None:
    """The sd of each answer over 20 runs is its mean error, within what 20 runs can say.

    As of made-up draws: (R − 1) s² / σ² is χ² with R − 1 degrees of freedom, and another 10 % is
    left to effective sample sizes that are estimated from 4 × 250 draws. The three quantities are
    combinations of mean and scale, the last one the largest on average.
    """
    every = []
    for run in range(RUNS):
        fit = model.sample(
            DATA,
            chains=4,
            iter_warmup=300,
            iter_sampling=250,
            adapt_delta=0.95,
            seed=500 + run,
            show_progress=False,
        )
        mean, scale = (
            fit.stan_variable(name).reshape(4, 250) - shift
            for name, shift in (("mu", MEAN), ("sigma", 0.8))
        )
        values = np.stack([mean, scale - 0.1, scale + 0.5 * mean + 0.8], axis=2)
        every.append(answers(Sample(values, ess=1000.0)))
    for name in every[0]:
        points, errors = np.array([answer[name] for answer in every]).T
        ratio = points.std(ddof=1) / np.sqrt(np.mean(errors**2))
        assert LOWEST * 0.9 < ratio < HIGHEST * 1.1, (name, ratio)
