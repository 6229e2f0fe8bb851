"""The arguments of the step `write_report`: the declaration of one analysis, resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stanchion.checks.verdicts import OnFail
from stanchion.plan.arguments import (
    SPARSE,
    UNKEYED,
    Arguments,
    Coefficients,
    Intervals,
    PosteriorPredictive,
    Predict,
)


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What the report shows of a dataset's declaration."""

    columns: Mapping[str, Mapping[str, Any]]
    missing: str
    na: tuple[str, ...]
    where: Mapping[str, tuple[Any, ...]]
    sort: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset: where it lies, what its file holds, and how it was declared."""

    name: str
    path: str
    sha256: str | None
    """That of the file; None where it is made."""
    declared: Declared


@dataclass(frozen=True, kw_only=True)
class Made:
    """A table that a person's own script makes."""

    dataset: str
    files: Mapping[str, Mapping[str, str]]
    """Setting → path → SHA-256 of what it is made from."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model: its program's path and the options it is compiled with, or what it states."""

    name: str
    program: str | None
    options: Mapping[str, Any]
    statements: tuple[str, ...] = ()
    """Of a conjugate model, in Stan's notation."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A dataset and a model that is fitted to it."""

    dataset: str
    model: str

    @property
    def path(self) -> str:
        """The pair's folder within the analysis."""
        return f"{self.dataset}/{self.model}"


@dataclass(frozen=True, kw_only=True)
class Fit(Pair):
    """A fit: how it is made, judged and traced."""

    method: str
    chains: int
    """Markov chains; 0 where the method has none."""
    on_fail: OnFail
    settings: Mapping[str, Any]
    checks: Mapping[str, Any]
    seed: int
    parameters: tuple[str, ...] | None
    keys: Mapping[str, str]
    has_predictive: bool
    rescaled: tuple[Coefficients, ...]
    """Those that are shown on the scale of their columns too."""
    is_posterior: bool
    """Whether the draws stand for a posterior; else they are a simulation, or there are none."""
    estimate: str | None
    """What the point is called that the method gives in place of draws."""

    @property
    def path(self) -> str:
        """The fit's folder within the analysis."""
        return f"{self.dataset}/{self.model}/{self.method}"

    @property
    def pair(self) -> tuple[str, str]:
        """The names of dataset and model."""
        return self.dataset, self.model


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A declared picture of a fit."""

    fit: str
    """The fit's folder within the analysis."""
    name: str
    """Of its file, without its ending."""
    function: str


@dataclass(frozen=True, kw_only=True)
class Prior(Pair):
    """Draws from the prior of a pair, and what an axis of what they predict is called."""

    keys: Mapping[str, str]
    title: str | None


@dataclass(frozen=True, kw_only=True)
class Compare:
    """How models are compared."""

    by: str
    observed: str | None


@dataclass(frozen=True, kw_only=True)
class Forest:
    """The order of quantities in the picture of intervals, and the coordinate that groups them."""

    order: Literal["declared", "median"] = "declared"
    group: str | None = None
    together: tuple[str, ...] = ()
    """Variables that are drawn of all models together."""


@dataclass(frozen=True, kw_only=True)
class WriteReport(Arguments):
    """All that a report is of; lists of files in the job are aligned with the lists here."""

    project: str | None
    analysis: str
    question: str | None
    seed: int
    datasets: tuple[Dataset, ...]
    models: tuple[Model, ...]
    pairs: tuple[Pair, ...]
    mappings: tuple[Mapping[str, Any], ...]
    fits: tuple[Fit, ...]
    priors: tuple[Prior, ...]
    compare: Compare | None
    predict: Predict | None
    new_columns: Mapping[str, Mapping[str, Any]]
    """The declared columns of the dataset that is predicted."""
    posterior_predictive: PosteriorPredictive | None
    intervals: Intervals | None
    toolchain: Mapping[str, Any]
    about: Mapping[str, Any] = field(metadata=UNKEYED)
    forest: Forest | None = field(metadata=SPARSE, default=None)
    effects: str | None = field(metadata=SPARSE, default=None)
    """The quantity whose conditional effects are shown."""
    plots: tuple[Plot, ...] = field(metadata=SPARSE, default=())
    made: tuple[Made, ...] = field(metadata=SPARSE, default=())
    """The tables that scripts make; the job's `tables` are in their order."""


@dataclass(frozen=True, kw_only=True)
class WriteTables(Arguments):
    """What the tables for documents are of; lists of files are aligned with the fits."""

    project: str | None
    analysis: str
    question: str | None
    pairs: tuple[Pair, ...]
    fits: tuple[Fit, ...]
    intervals: Intervals | None
