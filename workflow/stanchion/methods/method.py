"""What a method is: a section of the declaration that answers what the rest of the package asks.

Nothing outside of this room asks which method it has before it: the plan, the steps, the messages
and the report ask the method. Its files are imported with the declaration, at the top of the
Snakefile, so that they import the numerical libraries only where they compute.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from stanchion.checks.row import Size
from stanchion.checks.verdicts import OnFail
from stanchion.methods.fields import SAVING
from stanchion.schema.fields import Section
from stanchion.stan.rows import Rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stanchion.draws.stan_csv import Chains
    from stanchion.draws.weighting import Weighted
    from stanchion.stan.program import Program
    from stanchion.stats.summary import Numbers


SOURCES = "sources"
"""The setting of files that a method's script reads: of those there may be any number."""


@dataclass(frozen=True)
class Misfit:
    """Why a method cannot be used with a program, said of the program, and what to do instead."""

    what: str
    todo: str
    at: tuple[str, ...] = ()
    """Which setting of the method it is about, where that is one."""


def without_parameters(program: Program, verb: str) -> Misfit | None:
    """Return the misfit of a program in which there is nothing to `verb`, None where there is."""
    if program.parameters:
        return None
    return Misfit(
        f"has no parameters: there is nothing to {verb}",
        "use `method: fixed_param`, which draws its generated quantities, in an analysis of "
        "programs without parameters",
    )


class Method(Section):
    """How draws are obtained. A subclass is one method, in a file of its own."""

    if TYPE_CHECKING:  # each method declares them itself, below its own settings
        method: str
        draws: int
        models: list[str] | None
        seed: int | None
        time_limit: str | None
        on_fail: OnFail | None

    version: ClassVar[int] = 1
    """Raise it when the same chains must give other weights or checks: it enters the keys of the
    fit's draws and diagnosis. The command line itself is part of a chain's key."""
    checks: ClassVar[tuple[str, ...]]
    """The checks of a fit, by their names in the catalogue of checks."""
    default_on_fail: ClassVar[OnFail]
    is_reference: ClassVar[bool] = False
    """Whether its draws are the posterior's: the means of an approximation are held to them."""
    is_exact: ClassVar[bool] = False
    """Whether it is for conjugate models, whose posterior is known, and for no others."""
    is_posterior: ClassVar[bool] = True
    """Whether its draws stand for a posterior, of which there can be a comparison."""
    is_point: ClassVar[bool] = False
    """Whether it gives one point, with errors by curvature, and nothing that needs draws."""
    is_markov: ClassVar[bool] = False
    """Whether its jobs are Markov chains, which have R-hat and effective sample sizes."""
    is_external: ClassVar[bool] = False
    """Whether its draws are of another program, so that the model's is not run for them."""
    repeats: ClassVar[bool] = True
    """Whether the same key gives the same bytes of draws when it is made again."""
    results: ClassVar[tuple[str, ...]] = ("parameters", "transformed_parameters")
    """Blocks of the program that are what the method is for: the summary shows them where
    `parameters` names none, and no draw of them may lack a value."""
    keeps: ClassVar[frozenset[str]] = frozenset()
    """What an analysis' `keep` may name of its run: `warmup`, its draws; `metric`, what they led a
    chain to."""
    unused: ClassVar[tuple[str, ...]] = ()
    """Columns of the gate that the method fills with one constant."""
    memory: ClassVar[int] = 1000
    """MB that one of its jobs reserves, unless a profile says otherwise."""
    minutes: ClassVar[int] = 30
    """Minutes after which a cluster may end one, unless a profile says otherwise."""
    unkeyed: ClassVar[frozenset[str]] = frozenset()
    """Settings that decide no result, such as threads."""
    advice: ClassVar[Mapping[str, str]] = {}
    """What to try where a check of it fails, by check, in place of the catalogue's words."""
    chain_name: ClassVar[str] = "chain {chain}"
    """What a message calls one of its jobs."""
    fewest_draws: ClassVar[int] = 1
    fewest_because: ClassVar[str] = "a fit needs"

    @property
    def variant(self) -> str:
        """Its name in tables of measurements, which tell some of its settings apart."""
        return self.method

    @property
    def jobs(self) -> int:
        """How many jobs a fit has, each a process with a Stan CSV of its own."""
        return 1

    @property
    def threads(self) -> int:
        """How many threads a job has."""
        return 1

    @property
    def markov_chains(self) -> int:
        """How many Markov chains its draws are of; 0 where there is none."""
        return self.jobs if self.is_markov else 0

    @property
    def files(self) -> Mapping[str, tuple[str, ...]]:
        """Files of the project that it needs beside program and data, by the setting."""
        return {}

    @property
    def drawn_files(self) -> tuple[str, ...]:
        """Those of them that hold its draws, where nothing is sampled."""
        return ()

    @property
    def hashes(self) -> tuple[str, ...]:
        """The SHA-256 that the files of its draws must have, in the same order."""
        return ()

    @property
    def interpreter(self) -> str | None:
        """The program that runs its script, None for Stanchion's own Python."""
        return None

    @property
    def parts(self) -> int:
        """In how many equal parts a job's draws come, each of which may be missing as a whole."""
        return 1

    @property
    def start(self) -> float | str | None:
        """Where a job starts: a number, a file, or None for CmdStan's own."""
        return None

    @property
    def source(self) -> str | None:
        """The name of another method of the analysis whose draws its own sampling reads."""
        return None

    @property
    def procedure(self) -> str | None:
        """How a fit is sampled that takes more than one command line, by its name in the catalogue
        of procedures; None where each job is one command line.
        """
        return None

    @property
    def draws_of(self) -> str | None:
        """The name of the method of the analysis whose draws it takes, None where it draws."""
        return None

    @property
    def own_program(self) -> str | None:
        """The path of a program that it runs in place of the model's."""
        return None

    @property
    def decides_by(self) -> tuple[str, ...]:
        """Thresholds of the analysis' checks by which its procedure decides."""
        return ()

    @property
    def stops_at(self) -> Mapping[str, float]:
        """Thresholds at which its procedure is content, by their names among the checks."""
        return {}

    @property
    def judged_by(self) -> tuple[str, ...]:
        """The checks of a fit with these settings."""
        return self.checks

    @property
    def saving(self) -> dict[str, Any] | None:
        """How a job saves its state while it runs, None where it has none to go on from."""
        if not type(self).model_fields.keys() >= set(SAVING):
            return None
        return {name: getattr(self, name) for name in SAVING}

    @property
    def unused_settings(self) -> frozenset[str]:
        """Settings that are of no effect as they stand: they enter no key, and no report."""
        return frozenset()

    @property
    def settings(self) -> dict[str, Any]:
        """What was declared of it with the defaults, as plain JSON, where it decides a result."""
        outside = {"method", "models", "seed", "time_limit", "on_fail"}
        exclude = {*outside, *self.unkeyed, *self.unused_settings}
        return self.model_dump(mode="json", exclude=exclude)

    @property
    def size(self) -> Size:
        """How much it draws: what defaults of thresholds depend on."""
        return Size(self.jobs, self.draws)

    def estimate(self, *, has_priors: bool) -> str | None:
        """Return what its point is called, of a model with priors or without; None for draws."""
        return None

    def command(self, keep: Collection[str] = ()) -> list[str]:
        """Return the words of CmdStan's command line that choose and set the method."""
        raise NotImplementedError

    def rows(self, keep: Collection[str] = ()) -> Rows:
        """Return the rows that each of its Stan CSVs must hold."""
        raise NotImplementedError

    def misfit(self, program: Program) -> Misfit | None:
        """Return why a program cannot be used with it, or None where it can."""
        return None

    def errors(self, draws: NDArray[np.float64], columns: list[int]) -> Numbers:
        """Return the Monte Carlo columns of the summary where `chain × draw × column` are neither
        chains that show them themselves nor weighted: none, where nothing is known of them.
        """
        return {}

    def weigh(self, raw: Chains, seed: int) -> Weighted | None:
        """Return the draws of an approximation with their weights, None where all count alike."""
        return None
