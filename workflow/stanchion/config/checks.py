"""The checks of a fit: thresholds, their sources, and what a failure does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from stanchion.methods.sections import OnFail
from stanchion.schema.fields import Count, Section, is_number, refused, titled

DEFAULT_RHAT = 1.01
DENSITY = "lp__"
_BY_NAME = "numbers > 1 by variable, such as `{default: 1.01, lp__: 1.02}`"
_RHAT_WORDS = f"a number > 1, or {_BY_NAME}"
_SHARE = "a share of the draws, such as `{share: 0.001}`"
_DIVERGENCES_WORDS = f"a whole number ≥ 0, or {_SHARE}"


def _is_rhat(value: object) -> bool:
    return isinstance(value, int | float) and is_number(value) and value > 1


def _rhat(value: object) -> object:
    if _is_rhat(value):
        return float(str(value))
    if isinstance(value, Mapping) and value and all(map(_is_rhat, value.values())):
        return {str(name): float(limit) for name, limit in value.items()}
    raise refused("not a limit for R-hat", value=value, allowed=_RHAT_WORDS)


def _divergences(value: object) -> object:
    if isinstance(value, int) and is_number(value) and 0 <= value < 2**31:
        return value
    share = value.get("share") if isinstance(value, Mapping) and len(value) == 1 else None
    if isinstance(share, int | float) and is_number(share) and 0 <= share < 1:
        return {"share": float(share)}
    raise refused("not a number of divergences", value=value, allowed=_DIVERGENCES_WORDS)


Rhat = Annotated[
    float | dict[str, float],
    BeforeValidator(
        _rhat,
        json_schema_input_type=Annotated[float, Field(gt=1)]
        | Annotated[
            dict[str, Annotated[float, Field(gt=1)]], Field(min_length=1), titled(_BY_NAME)
        ],
    ),
]
Divergences = Annotated[
    int | dict[str, float],
    BeforeValidator(
        _divergences,
        json_schema_input_type=Annotated[int, Field(ge=0, lt=2**31)]
        | Annotated[
            dict[str, Annotated[float, Field(ge=0, lt=1)]],
            Field(min_length=1, max_length=1),
            titled(_SHARE),
        ],
    ),
]


class Checks(Section):
    """What a fit must hold, and what happens where it does not.

    R-hat, ESS, divergences and E-BFMI judge NUTS; Pareto k̂ judges approximations.
    """

    on_fail: OnFail | None = Field(
        default=None,
        description="`stop`: nothing is computed from a failed fit, and the run exits 3 after "
        "the reports; `flag`: it is, and the report says so on its first screen. Without it, "
        "`stop` for nuts and `flag` for advi; a method's own `on_fail` goes first.",
    )
    rhat: Rhat = Field(
        default=DEFAULT_RHAT,
        description="Greatest rank-normalised split R-hat (Vehtari et al. 2021, "
        "doi:10.1214/20-BA1221); of some variables another than of the rest: parameters, "
        "transformed parameters and `lp__`, by name.",
    )
    ess: Count | None = Field(
        default=None,
        description="Least bulk and tail effective sample size over all chains; without it, "
        "100 a chain (Vehtari et al. 2021, doi:10.1214/20-BA1221).",
    )
    divergences: Divergences = Field(
        default=0,
        description="Most divergent transitions after warmup, or the most as a share of all draws "
        "(Betancourt 2017, arXiv:1701.02434).",
    )
    ebfmi: float = Field(
        default=0.3,
        description="Least energy Bayesian fraction of missing information of a chain "
        "(Betancourt 2017, arXiv:1701.02434).",
        ge=0,
    )
    khat: float | None = Field(
        default=None,
        description="Greatest Pareto k̂ of an approximation; without it, min(1 − 1/log10 S, 0.7) "
        "of S draws, up to which they are resampled (Yao et al. 2018, arXiv:1802.02538; Vehtari "
        "et al. 2024, arXiv:1507.02646).",
        gt=0,
    )

    @property
    def rhat_default(self) -> float:
        """The greatest R-hat of variables that have none of their own."""
        return self.rhat.get("default", DEFAULT_RHAT) if isinstance(self.rhat, dict) else self.rhat

    @property
    def rhat_of(self) -> dict[str, float]:
        """The greatest R-hat of variables that have one of their own."""
        named = self.rhat if isinstance(self.rhat, dict) else {}
        return {name: limit for name, limit in named.items() if name != "default"}
