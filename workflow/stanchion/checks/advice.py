"""Verdicts, and what to try when a check of a fit fails, in plain words. Imports nothing."""

from __future__ import annotations

_ADVICE = {
    "finite": "A quantity became NaN or infinite. Look for a logarithm of zero, a division by zero "
    "or an overflow in the named quantities, and declare the bounds that they need.",
    "generated": "Generated quantities have no value in these draws. Where one of them fails, such "
    "as a random number with a scale that is not positive, Stan gives none of that draw: mend that "
    "statement, and give every element a value.",
    "chains": "Run four chains or more: a single chain cannot show that it missed something.",
    "constant": "A chain did not move. Look for a parameter that data and prior leave free, for "
    "bounds that exclude the start, and at `init`.",
    "rhat": "The chains disagree. Run longer (`warmup`, `draws`); if it stays, look for more than "
    "one mode, for parameters that the data cannot tell apart, and for priors that are too wide.",
    "ess_bulk": "Too few independent draws for the centre. Raise `draws`; better, reparameterise "
    "the named quantities or tighten their priors.",
    "ess_tail": "Too few independent draws for the tails, so intervals are unsure. Raise `draws`; "
    "look for heavy tails and hard bounds in the named quantities.",
    "divergences": "The sampler missed a region that it could not enter, so the estimates may be "
    "biased. Write hierarchical terms in the non-centred form, tighten priors on scales, or raise "
    "`adapt_delta` towards 0.99.",
    "ebfmi": "The sampler explores the energy slowly, often because of heavy tails. "
    "Reparameterise, tighten the priors of scales, or run a longer `warmup`.",
    "treedepth": "Trajectories were cut short, which costs time rather than truth. Raise "
    "`max_treedepth`, or rescale the parameters that differ much in size or are correlated.",
    "khat": "The approximation does not cover the posterior. Use NUTS for conclusions; to keep "
    "the approximation, try `algorithm: fullrank`, a smaller `tol_rel_obj`, or other parameters.",
    "prior_only": "These are draws from the posterior: the program declares `prior_only`, and its "
    "log density does not depend on it. Write `if (!prior_only) { … }` around the likelihood.",
    "loo_khat": "At these observations the posterior without them is too far from the posterior "
    "with them, so elpd is unsure and may be far off. Rest no choice on it; look at these "
    "observations, refit without them, or use K-fold cross-validation.",
    "compared": "Mend the models that are left out, or take them out of the analysis.",
    "outcome": "Compare models of the same rows and of the same outcome, on the same scale. If "
    "what differs is not the outcome, name the outcome in `compare: {observed: …}`.",
    "nuts_difference": "The approximation puts the named means elsewhere than the sampler does. "
    "Report NUTS; to mend the approximation, try `algorithm: fullrank`, a smaller `tol_rel_obj`, "
    "more `draws`, or other parameters.",
    "extent": "The prior puts draws at absurd values, or is improper: then it has no draws at all, "
    "and the sampler wanders off. Give every parameter a proper prior.",
}


def verdict_words(verdict: str, weighting: str | None) -> str:
    """Return a fit's verdict as tables say it; `weighting` is that of an approximation's draws.

    What k̂ does not find in an approximation may be there all the same.
    """
    if weighting is not None and verdict == "pass":
        return "k̂ found no fault"
    return f"{verdict}, unweighted" if weighting == "unweighted" else verdict


def advice(check: str) -> str:
    """Return what to try when this check fails."""
    return _ADVICE[check]
