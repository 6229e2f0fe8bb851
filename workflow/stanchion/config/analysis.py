"""An analysis: a question, what is fitted for it and how, and what is made of the fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal, Union

from pydantic import AfterValidator, BeforeValidator, Field

from stanchion.answers.declared import DeclaredAnswer
from stanchion.config.answers import AnswerSection, Named
from stanchion.config.checks import Checks
from stanchion.config.effects import Effects
from stanchion.config.plots import Plot
from stanchion.config.predictive import PosteriorPredictive
from stanchion.methods.catalogue import METHODS
from stanchion.methods.hamiltonian import FEWEST_DRAWS
from stanchion.methods.method import Method
from stanchion.schema.fields import (
    RESERVED,
    DatasetName,
    Distinct,
    ModelName,
    Name,
    NotEmpty,
    Section,
    StanName,
    Text,
    distinct_names,
    refused,
)

if TYPE_CHECKING:
    _Declared = Method
else:  # of the catalogue's own making, for pydantic to choose from
    _Declared = Union[tuple(METHODS.values())]  # noqa: UP007


class PriorPredictive(Section):
    """Draws from the prior and its predictions; the program declares `int prior_only` for it."""

    draws: Annotated[int, Field(ge=4 * FEWEST_DRAWS, le=2**31 - 1)] = Field(
        default=1000, description="Draws from the prior, of four chains together."
    )


class Predict(Section):
    """Predictions for the rows of another dataset.

    A fit has none of these rows: its first row stands in for them, and the generated quantities of
    the program are drawn once more afterwards, with them, at the parameters of each draw. So an
    edit of the new rows samples no chain and no prior anew. All generated quantities are those of
    that second time.

    A program that uses the new rows in its parameters, transformed parameters or model, or bounds
    them by what it computes, is fitted with them, and `check` says so.
    """

    variable: StanName = Field(description="The generated quantity that predicts them.")
    dataset: DatasetName = Field(description="The dataset of the new rows.")


class Compare(Section):
    """The comparison of the models' fits of a dataset, with stacking weights.

    Fits that failed their checks are left out. The verdict of the comparison stands beside those of
    the fits: k̂ of LOO judges it.
    """

    by: Literal["loo"] = Field(
        default="loo", description="PSIS-LOO; the programs compute `log_lik`."
    )
    observed: StanName | None = Field(
        default=None,
        description="The data variable that is the outcome, the same in all models; without it, "
        "that of `posterior_predictive`. With neither, no scalar or vector in the data of two "
        "models may differ under one name.",
    )


class Intervals(Section):
    """Intervals in summary and report, beside the 5 % and 95 % quantiles."""

    prob: float = Field(default=0.9, description="Probability inside.", gt=0, lt=1)
    kind: Literal["equal_tailed", "hdi"] = Field(
        default="equal_tailed", description="Equal tails, or the shortest (highest density)."
    )


class Forest(Section):
    """The report's picture of intervals, in which intercepts of a design have an axis of their own.

    The elements of a variable stay together.
    """

    order: Literal["declared", "median"] = Field(
        default="declared",
        description="Elements as the program has them, or sorted: the largest median first, by the "
        "first method that gives one.",
    )
    group: Name | None = Field(
        default=None,
        description="A column whose levels index parameters, or a labelled dimension of "
        "`draws.nc`: elements of one level stand together, under its name.",
    )
    together: Annotated[list[StanName], Distinct] = Field(
        default=[],
        description="Variables that several models have: their intervals by all of these models in "
        "one more picture, before those of each model.",
    )


def _with_method(named: object) -> object:
    """Let a method's key say what it is; nothing after the key means all defaults."""
    if not isinstance(named, Mapping):
        return named
    filled = {name: {} if settings is None else settings for name, settings in named.items()}
    return {
        name: {"method": name, **settings}
        if isinstance(settings, Mapping) and name in METHODS
        else settings
        for name, settings in filled.items()
    }


def _is_what_its_name_says(named: dict[str, Method]) -> dict[str, Method]:
    for name, settings in named.items():
        if name in METHODS and settings.method != name:
            raise refused(
                f"a method named {name!r} cannot be {settings.method!r}",
                at=[name, "method"],
                todo=f"choose another name, such as {settings.method}_2",
            )
    return named


class Analysis(Section):
    """A question: datasets × models × methods. What is not declared is not made."""

    question: Text | None = Field(
        default=None, description="What is asked; the report begins with it."
    )
    datasets: Annotated[list[DatasetName], NotEmpty, Distinct] = Field(
        description="Names of datasets."
    )
    models: Annotated[list[ModelName], NotEmpty, Distinct] = Field(description="Names of models.")
    methods: Annotated[
        dict[Name, Annotated[_Declared, Field(discriminator="method")]],
        NotEmpty,
        BeforeValidator(_with_method),
        AfterValidator(_is_what_its_name_says),
        AfterValidator(distinct_names(RESERVED)),
    ] = Field(
        description="How the posterior is obtained, by a name that fits carry. The name says "
        f"what it is ({', '.join(f'`{name}`' for name in METHODS)}), or else `method` does."
    )
    prior_predictive: PriorPredictive | None = Field(
        default=None, description="Draws from the prior and its predictions."
    )
    posterior_predictive: PosteriorPredictive | None = Field(
        default=None, description="Replicated data against the observed."
    )
    predict: Predict | None = Field(default=None, description="Predictions for new rows.")
    effects: Effects | None = Field(
        default=None, description="Conditional effects of predictors, with bands and data."
    )
    checks: Checks = Field(default_factory=Checks, description="What a fit must hold.")
    compare: Compare | None = Field(
        default=None,
        description="Comparison of the models. With `posterior_predictive` the report has a "
        "picture of each observation's k̂; without it the number of bad ones and the largest.",
    )
    answers: dict[Named, AnswerSection] = Field(
        default={},
        description="What is asked, by name: the answers stand first in the report, and in "
        "`answers.csv`.",
    )
    intervals: Intervals | None = Field(default=None, description="Intervals beside the quantiles.")
    forest: Forest | None = Field(
        default=None, description="Order and groups in the report's picture of intervals."
    )
    tables: Annotated[list[Literal["docx"]], Distinct] = Field(
        default=[],
        description="Answers, summaries and comparisons as numbered tables for documents: `docx` "
        "writes `tables.docx` beside the report.",
    )
    original_scale: bool | Annotated[list[StanName], NotEmpty, Distinct] = Field(
        default=False,
        description="Coefficients of centred, standardized and scaled predictors on the scale of "
        "their columns, too: in the report and `original_scale.csv`, beside those of the program "
        "in `summary.csv`. `true` takes the parameters that a program multiplies by a design; a "
        "list names them. Interactions expand; the intercept is corrected where the design has "
        "one, or levels that stand for it. `check` refuses what has no linear map, such as "
        "splines of a standardized column. It changes no data, draws or verdict.",
    )
    plots: list[Plot] = Field(
        default=[],
        description="Further pictures of each fit: `{plot: plot_pair, var_names: [mu, tau]}` calls "
        "a function of arviz_plots whose first argument is a DataTree, with these keyword "
        "arguments. `{plot: plot_bands, var_names: [level]}` draws variables with a value a row "
        "over the labels of the rows (`unique`), such as years or dates: mean and band "
        "(`ci_prob`, `ci_kind`), with the outcomes that `posterior_predictive` names. Fits that "
        "failed are drawn too; one whose program lacks a variable of `var_names` is not. One that "
        "cannot be drawn says why in its place, and the run exits 3 after the report.",
    )
    pictures: Annotated[list[Literal["svg"]], Distinct] = Field(
        default=[], description="`svg`: each picture in `plots/` as SVG too, beside the PNG."
    )
    keep: Annotated[list[Literal["csv", "warmup", "metric"]], Distinct] = Field(
        default=[],
        description="What to keep that would go: `csv`, the chains' Stan CSV; `warmup`, the draws "
        "of the warm-up, and `metric`, the step size and inverse metric that each chain adapted "
        "to, both as groups of `draws.nc`.",
    )

    @property
    def has_svg(self) -> bool:
        """Whether each picture is drawn as SVG too."""
        return "svg" in self.pictures

    def methods_of(self, model: str) -> dict[str, Method]:
        """Return the methods that fit a model, by their names."""
        return {
            label: method
            for label, method in self.methods.items()
            if method.models is None or model in method.models
        }

    def fits(self) -> Iterator[tuple[str, str, str]]:
        """Yield the names of dataset, model and method of each fit, in the order of declaration."""
        for dataset in self.datasets:
            for model in self.models:
                for label in self.methods_of(model):
                    yield dataset, model, label

    def declared_answers(self) -> tuple[DeclaredAnswer, ...]:
        """Return what is asked, as steps know it."""
        return tuple(section.declared(name) for name, section in self.answers.items())

    @property
    def outcome(self) -> str | None:
        """The data variable that the models compared are of, where it is named."""
        if self.compare is not None and self.compare.observed is not None:
            return self.compare.observed
        return self.posterior_predictive.observed if self.posterior_predictive else None
