"""The checks of a fit: thresholds, their sources, and what a failure does."""

from __future__ import annotations

from pydantic import Field

from stanchion.config.base import Count, Section
from stanchion.config.method import OnFail


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
    rhat: float = Field(
        default=1.01,
        description="Greatest rank-normalised split R-hat (Vehtari et al. 2021, "
        "doi:10.1214/20-BA1221).",
        gt=1,
    )
    ess: Count | None = Field(
        default=None,
        description="Least bulk and tail effective sample size over all chains; without it, "
        "100 a chain (Vehtari et al. 2021, doi:10.1214/20-BA1221).",
    )
    divergences: int = Field(
        default=0,
        description="Most divergent transitions after warmup (Betancourt 2017, arXiv:1701.02434).",
        ge=0,
        le=2**31 - 1,
    )
    ebfmi: float = Field(
        default=0.3,
        description="Least energy Bayesian fraction of missing information of a chain "
        "(Betancourt 2017, arXiv:1701.02434).",
        ge=0,
    )
    khat: float = Field(
        default=0.7,
        description="Greatest Pareto k̂ of an approximation (Yao et al. 2018, "
        "arXiv:1802.02538; Vehtari et al. 2024, arXiv:1507.02646).",
        gt=0,
    )
