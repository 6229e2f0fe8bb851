"""The section `posterior_predictive` of an analysis."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema

from stanchion.expressions.faults import ExpressionError
from stanchion.expressions.statistics import parse_statistic
from stanchion.schema.fields import Distinct, NotEmpty, Section, StanName, Text, refused
from stanchion.schema.locations import nearest

StatisticName = Literal[
    "mean", "sd", "median", "mad", "min", "max", "q5", "q25", "q75", "q95", "skewness", "zeros"
]
STATISTIC_NAMES: tuple[str, ...] = get_args(StatisticName)
_EXPRESSION = "an expression of the observed variable, such as `max(y) - min(y)`"
_SCHEMA = {"anyOf": [{"enum": list(STATISTIC_NAMES)}, {"type": "string", "title": _EXPRESSION}]}


def _statistics(declared: list[str], info: ValidationInfo) -> list[str]:
    """Refuse what is neither the name of a statistic nor an expression of the observed variable."""
    observed = info.data.get("observed")
    for position, source in enumerate(declared):
        if source in STATISTIC_NAMES or observed is None:
            continue
        if source.isidentifier() and source != observed:
            near = nearest(source, STATISTIC_NAMES)
            raise refused(
                f"{source!r} is no statistic" + (f"; the nearest is {near!r}" if near else ""),
                at=[position],
                allowed=f"{', '.join(STATISTIC_NAMES)}, or {_EXPRESSION}",
                todo=f"write {near}" if near else f"write an expression of `{observed}`",
            )
        try:
            parse_statistic(source, observed)
        except ExpressionError as error:
            raise refused(
                str(error), at=[position], allowed=error.allowed, todo=error.todo
            ) from None
    return declared


class PosteriorPredictive(Section):
    """Replicated data against the observed: statistics with tail probabilities, and LOO-PIT."""

    observed: StanName = Field(description="The data variable that was observed.")
    replicated: StanName = Field(description="The generated quantity that replicates it.")
    statistics: Annotated[
        list[Annotated[Text, WithJsonSchema(_SCHEMA)]],
        NotEmpty,
        Distinct,
        AfterValidator(_statistics),
    ] = Field(
        default=["mean", "sd", "min", "max"],
        description="Statistics to compare; `mad` is the median absolute deviation, `q5` the "
        "5 % quantile, `zeros` the proportion of zeros. Any other is an "
        "[expression](#expressions) that gives one number, of the observed variable and of other "
        "data of the program, such as `quantile(y, 0.9)`, `mean(y > 3)` or `max(abs(y - x))`.",
    )
