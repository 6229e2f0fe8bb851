"""How a posterior is obtained: NUTS or ADVI, with the bounds and defaults of CmdStan."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from stanchion.schema.fields import Count, Positive, Section, Seed, is_number, refused, titled
from stanchion.system.durations import PATTERN, WORDS, seconds_of

FEWEST_DRAWS = 4
"""Of a chain: fewer leave split R-hat and effective sample size undefined, here as in ArviZ."""
FEWEST_ADVI_DRAWS = 30
"""Pareto k̂ is fitted to a fifth of the draws, whose quartile is to be another than the least."""
OnFail = Literal["stop", "flag"]
_INIT_WORDS = "a number ≥ 0, or the path of a .json file"


def _init(value: object) -> object:
    if value is None or (isinstance(value, str) and value.endswith(".json")):
        return value
    if isinstance(value, int | float) and is_number(value) and value >= 0:
        return float(value)
    raise refused("not an initial value", value=value, allowed=_INIT_WORDS)


Init = Annotated[
    float | str | None,
    BeforeValidator(
        _init,
        json_schema_input_type=Annotated[float, Field(ge=0)]
        | Annotated[str, titled("the path of a .json file", r"\.json$")]
        | None,
    ),
    Field(
        description="Start within ± this number on the unconstrained scale (0: at zero), or from "
        "the values in a JSON file; without it, CmdStan's 2."
    ),
]
MethodSeed = Annotated[
    Seed | None,
    Field(description="Seed, in place of the one made from the project's seed and the names."),
]
MethodOnFail = Annotated[
    OnFail | None,
    Field(
        description="What a failed check does: nothing is computed from the fit, or it is and the "
        "report says so; without it, what the analysis' checks say."
    ),
]


def _duration(value: str) -> str:
    try:
        seconds_of(value)
    except ValueError:
        raise refused("not a duration", value=value, allowed=WORDS) from None
    return value


TimeLimit = Annotated[
    Annotated[
        str,
        AfterValidator(_duration),
        Field(json_schema_extra={"pattern": f"^{PATTERN}$", "title": WORDS}),
    ]
    | None,
    Field(
        description="Time that a chain may take, such as 90s, 30m, 2h or 1d: then it is ended and "
        "has failed; without it, no limit. It enters no key."
    ),
]


class Nuts(Section):
    """The No-U-Turn sampler, `method: nuts`."""

    method: Literal["nuts"] = Field(
        default="nuts", description="What the method is; needed where its name is another."
    )
    chains: Count = Field(default=4, description="Chains.")
    warmup: Count = Field(default=1000, description="Warmup iterations of a chain.")
    draws: Count = Field(
        default=1000, description="Iterations of a chain after warmup, before thinning."
    )
    thin: Count = Field(default=1, description="Keep every so many-th draw.")
    adapt_delta: float = Field(
        default=0.8, description="Target acceptance statistic of the adaptation.", ge=0.1, lt=1
    )
    max_treedepth: Count = Field(default=10, description="Greatest depth of a trajectory's tree.")
    metric: Literal["diag_e", "dense_e", "unit_e"] = Field(
        default="diag_e", description="Form of the mass matrix."
    )
    init: Init = None
    threads_per_chain: Count = Field(default=1, description="Threads within a chain.")
    seed: MethodSeed = None
    time_limit: TimeLimit = None
    on_fail: MethodOnFail = None


class Advi(Section):
    """Automatic differentiation variational inference, `method: advi`."""

    method: Literal["advi"] = Field(
        default="advi", description="What the method is; needed where its name is another."
    )
    algorithm: Literal["meanfield", "fullrank"] = Field(
        default="meanfield",
        description="Family of the approximation: independent normals, or one multivariate.",
    )
    draws: Count = Field(
        default=1000,
        description="Draws from the approximation; k̂ may be as large as 1 − 1/log10 of them, and "
        "0.7 at most.",
    )
    resample: bool = Field(
        default=True,
        description="Importance-resample the draws by PSIS where k̂ allows (Yao et al. 2018, "
        "arXiv:1802.02538); without it they stay the approximation's own, `unweighted`.",
    )
    iter: Count = Field(default=10000, description="Most iterations.")
    grad_samples: Count = Field(default=1, description="Draws for a gradient.")
    elbo_samples: Count = Field(default=100, description="Draws for an estimate of the ELBO.")
    eta: Positive = Field(default=1.0, description="Scale of the step size.")
    adapt_engaged: bool = Field(default=True, description="Adapt the scale of the step size.")
    adapt_iter: Count = Field(default=50, description="Iterations of that adaptation.")
    tol_rel_obj: Positive = Field(
        default=0.01, description="Relative change of the ELBO at which it has converged."
    )
    eval_elbo: Count = Field(default=100, description="Iterations between looks at the ELBO.")
    init: Init = None
    seed: MethodSeed = None
    time_limit: TimeLimit = None
    on_fail: MethodOnFail = None


Method = Nuts | Advi
METHODS: dict[str, type[Nuts] | type[Advi]] = {"nuts": Nuts, "advi": Advi}
