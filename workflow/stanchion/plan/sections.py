"""Sections of an analysis as arguments of its steps; None where one is not declared."""

from __future__ import annotations

from stanchion.config import Analysis
from stanchion.plan.arguments import Intervals, PosteriorPredictive, Predict
from stanchion.stan.program import Program


def intervals_of(analysis: Analysis) -> Intervals | None:
    """Return the declared kind of interval."""
    declared = analysis.intervals
    if declared is None:
        return None
    return Intervals(prob=declared.prob, kind=declared.kind)


def posterior_predictive_of(
    analysis: Analysis, program: Program | None = None
) -> PosteriorPredictive | None:
    """Return what is replicated, where a method's own program has it."""
    declared = analysis.posterior_predictive
    if declared is None or not (
        program is None or (program.has(declared.observed) and program.has(declared.replicated))
    ):
        return None
    return PosteriorPredictive(
        observed=declared.observed,
        replicated=declared.replicated,
        statistics=tuple(declared.statistics),
    )


def predict_of(analysis: Analysis, program: Program | None = None) -> Predict | None:
    """Return what is predicted, where a method's own program has it."""
    declared = analysis.predict
    if declared is None or not (program is None or program.has(declared.variable)):
        return None
    return Predict(variable=declared.variable, dataset=declared.dataset)
