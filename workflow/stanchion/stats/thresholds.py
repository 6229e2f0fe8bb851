"""Thresholds from the literature. Imports nothing heavier than `math`."""

from __future__ import annotations

from math import inf, log10

SMALL_DIFFERENCE = 4.0
FEW_OBSERVATIONS = 100
"""Sivula, Magnusson, Matamoros and Vehtari (2020), "Uncertainty in Bayesian leave-one-out
cross-validation based model comparison", arXiv:2008.10296: for differences below 4, and for fewer
than 100 observations, the standard error of a difference is too small, and a normal distribution
of this width is no good approximation."""

EVIDENCE = ((1.0, "not worth more than a bare mention"), (3.0, "positive"), (5.0, "strong"))
STRONGEST_EVIDENCE = "very strong"
"""What the logarithm of a Bayes factor is called up to each limit, and beyond: Kass and Raftery
(1995), doi:10.1080/01621459.1995.10476572, who give twice these limits for 2 log B."""

GREATEST_PATH_DIFFERENCE = 0.5
"""Of a path's means from those of all, in posterior sds: what moves an interval visibly."""


def khat_threshold(draws: int) -> float:
    """Return the k̂ above which an estimate from this many draws is not to be trusted.

    min(1 − 1 / log10 S, 0.7) (Vehtari et al. 2024); a single draw allows none.
    """
    return min(1 - 1 / log10(draws), 0.7) if draws > 1 else -inf
