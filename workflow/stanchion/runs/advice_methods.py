"""What an analysis declares of methods and predictions, and what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanchion.checks.catalogue import CHECKS, FEWEST_CHAINS, thresholds
from stanchion.config import Analysis
from stanchion.methods.method import Method
from stanchion.runs.advice_program import Advice
from stanchion.runs.measured import (
    CENTRED,
    MISSES,
    REFITTED,
    SAMPLED,
    SLOPE,
    SLOPES,
    Cell,
    beside_exact,
)
from stanchion.stan.program import Program
from stanchion.system.sentences import listed

_ADAPT_DELTA = 0.8


def method_advice(
    analysis: Analysis, methods: Mapping[str, Method], *, is_centred: bool, means_no_priors: bool
) -> Iterator[Advice]:
    """Yield what is to be said of the methods of one model."""
    for label, method in methods.items():
        yield from _chains(label, method)
        yield from _draws(label, method, analysis.checks.threshold("ess"))
        if is_centred:
            yield from _adaptation(label, method)
    yield from _point(methods, means_no_priors=means_no_priors)
    if not any(method.is_reference for method in methods.values()):
        yield from _unheld(methods)


def _chains(label: str, method: Method) -> Iterator[Advice]:
    chains = method.markov_chains
    if chains == 1:
        yield Advice(
            "chains",
            f"{label} has one chain, which cannot show that it missed something: the fit fails.",
            ("chains",),
        )
    elif 1 < chains < FEWEST_CHAINS:
        yield Advice(
            "chains",
            f"{label} has {chains} chains, which warns: {CHECKS['chains'].source}.",
            ("chains",),
        )


def _draws(label: str, method: Method, declared: float | None) -> Iterator[Advice]:
    if not method.markov_chains or getattr(method, "until", None) is not None:
        return
    ess = thresholds()["ess"].default_of(method.size) if declared is None else declared
    needed = int(ess)
    draws = method.markov_chains * (method.draws // getattr(method, "thin", 1))
    if draws < needed:
        yield Advice(
            "draws",
            f"{label} leaves {draws} draws, and its checks ask for an effective sample size of "
            f"{needed}. Only of antithetic draws is it greater than their number: raise `draws`, "
            f"or declare `until: {{ess: {needed}}}`.",
            ("ess_bulk", "ess_tail"),
        )


def _adaptation(label: str, method: Method) -> Iterator[Advice]:
    if (
        hasattr(method, "max_treedepth")  # the figures are those of NUTS
        and getattr(method, "adapt_delta", None) == _ADAPT_DELTA
        and getattr(method, "on_divergence", None) is None
    ):
        yield Advice(
            "adapt_delta",
            f"{label} meets a centred hierarchy with the default `adapt_delta: {_ADAPT_DELTA}`: "
            f"{CENTRED.words}. Another `adapt_delta`, up to 0.99, did not mend it: "
            f"{REFITTED.words}.",
            ("divergences", "ebfmi"),
            (CENTRED, REFITTED),
        )


def _point(methods: Mapping[str, Method], *, means_no_priors: bool) -> Iterator[Advice]:
    points = [label for label, method in methods.items() if method.is_point]
    if points and len(points) == len(methods) and not means_no_priors:
        yield Advice(
            "point",
            f"{listed(points)} gives a point with standard errors, and no posterior: nothing that "
            "needs draws is made of it, and a mode need not lie where the posterior is. `nuts` "
            f"draws: {SAMPLED.words}. Near a normal a mode is a good point: "
            f"{beside_exact('optimize')}.",
            ("converged", "curvature", "modes"),
            (SAMPLED, SLOPE, SLOPES["optimize"]),
        )


def _unheld(methods: Mapping[str, Method]) -> Iterator[Advice]:
    for label, method in methods.items():
        missed = MISSES.get(method.variant)
        if missed is not None:
            yield Advice(
                "approximation",
                f"{label} has no `nuts` beside it to be held to, and k̂ is no proof: "
                f"{missed.words}; {SAMPLED.words}.{_near_a_normal(method)}",
                ("khat", "nuts_difference"),
                (missed, SAMPLED, *_slopes(method)),
            )


def _near_a_normal(method: Method) -> str:
    return f" Near a normal: {beside_exact(method.variant)}." if _slopes(method) else ""


def _slopes(method: Method) -> tuple[Cell, ...]:
    return (SLOPE, SLOPES[method.variant]) if method.variant in SLOPES else ()


def model_advice(
    analysis: Analysis, program: Program, methods: Mapping[str, Method]
) -> Iterator[Advice]:
    """Yield what is not declared for one model that could be."""
    draws = any(method.is_posterior and not method.is_point for method in methods.values())
    if draws and analysis.posterior_predictive is None:
        yield Advice(
            "posterior_predictive",
            "Without `posterior_predictive` nothing compares the model with the data: chains that "
            "agree on a model that does not fit pass every check.",
        )
    if draws and analysis.prior_predictive is None and not program.family:
        switched = any(variable.name == "prior_only" for variable in program.data)
        how = (
            "its `prior_only` is ready for it"
            if switched
            else "the program needs an `int prior_only` in its data for it"
        )
        yield Advice(
            "prior_predictive",
            f"Without `prior_predictive` nobody sees which data the priors hold likely; {how}.",
            ("extent", "prior_only"),
        )
    if len(analysis.models) > 1 and not program.family and not program.has("log_lik"):
        yield Advice(
            "log_lik",
            "The program has no `log_lik`, without which `stanchion check` refuses a `compare` of "
            "these models.",
        )
