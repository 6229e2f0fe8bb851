"""The small inputs that golden bytes are made of, and the steps that are run on them."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from stanchion.answers.declared import DeclaredAnswer
from stanchion.config import Dataset, resolved_method
from stanchion.methods.advi import Advi
from stanchion.methods.method import Method
from stanchion.methods.nuts import Nuts
from stanchion.methods.optimize import Optimize
from stanchion.pictures.catalogue import pictures_of
from stanchion.plan.data import dataset_content
from stanchion.plan.job import Job
from stanchion.stan.toolchain import Toolchain
from stanchion.steps import (
    check_verdicts,
    compile_program,
    generate_effects,
    generate_quantities,
    make_table,
    prepare_data,
    prepare_quantities_data,
    sample_chain,
    sample_fit,
    sample_prior,
    write_report,
    write_tables,
)
from tests.golden import describe, recording
from tests.report_inputs import Declared, FitCase, nuts_checks, report_job, tables_job
from tests.unit.draws_cases import job, variables, write_json
from tests.unit.steps_cases import (
    answer,
    chain,
    collect,
    compare,
    diagnose,
    plot,
    predict,
    rescale,
    summarise,
)

PURE = (
    "make_table",
    "prepare_data",
    "prepare_quantities_data",
    "collect_draws",
    "diagnose_fit",
    "predict_outcomes",
    "summarise_effects",
    "rescale_coefficients",
    "draw_plot",
    "compare_models",
    "answer_questions",
    "write_report",
    "write_tables",
    "check_verdicts",
)
"""The steps that need no CmdStan."""
SAMPLED = (
    "compile_program",
    "sample_prior",
    "sample_chain",
    "sample_fit",
    "generate_quantities",
    "generate_effects",
)
"""The steps that need CmdStan."""
_MODULES = {
    "sample_prior": sample_prior,
    "sample_chain": sample_chain,
    "sample_fit": sample_fit,
    "generate_quantities": generate_quantities,
    "generate_effects": generate_effects,
}
_PROGRAM = """\
// A normal mean with a known scale.
data {
  int<lower=0> N;
  vector[N] y;
  int<lower=0, upper=1> prior_only;
}
parameters {
  real mu;
}
model {
  mu ~ normal(0, 2);
  if (!prior_only) {
    y ~ normal(mu, 1);
  }
}
generated quantities {
  array[N] real y_rep = normal_rng(rep_vector(mu, N), 1);
}
"""
_ANSWERS = [
    DeclaredAnswer(
        answer=kind,
        kind=kind,
        expressions=tuple(expressions.items()),
        unit=None,
        rope=(0, 1) if kind == "quantity" else None,
        stacked=kind == "quantity",
    )
    for kind, expressions in (
        ("probability", {"": "mu > 1"}),
        ("quantity", {"": "y_new"}),
        ("argmax", {"": "y_new"}),
        ("decide", {"go": "mu - 1", "stay": "0"}),
    )
]
_NEW = "state,se\nNJ,12\nCT,9\n"
_TABLE = "state,score,se\nNY,28,15\nNJ,8,10\nNY,-3,16\nCT,7,11\n"


def pure(folder: Path) -> list[dict[str, Any]]:
    """Run the steps that need no CmdStan in a folder, and return the bytes of each."""
    with recording(*PURE) as jobs:
        _make(folder / "made")
        _prepare(folder / "data")
        _prepare_predictions(folder / "predictions")
        for name, centre in (("near", 1.0), ("far", 1.5)):
            _fit(folder / name, centre)
        plot(folder / "near", "plot_pair", var_names=["mu", "twice"])
        compare(folder, "near", "far")
        answer(folder, "near", "far", answers=_ANSWERS)
        _summarise(folder / "effects")
        _rescale(folder / "rescaled")
        fits = [FitCase("partial", "nuts", checks=nuts_checks()), FitCase("pooled", "nuts")]
        write_report.run(report_job(folder / "report", fits, Declared(compare=True)))
        write_tables.run(tables_job(folder / "tables", fits, Declared(compare=True)))
        _judge(folder / "verdicts")
    return [describe(step, jobs[step], folder) for step in PURE]


def sampled(folder: Path, toolchain: Toolchain) -> list[dict[str, Any]]:
    """Run the steps that need CmdStan in a folder, and return the bytes of each."""
    program = folder / "program.stan"
    program.write_text(_PROGRAM)
    data = write_json(folder / "data.json", {"N": 3, "y": [0.5, -1.25, 2.0], "prior_only": 0})
    meta = write_json(folder / "meta.json", {"sizes": {}})
    with recording(*SAMPLED) as jobs:
        options = {"stanc": {}, "cpp": {}, "threads": False, "native": False, "cpu": None}
        options["program"] = "program.stan"
        outputs = {"executable": "model"}
        compiled = job(folder, "compile_program", options, {"program": program}, outputs)
        identity = toolchain.compile_identity(stanc={}, cpp={}, native=False)
        compile_program.run(replace(compiled, made_of={"content": {"compiler": identity}}))
        executable = compiled.outputs["executable"]
        inputs: dict[str, Path | list[Path]] = {
            "data": data,
            "meta": meta,
            "program": program,
            "executable": executable,
        }
        for step, arguments, result in _sampling(folder):
            if step == "generate_quantities":
                inputs = {**inputs, "chains": [folder / "sample_chain" / "nuts.csv"]}
            task = job(folder / step, step, arguments, inputs, result)
            task = replace(task, made_of={"upstream": ["data", "program"]})
            descriptor = os.open(executable, os.O_RDONLY)
            try:
                with mock.patch.dict(os.environ, {"STANCHION_CACHE": str(folder / "cache")}):
                    _MODULES[step].run(replace(task, descriptors={"executable": descriptor}))
            finally:
                os.close(descriptor)
    return [describe(step, jobs[step], folder, toolchain=toolchain.identity()) for step in SAMPLED]


def _sampling(folder: Path) -> list[tuple[str, dict[str, Any], dict[str, str]]]:
    nuts = Nuts(warmup=100, draws=50, chains=2)
    prior = {"sampler": resolved_method(nuts), "seed": 11, "variables": _variables()}
    pictures = {"prior": "prior.nc", "checks": "prior.json", **pictures_of("sample_prior")}
    return [
        ("sample_chain", _chain(nuts), {"chain": "nuts.csv"}),
        ("sample_chain", _chain(Advi(draws=50)), {"chain": "advi.csv"}),
        ("sample_fit", _procedure(Optimize(starts=2)), {"chains": "chains.zip"}),
        ("sample_prior", prior, pictures),
        ("generate_quantities", _generating(nuts), {"quantities": "quantities.npz"}),
        (
            "generate_effects",
            {**_generating(nuts), "variable": "y_rep"},
            {"quantities": "effects.npz"},
        ),
    ]


def _chain(method: Method) -> dict[str, Any]:
    return {
        "command": method.command(),
        "rows": asdict(method.rows()),
        "start": None,
        "seed": 11,
        "chain": 1,
        "threads": 1,
        "name": "chain 1",
        "method": method.method,
        "time_limit": None,
    }


def _procedure(method: Method) -> dict[str, Any]:
    return {
        "method": method.method,
        "method_version": method.version,
        "settings": method.settings,
        "seed": 11,
        "checks": {},
        "keep": [],
        "variables": _variables(),
        "jobs": 1,
        "threads": 1,
        "time_limit": None,
        "fit": "a/d/m/optimize",
    }


def _generating(method: Method) -> dict[str, Any]:
    one_chain = {**method.settings, "chains": 1}
    return {
        "method": method.method,
        "method_version": method.version,
        "settings": one_chain,
        "keep": [],
        "parameters": _variables()["declared"]["parameters"],
        "transformed": False,
        "seed": 11,
        "on_fail": None,
        "fit": "a/d/m/nuts",
        "program": "program.stan",
        "time_limit": None,
    }


def _variables() -> dict[str, Any]:
    declared = variables(parameters="real mu", generated_quantities="real[N] y_rep")
    names = {"observed": "y", "replicated": "y_rep", "predicted": None}
    return {"parameters": None, "declared": declared, **names}


def _fit(folder: Path, centre: float) -> None:
    draws = [chain(seed, centre=centre) for seed in range(1, 5)]
    collect(folder, [{k: np.round(v, 9) for k, v in columns.items()} for columns in draws])
    diagnose(folder)
    predict(folder)


def _summarise(folder: Path) -> None:
    """Summarise an effect with a second predictor, and data beside."""
    effect = {"effect": "se:state", "predictor": "se", "kind": "number", "start": 0}
    effect |= {"by": "state", "by_kind": "level", "values": [1.5, 2.5], "by_values": ["CT", "NY"]}
    columns = {"se": [1.5, 2.0, 2.5], "state": ["NY", "CT", "NY"]}
    observed = {"outcome": "y", "values": [0.5, -1.25, 2.0], "columns": columns}
    held = [{"column": "score", "value": 3.25, "how": "mean"}]
    drawn = np.round(np.random.default_rng(3).normal(size=(2, 50, 4)), 9)
    grid = {"effects": [effect], "held": held, "observed": observed}
    summarise(folder, grid, drawn, prior=drawn[0, :5])


def _rescale(folder: Path) -> None:
    rng = np.random.default_rng(7)
    draws = [{f"beta.{i}": np.round(rng.normal(size=100), 9) for i in (1, 2)} for _ in range(4)]
    declared = variables(parameters="real[K] beta")
    roles = {"observed": None, "replicated": None, "predicted": None}
    collect(folder, draws, {"K": 2}, variables=declared, **roles)
    original = {"labels": ["Intercept", "age"], "columns": [[[0, 1.0]], [[0, -1.5], [1, 0.25]]]}
    write_json(folder / "meta.json", {"sizes": {}, "original_scale": {"X": original}})
    rescale(folder)


def _make(folder: Path) -> None:
    """Make a table by a script whose lock holds for any packages."""
    folder.mkdir()
    (folder / "raw.csv").write_text(_TABLE)
    (folder / "m.lock").write_text("no-such-package==1 ; sys_platform == 'none'\n")
    (folder / "m.py").write_text("import shutil; shutil.copy('inputs/raw.csv', 'table.csv')\n")
    arguments = {
        "script": "m.py",
        "sources": [],
        "inputs": ["raw.csv"],
        "settings": {},
        "seed": None,
        "lock": "m.lock",
        "interpreter": None,
        "time_limit": None,
    }
    inputs: dict[str, Path | list[Path]] = {
        "script": folder / "m.py",
        "sources": [],
        "lock": folder / "m.lock",
        "inputs": [folder / "raw.csv"],
    }
    step = job(folder / "made", "make_table", arguments, inputs, {"table": "table.csv"})
    make_table.run(step)


def _prepare(folder: Path) -> None:
    step = _preparing(folder, "prepare_data", {"d": folder / "table.csv"})
    prepare_data.run(step)


def _prepare_predictions(folder: Path) -> None:
    inputs = {"d": folder / "table.csv", "new": folder / "new.csv"}
    prepare_quantities_data.run(_preparing(folder, "prepare_quantities_data", inputs))


def _preparing(folder: Path, step: str, inputs: dict[str, Path]) -> Job:
    """Return the job of data with the new rows of a second dataset, where it is given."""
    folder.mkdir()
    (folder / "table.csv").write_text(_TABLE)
    (folder / "new.csv").write_text(_NEW)
    columns = {"score": {"type": "real"}, "se": {"type": "real"}, "state": {"type": "category"}}
    design = 'design("~ 0 + scale(se) + state")'
    mapping = {"N": "nrow()", "K": "ncol(x)", "y": "score", "x": design, "g": "index(state)"}
    declared, more = {"d": _declared(columns)}, []
    if "new" in inputs:
        mapping |= {"N_new": "new.N", "x_new": "new.x", "g_new": "new.g"}
        declared["new"] = _declared({})
        more = [
            {"name": "N_new", "type": "int", "dimensions": 0, "sizes": []},
            {"name": "x_new", "type": "real", "dimensions": 2, "sizes": ["N_new", "K"]},
            {"name": "g_new", "type": "int", "dimensions": 1, "sizes": ["N_new"]},
        ]
    arguments = {
        "dataset": "d",
        "program": "stan/a.stan",
        "declared": declared,
        "mapping": mapping,
        "variables": [
            {"name": "N", "type": "int", "dimensions": 0, "sizes": []},
            {"name": "y", "type": "real", "dimensions": 1, "sizes": ["N"]},
            {"name": "K", "type": "int", "dimensions": 0, "sizes": []},
            {"name": "x", "type": "real", "dimensions": 2, "sizes": ["N", "K"]},
            {"name": "g", "type": "int", "dimensions": 1, "sizes": ["N"]},
            *more,
        ],
        "predict": {"dataset": "new", "taken": True} if "new" in inputs else None,
    }
    return job(folder, step, arguments, inputs, {"data": "data.json", "meta": "meta.json"})


def _declared(columns: dict[str, Any]) -> dict[str, Any]:
    dataset = Dataset.model_validate({"path": "table.csv", "columns": columns})
    content: dict[str, Any] = json.loads(json.dumps(dataset_content(dataset)))
    return content


def _judge(folder: Path) -> Job:
    folder.mkdir()
    fit = {"dataset": "d", "model": "m", "method": "nuts", "on_fail": "stop"}
    content = {"schema": "stanchion/diagnostics/1", "verdict": "pass", "checks": []}
    inputs: dict[str, Path | list[Path]] = {
        "diagnostics": [write_json(folder / "diagnostics.json", content)],
        "comparison": [],
        "answers": [],
        "priors": [],
    }
    arguments = {"analysis": "a", "fits": [fit], "priors": [], "report": "results/a/report.html"}
    step = job(folder, "check_verdicts", arguments, inputs, {"verdicts": "verdicts.json"})
    check_verdicts.run(step)
    return step
