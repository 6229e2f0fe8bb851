"""What crosses from the plan to a step: one frozen dataclass a step, which both sides import.

The planner builds it, the job file carries it as JSON, and the step reads it back. A field enters
the step's key unless it is declared `UNKEYED`. Imports the standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from stanchion.answers.declared import DeclaredAnswer
from stanchion.checks.verdicts import OnFail
from stanchion.stan.program import Variable
from stanchion.stan.rows import Rows

SPARSE: Mapping[str, bool] = {"sparse": True}
"""Metadata of a field that enters the key, and the job file, only where it is not its default."""
UNKEYED: Mapping[str, bool] = {"keyed": False}
"""Metadata of a field that decides no result: a person's name of a thing, a limit, a path."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What is common to the arguments of every step."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True)
class PosteriorPredictive:
    """Which variable replicates which data, and the statistics of both."""

    observed: str
    replicated: str
    statistics: tuple[str, ...]


@dataclass(frozen=True)
class Predict:
    """Which variable predicts the rows of which dataset."""

    variable: str
    dataset: str


@dataclass(frozen=True)
class NewRows:
    """The dataset of the new rows that a mapping is applied to, and whether they are taken."""

    dataset: str
    taken: bool


@dataclass(frozen=True)
class Grid:
    """The effects that a grid of rows is made for, and the data variable that was observed."""

    of: tuple[str, ...]
    outcome: str | None


@dataclass(frozen=True)
class Intervals:
    """The declared kind of interval, and the probability inside."""

    prob: float
    kind: Literal["equal_tailed", "hdi"]


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """A failure that a person accepts, in force on the day of the run."""

    check: str
    fit: str
    reason: str
    until: str
    """The last day, as YYYY-MM-DD."""
    who: str


@dataclass(frozen=True, kw_only=True)
class ProgramVariables:
    """A program's variables by block, and what the analysis takes some of them for."""

    declared: Mapping[str, tuple[Variable, ...]]
    parameters: tuple[str, ...] | None
    """Those that the summary shows; None for what the method shows."""
    observed: str | None
    replicated: str | None
    predicted: str | None


@dataclass(frozen=True, kw_only=True)
class FitArguments:
    """A fit as the steps of its analysis know it."""

    dataset: str
    model: str
    method: str
    on_fail: OnFail


@dataclass(frozen=True, kw_only=True)
class CompileProgram(Arguments):
    """How a program is compiled; options by their names in stanc and make."""

    stanc: Mapping[str, Any]
    cpp: Mapping[str, Any]
    threads: bool
    native: bool
    program: str = field(metadata=UNKEYED)
    cpu: str | None = field(metadata=UNKEYED)
    """The processor that a native build is for."""


@dataclass(frozen=True, kw_only=True)
class MakeTable(Arguments):
    """How a person's own script makes a table; files of the job are in the order of their names."""

    script: str
    sources: tuple[str, ...]
    inputs: tuple[str, ...]
    """Paths in the project: the script finds their copies by them."""
    settings: Mapping[str, Any]
    seed: int | None
    lock: str = field(metadata=UNKEYED)
    interpreter: str | None = field(metadata=UNKEYED)
    """What runs the script; None for Stanchion's own Python."""
    time_limit: str | None = field(metadata=UNKEYED)


@dataclass(frozen=True, kw_only=True)
class PrepareData(Arguments):
    """How a program's data are made of declared datasets."""

    declared: Mapping[str, Mapping[str, Any]]
    """Each dataset's section of the declaration, without its path; the own one first."""
    mapping: Mapping[str, Any]
    """Stan variable ← expression."""
    variables: tuple[Variable, ...]
    predict: NewRows | None
    dataset: str = field(metadata=UNKEYED)
    program: str = field(metadata=UNKEYED)
    updates: tuple[str, ...] = field(metadata=SPARSE, default=())
    """Datasets of further rows for a conjugate model."""
    is_conjugate: bool = field(metadata=SPARSE, default=False)
    grid: Grid | None = field(metadata=SPARSE, default=None)
    """What stands in for the new rows, where these are not taken."""
    over: Mapping[str, Mapping[str, Any]] | None = field(metadata=SPARSE, default=None)
    """The grid's range by predictor, where one is declared."""


@dataclass(frozen=True, kw_only=True)
class SamplePrior(Arguments):
    """How draws from the prior are obtained: by NUTS, with these settings of its section."""

    sampler: Mapping[str, Any]
    seed: int
    variables: ProgramVariables
    svg: bool = field(metadata=SPARSE, default=False)
    """Whether each picture is drawn as SVG too."""


@dataclass(frozen=True, kw_only=True)
class Saving:
    """How a job saves its state while it runs."""

    seconds: float
    keep: bool
    """Whether the last state stays, so that more draws can be added."""
    elsewhere: bool
    """Whether a state of a processor with other instructions is gone on from."""
    exact: bool
    """Whether the bytes of what is gone on from are promised."""


@dataclass(frozen=True, kw_only=True)
class SampleChain(Arguments):
    """One job of a fit's method: the words of CmdStan's command line, and what it must leave."""

    command: tuple[str, ...]
    rows: Rows
    start: float | None
    """Where it starts; None for CmdStan's own, or where a file says."""
    seed: int
    chain: int
    threads: int = field(metadata=UNKEYED)
    name: str = field(metadata=UNKEYED)
    """What messages call it."""
    method: str = field(metadata=UNKEYED)
    time_limit: str | None = field(metadata=UNKEYED)
    saving: Saving | None = field(metadata=UNKEYED, default=None)
    parts: int = field(metadata=UNKEYED, default=1)
    """In how many equal parts its draws come, of which some may be missing."""


@dataclass(frozen=True, kw_only=True)
class SampleFit(Arguments):
    """How a fit is sampled whose method decides by results what to run next."""

    method: str
    method_version: int
    settings: Mapping[str, Any]
    """What the method's section declares."""
    seed: int
    checks: Mapping[str, Any]
    """Thresholds by which the procedure decides, by their names in the catalogue of checks."""
    keep: tuple[str, ...]
    """What of the method's run goes into draws.nc with the draws."""
    variables: ProgramVariables
    jobs: int = field(metadata=UNKEYED)
    """How many programs run at once, each of so many threads."""
    threads: int = field(metadata=UNKEYED)
    time_limit: str | None = field(metadata=UNKEYED)
    fit: str = field(metadata=UNKEYED)
    saving: Saving | None = field(metadata=UNKEYED, default=None)
    interpreter: str | None = field(metadata=UNKEYED, default=None)
    """What runs a script; None for Stanchion's own Python."""


@dataclass(frozen=True)
class ExactPosterior:
    """The family of a conjugate model, and the numbers of its prior."""

    family: str
    prior: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class GenerateQuantities(Arguments):
    """Which parameters of a fit's draws a program takes to generate its quantities."""

    method: str
    method_version: int
    settings: Mapping[str, Any]
    """What the section of the method declares whose draws they are."""
    keep: tuple[str, ...]
    """What of the method's run its Stan CSVs hold beside the draws."""
    parameters: tuple[Variable, ...]
    transformed: bool
    """Whether transformed parameters are computed too: of draws that were not the program's."""
    seed: int
    on_fail: OnFail | None
    """What a failed check of the fit does whose draws these are; None before it is checked."""
    variable: str | None = field(metadata=SPARSE, default=None)
    """The one quantity that is wanted; None for all."""
    fit: str = field(metadata=UNKEYED)
    program: str = field(metadata=UNKEYED)
    time_limit: str | None = field(metadata=UNKEYED)


@dataclass(frozen=True, kw_only=True)
class CollectDraws(Arguments):
    """How a fit's chains become its draws and summary."""

    method: str
    method_version: int
    settings: Mapping[str, Any]
    """What the method's section declares."""
    seed: int
    """Of resampling, where the method resamples."""
    intervals: Intervals | None
    keep: tuple[str, ...]
    """What of the method's run goes into draws.nc with the draws."""
    variables: ProgramVariables
    fit: str = field(metadata=UNKEYED)
    posterior: ExactPosterior | None = field(metadata=SPARSE, default=None)
    """Of a conjugate model, whose draws are no chains'."""


@dataclass(frozen=True, kw_only=True)
class DiagnoseFit(Arguments):
    """What a fit is held to; files of the references are in their order."""

    method: str
    method_version: int
    checks: Mapping[str, Any]
    """Thresholds by their names in the catalogue of checks."""
    waivers: tuple[Waiver, ...]
    parameters: tuple[str, ...] | None
    """What the picture shows; None for all."""
    uses: tuple[str, ...]
    """Generated quantities that something declared is computed from."""
    references: tuple[str, ...]
    """The fits that an approximation is held to, by the names of their methods."""
    fit: str = field(metadata=UNKEYED)
    svg: bool = field(metadata=SPARSE, default=False)
    """Whether each picture is drawn as SVG too."""


@dataclass(frozen=True, kw_only=True)
class PredictOutcomes(Arguments):
    """What is replicated and predicted from a fit's draws, and what axes of it are called."""

    posterior_predictive: PosteriorPredictive | None
    predict: Predict | None
    intervals: Intervals | None
    on_fail: OnFail
    seed: int
    fit: str = field(metadata=UNKEYED)
    observed_title: str | None = field(metadata=SPARSE, default=None)
    predicted_title: str | None = field(metadata=SPARSE, default=None)
    svg: bool = field(metadata=SPARSE, default=False)
    """Whether each picture is drawn as SVG too."""


@dataclass(frozen=True, kw_only=True)
class DrawPlot(Arguments):
    """A function of arviz_plots, or of Stanchion, with its keyword arguments."""

    function: str
    options: Mapping[str, Any]
    outcome_title: str | None = field(metadata=SPARSE, default=None)
    """What an axis of the observed variable is called, for Stanchion's own."""
    svg: bool = field(metadata=SPARSE, default=False)
    """Whether it is drawn as SVG too."""


@dataclass(frozen=True, kw_only=True)
class SummariseEffects(Arguments):
    """Which variable was generated on the grid, and the interval of its band."""

    variable: str
    intervals: Intervals | None
    on_fail: OnFail
    because: str | None
    """Why such a fit has no effects, whatever its checks say; None where it has some."""
    fit: str = field(metadata=UNKEYED)
    titles: Mapping[str, str] | None = field(metadata=SPARSE, default=None)
    """What axes of columns, and of the variable, are called that have labels or units."""
    svg: bool = field(metadata=SPARSE, default=False)
    """Whether the picture is drawn as SVG too."""


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """A variable of which one dimension, from 0, is that of the columns of a matrix of data."""

    variable: str
    matrix: str
    axis: int


@dataclass(frozen=True, kw_only=True)
class RescaleCoefficients(Arguments):
    """Which coefficients are brought to the original scale, and how they were drawn."""

    method: str
    method_version: int
    settings: Mapping[str, Any]
    coefficients: tuple[Coefficients, ...]
    intervals: Intervals | None
    on_fail: OnFail
    fit: str = field(metadata=UNKEYED)


@dataclass(frozen=True, kw_only=True)
class CompareModels(Arguments):
    """Which fits are compared, on what; files of the job are in the order of the fits."""

    by: str
    observed: str | None
    fits: tuple[FitArguments, ...]


@dataclass(frozen=True, kw_only=True)
class AnswerQuestions(Arguments):
    """What is asked of an analysis; files of the job are in the order of the fits."""

    answers: tuple[DeclaredAnswer, ...]
    intervals: Intervals | None
    fits: tuple[FitArguments, ...]
    variables: tuple[ProgramVariables, ...]
    """Of the program of each fit."""


@dataclass(frozen=True, kw_only=True)
class CheckVerdicts(Arguments):
    """The fits, priors and declared pictures of an analysis; the job's files are in their order.

    Effects, where they are declared, are of all fits.
    """

    analysis: str
    fits: tuple[FitArguments, ...]
    priors: tuple[str, ...]
    """`dataset/model` of each."""
    report: str = field(metadata=UNKEYED)
    plots: tuple[str, ...] = field(metadata=SPARSE, default=())
    """The name of each picture's fit."""
