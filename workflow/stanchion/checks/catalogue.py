"""The catalogue of checks: everything that is known of a check is its row here.

What judges, what words a verdict, what documents the declaration and what shows the status ask the
row. Its order is that of diagnostics.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from stanchion.checks import measures
from stanchion.checks.row import Figure, Row, Size, Threshold
from stanchion.checks.verdicts import WARN
from stanchion.stats.thresholds import GREATEST_PATH_DIFFERENCE, khat_threshold

if TYPE_CHECKING:
    from stanchion.checks.numbers import ComparisonNumbers, FitNumbers

RHAT, NESTED, KHAT = "rhat", "nested_rhat", "khat"
ATTEMPTS = "attempts"
"""The check of what was tried, of each fit that is sampled by a procedure."""
ESS_PER_CHAIN = 100
FEWEST_CHAINS = 4
GREATEST_DIFFERENCE = 0.5
GREATEST_PRIOR_DRAW = 1e10
FARTHEST_FROM_MODE = 0.01
_VEHTARI_2021 = "Vehtari et al. 2021, doi:10.1214/20-BA1221"
_BETANCOURT_2017 = "Betancourt 2017, arXiv:1701.02434"
_VEHTARI_2024 = "Vehtari et al. 2024, arXiv:1507.02646"
_YAO_2018 = f"Yao et al. 2018, arXiv:1802.02538; {_VEHTARI_2024}"

_MARGOSSIAN_2024 = "Margossian et al. 2024, doi:10.1214/24-BA1453"

_RHAT = Threshold(
    key=RHAT,
    words="R-hat",
    meaning=f"Greatest rank-normalised split R-hat ({_VEHTARI_2021}), and nested R-hat where "
    f"there are superchains ({_MARGOSSIAN_2024}); of some variables another than of the rest: "
    "parameters, transformed parameters and `lp__`, by name.",
    default=1.01,
    form="by_variable",
    above=1,
    prior=1.05,
)
_NO_MODE = (
    "The optimiser did not end at a mode. Raise `iter`, look for a density without an upper limit "
    "(a scale that shrinks to zero, a parameter without a prior), and at `init`."
)
_NOT_GENERATED = (
    "Generated quantities have no value in these draws. Where one of them fails, such as a random "
    "number with a scale that is not positive, Stan gives none of that draw: mend that statement, "
    "and give every element a value."
)
_WORST_RHAT = Figure("worst R-hat", RHAT)
_LEAST_ESS = Figure("least ESS", "ess")
_ESS = Threshold(
    key="ess",
    words="ESS",
    meaning="Least bulk and tail effective sample size over all chains; without it, 100 a chain "
    f"({_VEHTARI_2021}); of some variables another than of the rest, by name.",
    default=lambda size: ESS_PER_CHAIN * size.chains,
    form="by_variable",
    above=0,
    prior=100,
)
"""A prior is looked at, not summarised to the third digit: a hundred independent draws place a tail
of 5 % to ± 2 %, and R-hat may be as large as 1.05."""

OF_FITS: tuple[Row[FitNumbers], ...] = (
    Row(
        name="finite",
        words="non-finite quantities",
        source="a draw that is not a number has no posterior",
        advice="A quantity became NaN or infinite. Look for a logarithm of zero, a division by "
        "zero or an overflow in the named quantities, and declare the bounds that they need.",
        measure=lambda fit: fit.flagged(fit.columns.unsound),
    ),
    Row(
        name="constant",
        words="stuck quantities",
        source=f"{_VEHTARI_2021}: chains that do not move",
        advice="A chain did not move. Look for a parameter that data and prior leave free, for "
        "bounds that exclude the start, and at `init`.",
        measure=lambda fit: fit.flagged(fit.columns.stuck | fit.columns.frozen),
    ),
    Row(
        name="chains",
        words="chains",
        source=f"{_VEHTARI_2021}: four chains",
        advice="Run four chains or more: a single chain cannot show that it missed something.",
        measure=measures.chains,
        threshold=FEWEST_CHAINS,
        worse="smaller",
    ),
    Row(
        name=RHAT,
        words="R-hat",
        source=_VEHTARI_2021,
        advice="The chains disagree. Run longer (`warmup`, `draws`); if it stays, look for more "
        "than one mode, for parameters that the data cannot tell apart, and for priors that are "
        "too wide.",
        measure=measures.rhat,
        threshold=_RHAT,
        digits=3,
        ideal=1,
        figure=_WORST_RHAT,
    ),
    Row(
        name=NESTED,
        words="nested R-hat",
        source=f"{_MARGOSSIAN_2024}; the limit is that of R-hat, {_VEHTARI_2021}",
        advice="The superchains disagree. Run a longer `warmup`; if it stays, look for more than "
        "one mode, for parameters that the data cannot tell apart, and for priors that are too "
        "wide. Of few short chains it may be chance: run more `chains` in each superchain.",
        measure=measures.nested_rhat,
        threshold=_RHAT,
        digits=3,
        ideal=1,
        figure=_WORST_RHAT,
    ),
    Row(
        name="ess_bulk",
        words="bulk ESS",
        source=_VEHTARI_2021,
        advice="Too few independent draws for the centre. Raise `draws`; better, reparameterise "
        "the named quantities or tighten their priors.",
        measure=lambda fit: fit.each(fit.columns.ess_bulk),
        threshold=_ESS,
        worse="smaller",
        figure=_LEAST_ESS,
    ),
    Row(
        name="ess_tail",
        words="tail ESS",
        source=_VEHTARI_2021,
        advice="Too few independent draws for the tails, so intervals are unsure. Raise `draws`; "
        "look for heavy tails and hard bounds in the named quantities.",
        measure=lambda fit: fit.each(fit.columns.ess_tail),
        threshold=_ESS,
        worse="smaller",
        figure=_LEAST_ESS,
    ),
    Row(
        name="divergences",
        words="divergences",
        source=_BETANCOURT_2017,
        advice="The sampler missed a region that it could not enter, so the estimates may be "
        "biased. Write hierarchical terms in the non-centred form, tighten priors on scales, or "
        "raise `adapt_delta` towards 0.99.",
        measure=lambda fit: fit.draws_flagged(fit.sampler.diverging),
        threshold=Threshold(
            key="divergences",
            words="divergences",
            meaning="Most divergent transitions after warmup, or the most as a share of all draws "
            f"({_BETANCOURT_2017}).",
            default=0,
            form="share",
        ),
        figure=Figure("divergences", "divergences"),
    ),
    Row(
        name="ebfmi",
        words="E-BFMI",
        source="Betancourt 2016, arXiv:1604.00695",
        advice="The sampler explores the energy slowly, often because of heavy tails. "
        "Reparameterise, tighten the priors of scales, or run a longer `warmup`.",
        measure=measures.energy,
        threshold=Threshold(
            key="ebfmi",
            words="E-BFMI",
            meaning="Least energy Bayesian fraction of missing information of a chain "
            f"({_BETANCOURT_2017}).",
            default=0.3,
            least=0,
        ),
        worse="smaller",
        digits=2,
    ),
    Row(
        name="treedepth",
        words="saturated trajectories",
        source="Hoffman and Gelman 2014, JMLR 15: the trajectory was cut short",
        advice="Trajectories were cut short, which costs time rather than truth. Raise "
        "`max_treedepth`, or rescale the parameters that differ much in size or are correlated.",
        measure=lambda fit: fit.draws_flagged(fit.sampler.saturated),
        gravest=WARN,
    ),
    Row(
        name="extent",
        words="largest absolute draw",
        source="an improper prior has no draws: the sampler wanders off without a divergence",
        advice="The prior puts draws at absurd values, or is improper: then it has no draws at "
        "all, and the sampler wanders off. Give every parameter a proper prior.",
        measure=measures.extent,
        threshold=GREATEST_PRIOR_DRAW,
        gravest=WARN,
        digits="significant",
        waivable=False,
    ),
    Row(
        name=KHAT,
        words="Pareto k̂",
        source=_YAO_2018,
        advice="The approximation does not cover the posterior. Use NUTS for conclusions; to keep "
        "the approximation, try other parameters.",
        advice_within="k̂ allows to weight these draws, and they are not weighted: what stands here "
        "is the approximation's, not the posterior's. Use NUTS, or let them be weighted: without "
        "`resample: false`, and of paths that agree.",
        advice_without="Nothing vouches for these draws. Use NUTS for conclusions.",
        measure=measures.khat,
        threshold=Threshold(
            key=KHAT,
            words="Pareto k̂",
            meaning="Greatest Pareto k̂ of an approximation; without it, min(1 − 1/log10 S, 0.7) "
            f"of S draws, up to which they are resampled ({_YAO_2018}).",
            default=lambda size: khat_threshold(size.draws),
            above=0,
        ),
        digits=2,
        figure=Figure("Pareto k̂", "khat", "k-hat"),
    ),
    Row(
        name="nuts_difference",
        words="difference from the sampler in sds",
        source="half a posterior standard deviation moves every interval visibly",
        advice="The approximation puts the named means elsewhere than the sampler does. Report "
        "the sampler's fit; to mend the approximation, try more `draws` or other parameters.",
        measure=measures.nuts_difference,
        threshold=GREATEST_DIFFERENCE,
        gravest=WARN,
        digits=2,
        waivable=False,
        figure=Figure("off the sampler, in sds"),
    ),
    Row(
        name="paths",
        words="paths that gave draws",
        source="a path that failed has no draws among the others'",
        advice="A path found no approximation, so that the draws are of fewer starts than "
        "declared; the log of the fit's chain says why. Look at `init` and at where the log "
        "density has no gradient, or raise `paths`.",
        measure=measures.paths,
        worse="smaller",
        gravest=WARN,
        waivable=False,
    ),
    Row(
        name="path_difference",
        words="difference between paths in sds",
        source="half a posterior standard deviation moves every interval visibly",
        advice="The paths end in different places, as where there are several modes: their draws "
        "have the shares of the paths, not those of the modes, and k̂ does not see it. Use NUTS, "
        "and look whether its chains agree; or name the modes apart in the program.",
        measure=measures.path_difference,
        threshold=GREATEST_PATH_DIFFERENCE,
        digits=2,
    ),
    Row(
        name="converged",
        words="distance from the mode in standard errors",
        source="Boyd and Vandenberghe 2004, Convex Optimization, section 9.5.1: the Newton "
        "decrement; a hundredth of a standard error changes no reported figure",
        advice=_NO_MODE,
        advice_without=_NO_MODE,
        measure=measures.converged,
        threshold=FARTHEST_FROM_MODE,
        digits="significant",
        figure=Figure("off the mode, in SEs"),
    ),
    Row(
        name="curvature",
        words="quantities without a standard error",
        source="standard errors are the inverse curvature, which a ridge or a bound does not have",
        advice="There is no standard error of this point. Look for parameters that the data cannot "
        "tell apart, and for a mode at a bound; `method: nuts` says how unsure they are.",
        measure=measures.curvature,
    ),
    Row(
        name="modes",
        words="modes",
        source="a mode that another start does not reach is not known to be the highest",
        advice="Starts ended at different modes, or at none: the highest of them stands here, and "
        "says nothing of the others. Use `method: nuts`; or break the symmetry of the program, "
        "tighten its priors, and raise `starts`.",
        measure=measures.modes,
        threshold=1,
        gravest=WARN,
        waivable=False,
    ),
    Row(
        name="generated",
        words="share of draws without generated quantities",
        source="draws without a value give no quantile and no probability",
        advice=_NOT_GENERATED,
        advice_without=_NOT_GENERATED,
        measure=measures.generated,
        digits="percent",
    ),
    Row(
        name="prior_only",
        words="effect of prior_only on the log density",
        source="the log density of the program with and without its likelihood",
        advice="These are draws from the posterior: the program declares `prior_only`, and its "
        "log density does not depend on it. Write `if (!prior_only) { … }` around the likelihood.",
        measure=lambda fit: None if fit.switch is None else fit.switch.effect(),
        worse="smaller",
        digits="significant",
        waivable=False,
        allows="above rounding error",
    ),
    Row(
        name="source",
        words="failed checks of the draws' own fit",
        source="quantities are as good as the draws at which they are generated",
        advice="These quantities were generated at the draws of a fit that failed its checks. Mend "
        "that fit: what its checks say stands with it.",
        advice_within="These quantities were generated at the draws of a fit that has a warning: "
        "what its checks say stands with it.",
        measure=measures.source,
        waivable=False,
    ),
    Row(
        name=ATTEMPTS,
        words="failed attempts",
        source="draws that are taken after a failure are chosen by it; what was asked for and not "
        "reached is not there",
        advice="Sampling failed before it succeeded, or the last attempt is not what was asked "
        "for. Look at what was tried; raise `max_draws` where `until` was not reached, and rest "
        "the result on a declaration that needs no repair.",
        measure=measures.attempts,
        gravest=WARN,
        waivable=False,
    ),
)
OF_COMPARISONS: tuple[Row[ComparisonNumbers], ...] = (
    Row(
        name="outcome",
        words="differences of outcome",
        source="densities of different outcomes have no common unit",
        advice="Compare models of the same rows and of the same outcome, on the same scale. If "
        "what differs is not the outcome, name the outcome in `compare: {observed: …}`.",
        measure=measures.outcome,
        waivable=False,
    ),
    Row(
        name="compared",
        words="models compared",
        source="a comparison is of all models that it is declared for",
        advice="Mend the models that are left out, or take them out of the analysis.",
        measure=measures.compared,
        worse="smaller",
        waivable=False,
    ),
    Row(
        name="loo_khat",
        words="bad Pareto k̂ in LOO",
        source=f"Vehtari, Gelman and Gabry 2017, arXiv:1507.04544; {_VEHTARI_2024}",
        advice="At these observations the posterior without them is too far from the posterior "
        "with them, so elpd is unsure and may be far off. Rest no choice on it; look at these "
        "observations, refit without them, or use K-fold cross-validation.",
        measure=measures.loo_khat,
        gravest=WARN,
        waivable=False,
    ),
)
_ROWS: tuple[Row[Any], ...] = (*OF_FITS, *OF_COMPARISONS)
CHECKS: Mapping[str, Row[Any]] = {row.name: row for row in _ROWS}

_SAMPLED = "finite constant chains rhat ess_bulk ess_tail divergences ebfmi treedepth generated"
OF_SAMPLED = tuple(_SAMPLED.split())
"""The checks of chains by NUTS, and for the tree depth by static HMC; the others' stand in their
files."""
OF_PRIORS = (*OF_SAMPLED, "extent", "prior_only")
"""The checks of draws from a prior: those of a fit by NUTS, which warn of it at most, and more."""


def thresholds() -> dict[str, Threshold]:
    """Return the thresholds that the declaration may set, by their key."""
    limits = (row.threshold for row in CHECKS.values())
    return {threshold.key: threshold for threshold in limits if isinstance(threshold, Threshold)}


def is_worse_smaller(key: str) -> bool:
    """Tell whether values below the threshold of a key break it, rather than those above."""
    return any(
        row.worse == "smaller" for row in CHECKS.values() if row.threshold == thresholds()[key]
    )


def judging(checks: Iterable[str]) -> set[str]:
    """Return the keys of the thresholds that the named checks are held to."""
    limits = (CHECKS[name].threshold for name in checks)
    return {threshold.key for threshold in limits if isinstance(threshold, Threshold)}


def prior_thresholds(size: Size) -> dict[str, float]:
    """Return the thresholds of draws from the prior, by their key."""
    return {
        key: threshold.default_of(size) if threshold.prior is None else threshold.prior
        for key, threshold in thresholds().items()
    }


def figures() -> dict[Figure, tuple[str, ...]]:
    """Return the columns of the first screen, with the checks that each shows the gravest of."""
    shown = list(dict.fromkeys(row.figure for row in CHECKS.values() if row.figure is not None))
    return {
        figure: tuple(row.name for row in CHECKS.values() if row.figure == figure)
        for figure in shown
    }
