"""The steps of a fit that takes the draws of another: nothing is sampled for it."""

from __future__ import annotations

from stanchion.methods.method import Method
from stanchion.plan.arguments import CollectDraws, GenerateQuantities
from stanchion.plan.builder import Planner
from stanchion.plan.fits import on_fail, program_variables, seed, sources_of
from stanchion.plan.fitting import follow_draws
from stanchion.plan.model import Fit, Step
from stanchion.plan.preparing import compile_step, quantities_data_step
from stanchion.plan.sections import intervals_of, posterior_predictive_of, predict_of


def quantities_steps(planner: Planner, fit: Fit) -> None:
    """Add the steps of a fit whose source is planned already."""
    data = quantities_data_step(planner, fit)
    generated = generate_step(
        planner,
        "generate_quantities",
        fit,
        _sources(planner, fit)[0],
        data,
        seed=seed(planner, fit),
        transformed=bool(planner.program_of(fit).transformed_parameters),
    )
    draws = _collect_step(planner, fit, data, generated)
    follow_draws(planner, fit, draws, data, list(generated.outputs.values()))


def _sources(planner: Planner, fit: Fit) -> list[Fit]:
    """Return the fit whose draws a fit takes, and the one of which that has them, and so on."""
    if _method(planner, fit).draws_of is None:
        return []
    (source,) = sources_of(planner, fit)
    return [source, *_sources(planner, source)]


def _method(planner: Planner, fit: Fit) -> Method:
    return planner.project.analyses[fit.analysis].methods[fit.method]


def generate_step(
    planner: Planner,
    rule: str,
    fit: Fit,
    source: Fit,
    data: Step,
    *,
    seed: int,
    transformed: bool,
    variable: str | None = None,
) -> Step:
    """Add the step that generates quantities, or one, at the draws that a source came to."""
    method, program = _method(planner, fit), planner.program_of(fit)
    drawn, judged = (planner.known(source, step) for step in ("collect_draws", "diagnose_fit"))
    compiled = compile_step(planner, fit.model, method.own_program)
    return planner.add(
        rule,
        fit.wildcards,
        arguments=GenerateQuantities(
            method=method.method,
            method_version=method.version,
            settings=method.settings,
            keep=(),
            parameters=program.parameters,
            transformed=transformed,
            seed=seed,
            on_fail=on_fail(planner, source),
            variable=variable,
            fit=fit.name,
            program=program.path,
            time_limit=method.time_limit,
        ),
        inputs={
            "source": drawn.outputs["draws"],
            "diagnostics": judged.outputs["diagnostics"],
            "data": data.outputs["data"],
            "executable": compiled.outputs["executable"],
        },
        upstream=[drawn, judged, data, compiled],
    )


def _collect_step(planner: Planner, fit: Fit, data: Step, generated: Step) -> Step:
    """Add the step that joins parameters and quantities; the method is the one that drew them."""
    analysis, program = planner.project.analyses[fit.analysis], planner.program_of(fit)
    source, *_ = sources = _sources(planner, fit)
    sampler, drawn = _method(planner, sources[-1]), planner.known(source, "collect_draws")
    checked, predict = posterior_predictive_of(analysis, program), predict_of(analysis, program)
    return planner.add(
        "collect_draws",
        fit.wildcards,
        arguments=CollectDraws(
            method=sampler.method,
            method_version=sampler.version,
            settings=sampler.settings,
            seed=seed(planner, fit),
            intervals=intervals_of(analysis),
            keep=(),
            variables=program_variables(program.variables(), None, checked, predict),
            fit=fit.name,
        ),
        inputs={
            "source": drawn.outputs["draws"],
            "quantities": generated.outputs["quantities"],
            "data": data.outputs["data"],
            "meta": data.outputs["meta"],
        },
        upstream=[drawn, generated, data],
    )
