"""Conditional effects: what the model expects over one predictor, the others held."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from stanchion.schema.fields import Distinct, NotEmpty, Section, StanName, Text, refused


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


class Effects(Section):
    """Conditional effects of predictors, with bands and data.

    A grid of rows stands in for the new rows that the mapping takes from another dataset (`N_new:
    new.N`, `X_new: new.X`), with the levels, scales and knots of the fitted rows. The program's
    generated quantities are drawn once more, with the grid, at the parameters of each draw: so an
    edit of the effects samples nothing. The band is that of `intervals`, else of 90 %.

    A number goes over its range, in 50 values; a column of levels over these. The others are held:
    real numbers at their mean, whole numbers and dates at their median, levels at the reference of
    the design, else at the first. The data are shown beside where `posterior_predictive` or
    `compare` says which variable was observed.
    """

    variable: StanName = Field(
        description="The generated quantity of the new rows: their expected value, whose band says "
        "how sure that is, or their outcome, whose band is that of the next observation."
    )
    of: Annotated[list[Text], NotEmpty, Distinct, AfterValidator(_one_or_two)] = Field(
        description="Columns that the new rows are made of, such as `age`; `age:party` is `age` at "
        "each level of `party`, or at mean and mean ± sd where that is a number."
    )
