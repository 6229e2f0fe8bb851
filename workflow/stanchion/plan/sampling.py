"""The steps that sample a fit: a job a chain, or one that decides by results what else to run."""

from __future__ import annotations

from typing import Any

from stanchion.config import resolved_checks
from stanchion.methods.method import SOURCES, Method
from stanchion.plan.arguments import SampleChain, SampleFit, Saving
from stanchion.plan.builder import Planner
from stanchion.plan.fits import kept_groups, seed, sources_of, variables_of
from stanchion.plan.model import Fit, Step
from stanchion.plan.preparing import compile_step, data_step, whole_data_step

_VECTORISING = ("O1", "Oexperimental")
"""Levels of stanc that lay out memory for vectorised sums."""


def sampling_steps(planner: Planner, fit: Fit) -> list[Step]:
    """Add the jobs of a fit's method: one a chain, or one that decides what else to run.

    There are none where the posterior is known, or files hold the draws.
    """
    method = planner.project.analyses[fit.analysis].methods[fit.method]
    if method.is_exact or method.drawn_files:
        return []
    if method.is_external:
        return _script_step(planner, fit, method)
    add = _chain_steps if method.procedure is None else _procedure_step
    return add(planner, fit, method)


def _procedure_step(planner: Planner, fit: Fit, method: Method) -> list[Step]:
    analysis = planner.project.analyses[fit.analysis]
    data = data_step(planner, fit.analysis, fit.dataset, fit.model)
    program = compile_step(planner, fit.model)
    checks = resolved_checks(analysis, method)
    content, inputs = _sampling_inputs(planner, method, data, program)
    sources = [planner.known(source, "collect_draws") for source in sources_of(planner, fit)]
    if sources:
        inputs["source"] = sources[0].outputs["draws"]
    step = planner.add(
        "sample_fit",
        fit.wildcards,
        arguments=SampleFit(
            method=method.method,
            method_version=method.version,
            settings=method.settings,
            seed=seed(planner, fit),
            checks={name: checks[name] for name in method.decides_by},
            keep=tuple(kept_groups(analysis, method)),
            variables=variables_of(planner, analysis, fit.model),
            jobs=method.jobs,
            threads=method.threads,
            time_limit=method.time_limit,
            fit=fit.name,
            saving=_saving(method, program),
        ),
        content=content,
        inputs=inputs,
        upstream=[data, program, *sources],
        method=method,
        at_once=method.jobs,
    )
    return [step]


def _script_step(planner: Planner, fit: Fit, method: Method) -> list[Step]:
    """Add the job of a script, which has the data with the new rows and no compiled program."""
    analysis = planner.project.analyses[fit.analysis]
    data = whole_data_step(planner, fit.analysis, fit.dataset, fit.model)
    inputs: dict[str, str | list[str]] = {"data": data.outputs["data"]}
    for name, paths in method.files.items():
        inputs[name] = list(paths) if name == SOURCES else paths[0]
    step = planner.add(
        "sample_fit",
        fit.wildcards,
        arguments=SampleFit(
            method=method.method,
            method_version=method.version,
            settings=method.settings,
            seed=seed(planner, fit),
            checks={},
            keep=(),
            variables=variables_of(planner, analysis, fit.model),
            jobs=method.jobs,
            threads=method.threads,
            time_limit=method.time_limit,
            fit=fit.name,
            interpreter=method.interpreter,
        ),
        content={
            name: [planner.facts.files[path] for path in paths]
            for name, paths in method.files.items()
        },
        inputs=inputs,
        upstream=[data],
        method=method,
    )
    return [step]


def _chain_steps(planner: Planner, fit: Fit, method: Method) -> list[Step]:
    keep = kept_groups(planner.project.analyses[fit.analysis], method)
    data = data_step(planner, fit.analysis, fit.dataset, fit.model)
    program = compile_step(planner, fit.model)
    content, inputs = _sampling_inputs(planner, method, data, program)
    steps = []
    for chain in range(1, method.jobs + 1):
        arguments = SampleChain(
            command=tuple(method.command(keep)),
            rows=method.rows(keep),
            start=None if isinstance(method.start, str) else method.start,
            seed=seed(planner, fit),
            chain=chain,
            threads=method.threads,
            name=method.chain_name.format(chain=chain),
            method=method.method,
            time_limit=method.time_limit,
            saving=_saving(method, program),
            parts=method.parts,
        )
        step = planner.add(
            "sample_chain",
            {**fit.wildcards, "chain": str(chain)},
            arguments=arguments,
            content=content,
            inputs=inputs,
            upstream=[data, program],
            method=method,
        )
        steps.append(step)
    return steps


def _sampling_inputs(
    planner: Planner, method: Method, data: Step, program: Step
) -> tuple[dict[str, Any], dict[str, str | list[str]]]:
    """Return what enters the key of a step that samples, and what it reads."""
    inputs: dict[str, str | list[str]] = {
        "data": data.outputs["data"],
        "executable": program.outputs["executable"],
    }
    if not isinstance(method.start, str):
        return {}, inputs
    return {"init": planner.facts.files[method.start]}, {**inputs, "init": method.start}


def _saving(method: Method, program: Step) -> Saving | None:
    """Return how a job saves its state.

    The order of sums may follow from addresses in memory where the compiler vectorises, and from
    the scheduler where several threads share a chain: bytes are promised for the others, where no
    variable for make may change the compiler's flags.
    """
    if method.saving is None or not method.saving["checkpoint"]:
        return None
    options = program.arguments
    vectorised = options["native"] or any(options["stanc"].get(level) for level in _VECTORISING)
    return Saving(
        seconds=float(method.saving["checkpoint"]),
        keep=method.saving["keep_state"],
        elsewhere=method.saving["resume_elsewhere"],
        exact=not vectorised and not any(options["cpp"].values()) and method.threads == 1,
    )
