"""Settings that several methods have: start, seed, time limit, what a failed check does."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from stanchion.checks.verdicts import OnFail
from stanchion.draws.attempts import PATHFINDER
from stanchion.schema.fields import Count, Distinct, NotEmpty, Seed, is_number, refused, titled
from stanchion.system.durations import PATTERN, WORDS, seconds_of

METHOD_WORDS = "What the method is; needed where its name is another."
SAVING = ("checkpoint", "keep_state", "resume_elsewhere")
"""Settings of how a chain saves its state."""
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


def _chain_init(value: object) -> object:
    return value if value == PATHFINDER else _init(value)


ChainInit = Annotated[
    float | str | None,
    BeforeValidator(
        _chain_init,
        json_schema_input_type=Annotated[float, Field(ge=0)]
        | Annotated[str, titled("the path of a .json file, or pathfinder", r"\.json$|^pathfinder$")]
        | None,
    ),
    Field(
        description="Start within ± this number on the unconstrained scale (0: at zero), or from "
        "the values in a JSON file; `pathfinder` runs Pathfinder first, and starts each chain at a "
        "draw of a path of its own: R-hat is weaker evidence then. Without it, CmdStan's 2."
    ),
]
MetricFrom = Annotated[
    Annotated[str, titled("the name of a method of the analysis")] | None,
    Field(
        description="Another method of the analysis, an approximation or a sampler, whose draws "
        "of the same dataset and model give the inverse metric that the adaptation starts from, "
        "whatever its checks say. An approximation that is taken from is compared only with "
        "samplers that take from none."
    ),
]
Superchains = Annotated[
    Annotated[int, Field(ge=2, le=2**31 - 1)] | None,
    Field(
        description="Groups that the chains stand in, two chains or more in each, which start at "
        "the same point. Nested R-hat (Margossian et al. 2024, doi:10.1214/24-BA1453) is then "
        "held to the limit of R-hat in its place, and `ess` is 100 a superchain where none is "
        "declared."
    ),
]
InitTries = Annotated[
    int,
    Field(
        ge=1,
        le=100,
        description="Times that a chain is started which finds no initial values with a finite log "
        "density; each with a seed derived from the fit's. A fit with a retry warns at best.",
    ),
]
Chains = Annotated[Count, Field(description="Chains.")]
Warmup = Annotated[Count, Field(description="Warmup iterations of a chain.")]
Iterations = Annotated[
    Count, Field(description="Iterations of a chain after warmup, before thinning.")
]
Thin = Annotated[Count, Field(description="Keep every so many-th draw.")]
AdaptDelta = Annotated[
    float, Field(ge=0.1, lt=1, description="Target acceptance statistic of the adaptation.")
]
Metric = Annotated[
    Literal["diag_e", "dense_e", "unit_e"], Field(description="Form of the mass matrix.")
]
Threads = Annotated[Count, Field(description="Threads within a chain.")]
MethodModels = Annotated[
    Annotated[
        list[Annotated[str, titled("the name of a model of the analysis")]], NotEmpty, Distinct
    ]
    | None,
    Field(
        description="The models of the analysis that it fits; without it, all. It enters no key."
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


Checkpoint = Annotated[
    float,
    Field(
        ge=0,
        le=86400,
        description="Seconds between two savings of a chain's state, from which a chain that was "
        "killed goes on with the same bytes; 0: none. After a save of more than 0.25 s the next "
        "waits a hundred times as long, at most 20 times these seconds. Needs Stanchion's own "
        "CmdStan. It enters no key.",
    ),
]
KeepState = Annotated[
    bool,
    Field(
        description="Keep the last state of a finished chain in the cache, so that more draws are "
        "added to those there are. It enters no key."
    ),
]
ResumeElsewhere = Annotated[
    bool,
    Field(
        description="Go on, too, from a state that was saved on a processor with other "
        "instructions, where the last bits may differ; without it the chain starts anew. It enters "
        "no key."
    ),
]
Duration = Annotated[
    str,
    AfterValidator(_duration),
    Field(json_schema_extra={"pattern": f"^{PATTERN}$", "title": WORDS}),
]
TimeLimit = Annotated[
    Duration | None,
    Field(
        description="Time that a chain may take, such as 90s, 30m, 2h or 1d: then it is ended and "
        "has failed; without it, no limit. It enters no key."
    ),
]
