"""The section `answers`: what is asked of an analysis by name, as expressions of its draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from stanchion.answers.declared import VOCABULARY, AnswerKind, DeclaredAnswer
from stanchion.answers.kinds import KINDS
from stanchion.expressions.faults import ExpressionError
from stanchion.expressions.parser import parse
from stanchion.schema.fields import Section, Text, is_number, refused

_MOST_CHARACTERS = 200
_FEWEST_CHOICES = 2


def _expression(value: object) -> object:
    """Return an expression as its text, held to the grammar; a number may stand without quotes."""
    if is_number(value):
        value = repr(value)
    if isinstance(value, str):
        try:
            parse(value, VOCABULARY)
        except ExpressionError as error:
            raise refused(str(error), value=value, allowed=error.allowed, todo=error.todo) from None
    return value


Expression = Annotated[str, BeforeValidator(_expression, json_schema_input_type=str | float)]
Named = Annotated[str, Field(min_length=1, max_length=_MOST_CHARACTERS)]


class TemperatureSection(Section):
    """Rows by which a temperature is chosen: others than those that are scored."""

    score: Expression = Field(description="Their class probabilities.")
    observed: Expression = Field(description="Their classes.")


class AnswerSection(Section):
    """One of `probability`, `quantity`, `argmax`, `decide` and `score`, and what goes with it.

    An expression names the variables of the program and its data, with labels or positions in
    brackets: `theta['A'] - theta['C']`. It is of each draw.
    """

    probability: Expression | None = Field(
        default=None, description="How probable a condition is, such as `mu > 0`."
    )
    quantity: Expression | None = Field(
        default=None, description="Mean and interval of a number, or of each of several."
    )
    argmax: Expression | None = Field(
        default=None, description="Which of several numbers is the largest, and how probably."
    )
    decide: dict[Named, Expression] | None = Field(
        default=None,
        description="The utility of each choice; the one with the largest expected utility is "
        "named, with its lead and the expected loss of each.",
    )
    score: Expression | None = Field(
        default=None,
        description="How good probabilities of classes are, by row and class, for rows whose class "
        "is known: accuracy, log score, Brier score, calibration error, with predictive entropy "
        "and mutual information. One probability a row is that of 1 against 0.",
    )
    observed: Expression | None = Field(
        default=None,
        description="The classes of the rows of `score`, data of the program: from 1, or 0 and 1.",
    )
    temperature: TemperatureSection | None = Field(
        default=None,
        description="Other rows, by which the probabilities of `score` are tempered: raised to the "
        "power 1/temperature that scores best there.",
    )
    unit: Text | None = Field(default=None, description="Of the quantity, or of the utilities.")
    rope: Annotated[list[float], Field(min_length=2, max_length=2)] | None = Field(
        default=None,
        description="From which to which value a quantity counts as no effect: how probably it "
        "lies below, within and above.",
    )
    stacked: bool = Field(
        default=False,
        description="Also by all models together, weighted by stacking (`compare`): of predictions "
        "that all models share, and not of parameters.",
    )

    @model_validator(mode="after")
    def _is_one(self) -> AnswerSection:
        given = [name for name in KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            raise refused(
                "an answer is of one kind" + (f", and {' and '.join(given)} stand" * bool(given)),
                allowed=", ".join(KINDS),
                todo="write one of them" if not given else "make an answer of each",
            )
        if self.decide is not None and len(self.decide) < _FEWEST_CHOICES:
            what = "a decision is between two choices or more"
            raise refused(
                what, at=["decide"], todo='add the utility of another, such as `wait: "0"`'
            )
        self._of_quantities(given[0])
        self._of_scores()
        if not self.declared("").names():
            what = "it names no variable, and is the same in every draw"
            todo = "name a variable of the program"
            raise refused(what, at=[given[0]], value=getattr(self, given[0]), todo=todo)
        return self

    def _of_quantities(self, kind: str) -> None:
        if self.rope is not None:
            if kind != "quantity":
                raise refused(f"{KINDS[kind].noun} has no rope", at=["rope"], todo="remove it")
            if not self.rope[0] <= self.rope[1]:
                raise refused("it ends before it begins", at=["rope"], value=self.rope)
        if self.unit is not None and kind in ("probability", "argmax", "score"):
            raise refused(
                f"{KINDS[kind].noun} has no unit", at=["unit"], value=self.unit, todo="remove it"
            )

    def _of_scores(self) -> None:
        if self.score is not None and self.observed is None:
            what = "a score is of rows whose classes are known"
            raise refused(what, at=["score"], todo="name their classes, such as `observed: y_test`")
        if self.score is None:
            for name in ("observed", "temperature"):
                if getattr(self, name) is not None:
                    raise refused("it belongs to `score`", at=[name], todo="remove it")

    @property
    def kind(self) -> AnswerKind:
        """The kind of answer."""
        kinds: Mapping[str, AnswerKind] = {name: name for name in KINDS}  # type: ignore[misc]
        return next(kind for name, kind in kinds.items() if getattr(self, name) is not None)

    def declared(self, name: str) -> DeclaredAnswer:
        """Return the answer of this name as steps know it."""
        expressions: Any = getattr(self, self.kind)
        if self.kind != "decide":
            expressions = self._parts() if self.kind == "score" else {"": expressions}
        return DeclaredAnswer(
            answer=name,
            kind=self.kind,
            expressions=tuple(expressions.items()),
            unit=self.unit,
            rope=None if self.rope is None else (self.rope[0], self.rope[1]),
            stacked=self.stacked,
        )

    def _parts(self) -> dict[str, Any]:
        """Return the expressions of a score by their part."""
        parts = {"score": self.score, "observed": self.observed}
        if self.temperature is not None:
            parts["temperature"] = self.temperature.score
            parts["temperature observed"] = self.temperature.observed
        return parts
