"""What samplers by Hamiltonian Monte Carlo have in common: chains that adapt, and their checks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from stanchion.checks.catalogue import NESTED, RHAT
from stanchion.checks.row import Size
from stanchion.checks.verdicts import OnFail
from stanchion.draws.attempts import PATHFINDER
from stanchion.methods.fields import SAVING
from stanchion.methods.method import Method, Misfit, without_parameters
from stanchion.methods.repair import OnDivergence
from stanchion.methods.until import Until, check_rounds
from stanchion.schema.fields import refused
from stanchion.stan.command import number
from stanchion.stan.rows import Rows

if TYPE_CHECKING:
    from stanchion.stan.program import Program

FEWEST_DRAWS = 4
"""Of a chain: fewer leave split R-hat and effective sample size undefined, here as in ArviZ."""
DECIDING = frozenset(
    {
        "init_tries",
        "on_divergence",
        "on_saturation",
        "on_stuck",
        "until",
        "max_draws",
        "metric_from",
        "superchains",
    }
)
"""Settings by which results decide what else is run, so that a fit is one job."""


class Hamiltonian(Method):
    """A sampler of Markov chains. A subclass has the settings below, and `engine`."""

    if TYPE_CHECKING:
        chains: int
        warmup: int
        thin: int
        adapt_delta: float
        metric: str
        metric_from: str | None
        superchains: int | None
        init: float | str | None
        init_tries: int
        until: Until | None
        max_draws: int | None
        on_divergence: OnDivergence | None
        threads_per_chain: int

    default_on_fail: ClassVar[OnFail] = "stop"
    is_reference: ClassVar[bool] = True
    is_markov: ClassVar[bool] = True
    keeps: ClassVar[frozenset[str]] = frozenset({"warmup", "metric"})
    unkeyed: ClassVar[frozenset[str]] = frozenset({"threads_per_chain", *SAVING})
    fewest_draws: ClassVar[int] = FEWEST_DRAWS
    fewest_because: ClassVar[str] = "a chain needs for R-hat and effective sample size"

    @property
    def jobs(self) -> int:
        """A job a chain."""
        return self.chains

    @property
    def threads(self) -> int:
        """Those within a chain."""
        return self.threads_per_chain

    @property
    def start(self) -> float | str | None:
        """The declared `init`, where it is known before anything has run."""
        return None if self.from_pathfinder else self.init

    @property
    def from_pathfinder(self) -> bool:
        """Whether the chains start at draws of Pathfinder."""
        return self.init == PATHFINDER

    @property
    def source(self) -> str | None:
        """The method whose draws give the inverse metric to start from."""
        return self.metric_from

    @property
    def size(self) -> Size:
        """What begins at one point counts once, as a chain does elsewhere."""
        return Size(self.superchains or self.chains, self.draws)

    @property
    def judged_by(self) -> tuple[str, ...]:
        """The checks, with nested R-hat in place of R-hat where there are superchains."""
        if self.superchains is None:
            return self.checks
        return tuple(NESTED if name == RHAT else name for name in self.checks)

    @property
    def procedure(self) -> str | None:
        """One where a setting is declared that decides by results; else each chain is a job."""
        decides = self.from_pathfinder or self._deciding - self.unused_settings
        return "hamiltonian" if decides else None

    @property
    def unused_settings(self) -> frozenset[str]:
        """Settings that decide by results, where they are not declared."""
        fields = type(self).model_fields
        return frozenset(n for n in self._deciding if getattr(self, n) == fields[n].default)

    @property
    def decides_by(self) -> tuple[str, ...]:
        """Those that `until` leaves to the analysis, and the divergences that have consequences."""
        divergences = ("divergences",) if self.refits_after_divergences else ()
        return (*(() if self.until is None else self.until.of_checks), *divergences)

    @property
    def stops_at(self) -> Mapping[str, float]:
        """What `until` says itself."""
        return {} if self.until is None else self.until.thresholds

    def with_draws(self, draws: int) -> Self:
        """Return the plain method of as many draws: nothing is looked at on the way."""
        return self.model_copy(update={"draws": draws, "until": None, "max_draws": None})

    @property
    def _deciding(self) -> frozenset[str]:
        return DECIDING & type(self).model_fields.keys()

    @model_validator(mode="after")
    def _can_start_elsewhere(self) -> Self:
        if self.init_tries > 1 and (self.init == 0 or isinstance(self.start, str)):
            at = "zero" if self.init == 0 else "the values of a file"
            raise refused(
                f"a chain that starts at {at} finds the same in each try",
                at=["init_tries"],
                value=self.init_tries,
                todo="remove init_tries, or let chains start within ± a number above 0",
            )
        return self

    @model_validator(mode="after")
    def _can_go_on(self) -> Self:
        check_rounds(self.until, self.draws, self.max_draws, self.thin, self.saving or {})
        return self

    @model_validator(mode="after")
    def _has_whole_superchains(self) -> Self:
        groups = self.superchains
        if groups is None:
            return self
        if self.chains % groups or self.chains < 2 * groups:
            raise refused(
                f"{self.chains} chains are not {groups} superchains of two chains or more each",
                at=["superchains"],
                value=groups,
                todo=f"declare chains: {4 * groups}, or another multiple of {groups}",
            )
        if self.init == 0 or isinstance(self.start, str):
            raise refused(
                "superchains start at points of their own, and this init is one point",
                at=["init"],
                value=self.init,
                allowed=f"a number > 0, {PATHFINDER}, or nothing",
                todo="remove init, or superchains",
            )
        return self

    @model_validator(mode="after")
    def _has_a_metric_to_start_from(self) -> Self:
        if self.metric_from is not None and self.metric == "unit_e":
            raise refused(
                "the unit metric is not adapted, and starts from nothing",
                at=["metric_from"],
                value=self.metric_from,
                todo="remove metric_from, or declare metric: diag_e or dense_e",
            )
        return self

    @model_validator(mode="after")
    def _refits_with_more(self) -> Self:
        if self.on_divergence is not None and self.on_divergence.adapt_delta[0] <= self.adapt_delta:
            raise refused(
                f"a refit with adapt_delta {self.on_divergence.adapt_delta[0]:g} after one with "
                f"{self.adapt_delta:g} mends nothing",
                at=["on_divergence", "adapt_delta", 0],
                value=self.on_divergence.adapt_delta[0],
                allowed=f"a number above {self.adapt_delta:g} and below 1",
                todo="raise it, or lower the adapt_delta of the method",
            )
        return self

    @property
    def refits_after_divergences(self) -> bool:
        """Whether more divergences than the checks allow have consequences."""
        return self.on_divergence is not None

    @property
    def refits_after_saturation(self) -> bool:
        """Whether trajectories that were cut short have consequences."""
        return False

    @property
    def restarts_stuck(self) -> bool:
        """Whether a chain that is stuck is started anew."""
        return False

    @property
    def greatest_depth(self) -> int | None:
        """The depth of a tree at which a trajectory is cut short, None where there is no tree."""
        return None

    def after_divergences(self) -> Self | None:
        """Return the method of the refit that too many divergences have, if one is left."""
        if self.on_divergence is None:
            return None
        first, *rest = self.on_divergence.adapt_delta
        left = OnDivergence(adapt_delta=rest) if rest else None
        return self.model_copy(update={"adapt_delta": first, "on_divergence": left})

    def after_saturation(self) -> Self | None:
        """Return the method of the refit that trajectories cut short have, if one is left."""
        return None

    @property
    def engine(self) -> Sequence[str]:
        """The words that choose and set what proposes the next draw."""
        raise NotImplementedError

    @property
    def step_size(self) -> Sequence[str]:
        """The words that set the step size, behind those of the metric; none for CmdStan's."""
        return ()

    def saves_warmup(self, keep: Collection[str]) -> bool:
        """Tell whether the draws of the warm-up are in the Stan CSVs."""
        return "warmup" in keep

    def command(self, keep: Collection[str] = ()) -> list[str]:
        """Return the words for one chain, a process of its own."""
        return [
            "method=sample",
            f"num_samples={self.draws}",
            f"num_warmup={self.warmup}",
            f"save_warmup={int(self.saves_warmup(keep))}",
            f"thin={self.thin}",
            "adapt",
            "engaged=1",
            f"delta={number(self.adapt_delta)}",
            "algorithm=hmc",
            *self.engine,
            f"metric={self.metric}",
            *self.step_size,
            "num_chains=1",
        ]

    def rows(self, keep: Collection[str] = ()) -> Rows:
        """Return every so many-th draw, the first included; so of the warm-up before them."""
        warmup = self.warmup if self.saves_warmup(keep) else 0
        return Rows(-(-self.draws // self.thin), before=-(-warmup // self.thin))

    def misfit(self, program: Program) -> Misfit | None:
        """Ask for a parameter: without one there is no posterior, and no check of its sampling.

        And for the variables whose Monte Carlo error `until` limits.
        """
        misfit = without_parameters(program, "sample")
        return misfit if misfit or self.until is None else self.until.misfit(program)
