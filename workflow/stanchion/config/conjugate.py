"""A model with an exact posterior: its family, which columns are its data, and its prior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import BeforeValidator, Field

from stanchion.config.dataset import Expression
from stanchion.schema.fields import Positive, Section, is_number, refused
from stanchion.stats.conjugate.families import FAMILIES, Family

_FAMILY = "The family."
_NUMBER = "a number, or a list of a number for each column"
_POSITIVE = "a number > 0, or a list of a number > 0 for each column"
_PRECISION = f"{_POSITIVE}, or a symmetric matrix by rows"


def _numbers(value: object) -> object:
    if is_number(value) or _is_list(value):
        return value
    raise refused("not a prior's mean", value=value, allowed=_NUMBER)


def _positives(value: object) -> object:
    if _is_positive(value):
        return value
    raise refused("not a prior's concentration", value=value, allowed=_POSITIVE)


def _precision(value: object) -> object:
    if _is_positive(value):
        return value
    rows = value if isinstance(value, list) else []
    if rows and all(_is_list(row) and len(row) == len(rows) for row in rows):
        if any(rows[i][k] != rows[k][i] for i in range(len(rows)) for k in range(i)):
            raise refused("a precision that is not symmetric", value=value, allowed=_PRECISION)
        return value
    raise refused("not a prior's precision", value=value, allowed=_PRECISION)


def _is_positive(value: object) -> bool:
    values: list[Any] = value if isinstance(value, list) else [value]
    return bool(values) and all(is_number(item) and item > 0 for item in values)


def _is_list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(is_number(item) for item in value)


_Mean = Annotated[Any, BeforeValidator(_numbers, json_schema_input_type=float | list[float])]
_Concentration = Annotated[
    Any, BeforeValidator(_positives, json_schema_input_type=Positive | list[Positive])
]
_Precision = Annotated[
    Any,
    BeforeValidator(
        _precision, json_schema_input_type=Positive | list[Positive] | list[list[float]]
    ),
]


class BetaPrior(Section):
    """θ ~ beta(a, b): the mean is a / (a + b), as if of a + b earlier trials."""

    a: Positive = Field(description="Of successes.")
    b: Positive = Field(description="Of failures.")


class GammaPrior(Section):
    """λ ~ gamma(shape, rate), as Stan has it: the mean is shape / rate."""

    shape: Positive = Field(description="Shape.")
    rate: Positive = Field(description="Rate, the inverse of the scale.")


class NormalPrior(Section):
    """μ ~ normal(mean, sd), as Stan has it."""

    mean: float = Field(description="Mean.")
    sd: Positive = Field(description="Standard deviation, not variance or precision.")


class NormalInverseGammaPrior(Section):
    """σ² ~ inv_gamma(shape, scale), as Stan has it; given it, μ ~ normal(mean, σ / √precision).

    With `X`, β ~ multi_normal(mean, σ² precision⁻¹).
    """

    mean: _Mean = Field(description="Mean of μ; of each β, or of all of them alike.")
    precision: _Precision = Field(
        description="Precision of μ in units of 1 / σ², as if of so many earlier rows; of each β "
        "or of all of them alike, independent of each other, or the matrix."
    )
    shape: Positive = Field(description="Shape, half the earlier degrees of freedom.")
    scale: Positive = Field(description="Scale, half the earlier sum of squares.")


class DirichletPrior(Section):
    """θ ~ dirichlet(concentration)."""

    concentration: _Concentration = Field(
        description="Of each category, or of all of them alike; as if of so many earlier counts."
    )


class _Exact(Section):
    """What the sections of all families have."""

    if TYPE_CHECKING:
        family: str
        prior: Section

    @property
    def row(self) -> Family:
        """The family's row of the catalogue."""
        return FAMILIES[self.family]

    @property
    def given(self) -> dict[str, Any]:
        """Data variable ← expression, as declared."""
        declared = self.model_dump(mode="json", exclude={"family", "prior"})
        return {name: value for name, value in declared.items() if value is not None}

    @property
    def numbers(self) -> dict[str, Any]:
        """The numbers of the prior."""
        return self.prior.model_dump(mode="json")


class BetaBernoulli(_Exact):
    """A probability `theta` of outcomes 0 and 1, a row each; beta prior."""

    family: Literal["beta_bernoulli"] = Field(description=_FAMILY)
    outcome: Expression = Field(description="0 or 1.")
    prior: BetaPrior = Field(description="Prior of `theta`.")


class BetaBinomial(_Exact):
    """A probability `theta` of successes in trials; beta prior."""

    family: Literal["beta_binomial"] = Field(description=_FAMILY)
    successes: Expression = Field(description="Successes, from 0 to the trials.")
    trials: Expression = Field(description="Trials of each row, or one number for all.")
    prior: BetaPrior = Field(description="Prior of `theta`.")


class GammaPoisson(_Exact):
    """A rate `lambda` of Poisson counts; gamma prior."""

    family: Literal["gamma_poisson"] = Field(description=_FAMILY)
    counts: Expression = Field(description="Counts, whole numbers ≥ 0.")
    exposure: Expression | None = Field(
        default=None,
        description="What the rate is per, > 0: a count has the mean lambda × exposure. Without "
        "it, 1.",
    )
    prior: GammaPrior = Field(description="Prior of `lambda`.")


class KnownVariance(_Exact):
    """A mean `mu` of normal outcomes whose standard deviation is known; normal prior."""

    family: Literal["normal"] = Field(description=_FAMILY)
    y: Expression = Field(description="Outcomes.")
    sd: Expression = Field(
        description="Known standard deviation of each row, > 0, or one number for all."
    )
    prior: NormalPrior = Field(description="Prior of `mu`.")


class NormalInverseGamma(_Exact):
    """A mean `mu`, or with `X` coefficients `beta`, and a variance `sigma2` of normal outcomes.

    `sigma` is the root of `sigma2`. Normal-inverse-gamma prior.
    """

    family: Literal["normal_inverse_gamma"] = Field(description=_FAMILY)
    y: Expression = Field(description="Outcomes.")
    X: Expression | None = Field(
        default=None,
        description='Design matrix: columns, or `design("~ formula")`. A column of ones is not '
        "added to columns.",
    )
    prior: NormalInverseGammaPrior = Field(description="Prior of all parameters.")


class DirichletMultinomial(_Exact):
    """Probabilities `theta` of categories, counted by row; Dirichlet prior."""

    family: Literal["dirichlet_multinomial"] = Field(description=_FAMILY)
    counts: Expression = Field(description="Columns of counts, one for each category.")
    prior: DirichletPrior = Field(description="Prior of `theta`.")


FAMILY_SECTIONS: Mapping[str, type[_Exact]] = {
    "beta_bernoulli": BetaBernoulli,
    "beta_binomial": BetaBinomial,
    "gamma_poisson": GammaPoisson,
    "normal": KnownVariance,
    "normal_inverse_gamma": NormalInverseGamma,
    "dirichlet_multinomial": DirichletMultinomial,
}
"""The section of each family."""
PRIOR_SECTIONS: Mapping[str, type[Section]] = {
    "beta_bernoulli and beta_binomial": BetaPrior,
    "gamma_poisson": GammaPrior,
    "normal": NormalPrior,
    "normal_inverse_gamma": NormalInverseGammaPrior,
    "dirichlet_multinomial": DirichletPrior,
}
"""The section of the prior of each."""
if TYPE_CHECKING:
    Conjugate = _Exact
else:  # for pydantic to choose from
    Conjugate = Annotated[
        Union[tuple(FAMILY_SECTIONS.values())],  # noqa: UP007
        Field(discriminator="family"),
    ]
