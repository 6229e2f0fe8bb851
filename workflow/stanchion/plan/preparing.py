"""The steps that fits of one dataset or model share: its data, its compiled program."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from stanchion.config import resolved_compiling
from stanchion.plan.arguments import CompileProgram, PrepareData
from stanchion.plan.builder import Planner
from stanchion.plan.data import dataset_content, ingredients
from stanchion.plan.keys import key_of
from stanchion.plan.model import Step
from stanchion.plan.sections import predict_of
from stanchion.system.hashes import text_hash

_STEM = 40
"""Characters of a program's name that the folder of its executable shows."""


def compile_step(planner: Planner, model: str) -> Step:
    """Return the step that compiles a model's program, planned once for all its fits."""
    if model not in planner.compilations:
        planner.compilations[model] = _compile_step(planner, model)
    return planner.compilations[model]


def _compile_step(planner: Planner, model: str) -> Step:
    declared, program = planner.project.models[model], planner.facts.programs[model]
    options = resolved_compiling(planner.project, model)
    options["threads"] = options["threads"] or model in planner.threaded_models
    content: dict[str, Any] = {
        "program": text_hash(program.canonical),
        "compiler": dict(planner.facts.compilers[model]),
    }
    cpu = content["compiler"]["cpu"] if options["native"] else None
    made_of = {"arguments": options, "content": content, "name": "compile_program"}
    return planner.add(
        "compile_program",
        {"program": _program_folder(planner, declared.program, key_of(made_of)[:12])},
        arguments=CompileProgram(
            stanc=options["stanc"],
            cpp=options["cpp"],
            threads=options["threads"],
            native=options["native"],
            program=declared.program,
            cpu=cpu,
        ),
        content=content,
        inputs={"program": declared.program},
    )


def _program_folder(planner: Planner, program: str, short: str) -> str:
    """Return the name of the folder of a compiled program: of equal ones, the first one's."""
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", PurePosixPath(program).stem)[:_STEM]
    return planner.program_folders.setdefault(short, f"{stem}-{short}")


def data_step(planner: Planner, analysis: str, dataset: str, model: str) -> Step:
    """Return the step that makes a program's data of a dataset, planned once for all its fits."""
    wildcards = {"analysis": analysis, "dataset": dataset, "model": model}
    return planner.planned("prepare_data", wildcards) or _data_step(planner, wildcards)


def _data_step(planner: Planner, wildcards: dict[str, str]) -> Step:
    project, dataset, model = planner.project, wildcards["dataset"], wildcards["model"]
    made_of = ingredients(project, **wildcards)
    return planner.add(
        "prepare_data",
        wildcards,
        arguments=PrepareData(
            declared={name: dataset_content(read) for name, read in made_of.datasets.items()},
            mapping=made_of.mapping,
            variables=planner.facts.programs[model].data,
            predict=predict_of(project.analyses[wildcards["analysis"]]),
            dataset=dataset,
            program=project.models[model].program,
        ),
        content={name: planner.facts.files[path] for name, path in made_of.sources.items()},
        inputs=made_of.sources,
    )
