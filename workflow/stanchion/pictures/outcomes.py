"""The picture of what a fit predicts: of the data that it saw, or else of new rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stanchion.pictures.predictions import predictions
from stanchion.pictures.replications import Replications, replications
from stanchion.pictures.style import Floats, placeholder
from stanchion.stats.loo_pit import Pit
from stanchion.stats.predictive import Statistic


@dataclass(frozen=True)
class Checked:
    """Replicated data with their statistics, and LOO-PIT or why there is none."""

    data: Replications
    statistics: Sequence[Statistic]
    pit: Pit | None
    no_pit: str
    labels: Sequence[str] = ()
    """Of the observations."""


@dataclass(frozen=True)
class Predicted:
    """Predictions of new rows: mean, 5 % and 95 % quantile (`row × 3`)."""

    name: str
    labels: Sequence[str]
    rows: Floats
    title: str | None = None
    """What an axis of them is called."""


@dataclass(frozen=True)
class Outcomes:
    """What was declared of checks and predictions; a text says why there is nothing to see."""

    checked: Checked | str | None
    predicted: Predicted | str | None


def posterior_predictive(outcomes: Outcomes) -> bytes:
    """Draw the checks, without them the predictions, or why there are neither."""
    match outcomes.checked or outcomes.predicted:
        case Checked() as checked:
            return replications(checked.data, checked.statistics, checked.pit, checked.no_pit)
        case Predicted() as predicted:
            return predictions(predicted.name, predicted.labels, predicted.rows, predicted.title)
        case reason:
            return placeholder(reason or "neither checks nor predictions are declared")
