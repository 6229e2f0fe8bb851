"""What the step `write_report` is told: the declaration of one analysis, resolved."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Declared(BaseModel):
    """What the report shows of a dataset's declaration."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    columns: dict[str, dict[str, Any]] = {}
    missing: str = "error"
    na: tuple[str, ...] = ()
    where: dict[str, list[Any]] = {}
    sort: tuple[str, ...] = ()


class Dataset(_Told):
    """A dataset: where it lies, what its file holds, and how it was declared."""

    name: str
    path: str
    sha256: str
    declared: Declared


class Model(_Told):
    """A model: its program's path and the options it is compiled with."""

    name: str
    program: str
    options: dict[str, Any]


class Pair(_Told):
    """A dataset and a model that is fitted to it."""

    dataset: str
    model: str

    @property
    def path(self) -> str:
        """The pair's folder within the analysis."""
        return f"{self.dataset}/{self.model}"


class Fit(Pair):
    """A fit: how it is made, judged and traced."""

    method: str
    chains: int
    """Markov chains; 0 where the method has none."""
    on_fail: Literal["stop", "flag"]
    settings: dict[str, Any]
    checks: dict[str, Any]
    seed: int
    parameters: tuple[str, ...] | None
    keys: dict[str, str]
    has_predictive: bool

    @property
    def path(self) -> str:
        """The fit's folder within the analysis."""
        return f"{self.dataset}/{self.model}/{self.method}"

    @property
    def pair(self) -> tuple[str, str]:
        """The names of dataset and model."""
        return self.dataset, self.model


class Prior(Pair):
    """Draws from the prior of a pair."""

    keys: dict[str, str]


class Compare(_Told):
    """How models are compared."""

    by: str
    observed: str | None


class Predict(_Told):
    """Which quantity predicts the rows of which dataset."""

    variable: str
    dataset: str


class PosteriorPredictive(_Told):
    """Which quantity replicates which data, and the statistics of both."""

    observed: str
    replicated: str
    statistics: tuple[str, ...]


class Intervals(_Told):
    """The declared kind of interval and the probability inside."""

    prob: float
    kind: Literal["equal_tailed", "hdi"]


class Arguments(_Told):
    """All that `write_report` is told; lists of files in the job are aligned with its lists."""

    project: str | None
    about: dict[str, Any]
    analysis: str
    question: str | None
    seed: int
    datasets: tuple[Dataset, ...]
    models: tuple[Model, ...]
    pairs: tuple[Pair, ...]
    mappings: tuple[dict[str, Any], ...]
    fits: tuple[Fit, ...]
    priors: tuple[Prior, ...]
    compare: Compare | None
    predict: Predict | None
    posterior_predictive: PosteriorPredictive | None
    intervals: Intervals | None
    toolchain: dict[str, Any]
