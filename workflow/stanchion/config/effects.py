"""Conditional effects: what the model expects over one predictor, the others held."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from stanchion.schema.fields import (
    BOUND_WORDS,
    Bound,
    Distinct,
    NotEmpty,
    Section,
    StanName,
    Text,
    read_date,
    refused,
)


def _one_or_two(effects: list[str]) -> list[str]:
    for position, effect in enumerate(effects):
        columns = effect.split(":")
        if len(columns) > 2 or len(set(columns)) < len(columns) or not all(columns):
            raise refused(
                f"{effect!r} is no effect",
                at=[position],
                value=effect,
                allowed="a column, or two different ones such as age:party",
            )
    return effects


class Span(Section):
    """The range that a grid goes over, in place of that of the fitted rows.

    Of real numbers, as they stand in the file, or of dates.
    """

    lower: Bound | None = Field(
        default=None, description="Where it begins; without it, at the least fitted value."
    )
    upper: Bound | None = Field(
        default=None, description="Where it ends; without it, at the greatest fitted value."
    )
    values: Annotated[int, Field(ge=2, le=1000)] | None = Field(
        default=None, description="How many values it has, evenly spread; without it, 50."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        given = [value for value in (self.lower, self.upper, self.values) if value is not None]
        if not given:
            raise refused("the range says nothing", allowed="lower, upper, values")
        for end in ("lower", "upper"):
            value = getattr(self, end)
            if isinstance(value, str) and read_date(value) is None:
                raise refused(f"{value!r} is no date", at=[end], value=value, allowed=BOUND_WORDS)
        return self


class Effects(Section):
    """Conditional effects of predictors, with bands and data.

    A grid of rows stands in for the new rows that the mapping takes from another dataset (`N_new:
    new.N`, `X_new: new.X`), with the levels, scales and knots of the fitted rows. The program's
    generated quantities are drawn once more, with the grid, at the parameters of each draw: so an
    edit of the effects samples nothing. The band is that of `intervals`, else of 90 %.

    A number goes over its range, in 50 values, or as `over` says; a column of levels over these.
    The others are held: real numbers at their mean, whole numbers and dates at their median, levels
    at the reference of the design, else at the first. The data are shown beside where
    `posterior_predictive` or `compare` says which variable was observed.
    """

    variable: StanName = Field(
        description="The generated quantity of the new rows: their expected value, whose band says "
        "how sure that is, or their outcome, whose band is that of the next observation."
    )
    of: Annotated[list[Text], NotEmpty, Distinct, AfterValidator(_one_or_two)] = Field(
        description="Columns that the new rows are made of, such as `age`; `age:party` is `age` at "
        "each level of `party`, or at mean and mean ± sd where that is a number."
    )
    over: dict[Text, Span] = Field(
        default_factory=dict,
        description="The range of a predictor by its column, such as `{age: {upper: 100}}`, where "
        "it is to go beyond the fitted rows, or in finer steps.",
    )

    @model_validator(mode="after")
    def _over_predictors(self) -> Self:
        predictors = [effect.partition(":")[0] for effect in self.of]
        for column in self.over:
            if column not in predictors:
                what = f"{column!r} is no predictor whose effect is declared"
                allowed = ", ".join(dict.fromkeys(predictors))
                raise refused(what, at=["over", column], value=column, allowed=allowed)
        return self
