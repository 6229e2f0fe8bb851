"""Fits made of known draws, taken through the steps after sampling."""

from __future__ import annotations

import atexit
import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stanchion.answers.declared import DeclaredAnswer
from stanchion.checks.catalogue import thresholds
from stanchion.checks.row import Size
from stanchion.draws.quantities import Quantities
from stanchion.pictures.catalogue import pictures_of, with_svg
from stanchion.plan.job import Job
from stanchion.stan.program import Variable
from stanchion.steps import (
    answer_questions,
    collect_draws,
    compare_models,
    diagnose_fit,
    draw_plot,
    predict_outcomes,
    rescale_coefficients,
    summarise_effects,
)
from tests.unit.draws_cases import advi_text, job, variables, write_chains, write_json

DECLARED = variables(
    parameters="real mu",
    transformed_parameters="real twice",
    generated_quantities="real[N] log_lik; real[N] y_rep; real[M] y_new",
)
Y = np.random.default_rng(0).normal(1, 1, size=12)
META = {"sizes": {"N": {"dim": "obs", "labels": None}, "M": {"dim": "row", "labels": ["p", "q"]}}}
CHECKS = {
    key: threshold.default_of(Size(chains=4, draws=1000)) for key, threshold in thresholds().items()
} | {"khat": 0.7}
PREDICTIVE = {"observed": "y", "replicated": "y_rep", "statistics": ["mean", "sd"]}
COLLECT: dict[str, Any] = {
    "method": "nuts",
    "method_version": 1,
    "settings": {},
    "seed": 5,
    "intervals": None,
    "keep": [],
    "fit": "a/d/m/nuts",
}
VARIABLES: dict[str, Any] = {
    "parameters": None,
    "observed": "y",
    "replicated": "y_rep",
    "predicted": "y_new",
}


def collecting(**changed: Any) -> dict[str, Any]:
    """Return arguments of `collect_draws`; `variables` are those that the program declares."""
    variables = {name: changed.pop(name, value) for name, value in VARIABLES.items()}
    variables["declared"] = changed.pop("variables", DECLARED)
    return {**COLLECT, **changed, "variables": variables}


def chain(seed: int, draws: int = 500, spread: float = 1.0, centre: float = 1.0) -> dict[str, Any]:
    """Return independent draws of the posterior of y ~ Normal(mu, spread)."""
    rng = np.random.default_rng(seed)
    mu = rng.normal(centre, len(Y) ** -0.5, size=draws)
    density = -0.5 * np.log(2 * np.pi * spread**2) - 0.5 * ((Y - mu[:, None]) / spread) ** 2
    replicated = rng.normal(mu[:, None], spread, size=(draws, len(Y)))
    return {
        "mu": mu,
        "twice": 2 * mu,
        **{f"log_lik.{index + 1}": density[:, index] for index in range(len(Y))},
        **{f"y_rep.{index + 1}": replicated[:, index] for index in range(len(Y))},
        **{f"y_new.{index}": rng.normal(mu, spread) + index for index in (1, 2)},
    }


def collect(
    folder: Path,
    chains: list[dict[str, Any]],
    data: dict[str, Any] | None = None,
    *,
    prior: bool = False,
    quantities: Path | None = None,
    **arguments: Any,
) -> Job:
    """Collect chains into a folder, with the prior that lies there where it is asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {"N": len(Y), "M": 2, "y": Y.tolist()}
    inputs: dict[str, Path | list[Path]] = {
        "chains": write_chains(folder, chains),
        "data": write_json(folder / "data.json", sizes if data is None else data),
        "meta": write_json(folder / "meta.json", META),
    }
    if prior:
        inputs |= {"prior": folder / "prior.nc", "prior_checks": folder / "prior.json"}
    if quantities is not None:
        inputs["quantities"] = quantities
    outputs = {"draws": "draws.nc", "summary": "summary.csv"}
    arguments = {"settings": {"draws": len(next(iter(chains[0].values())))}, **arguments}
    step = job(folder, "collect_draws", collecting(**arguments), inputs, outputs)
    collect_draws.run(step)
    return step


def approximate(
    folder: Path,
    columns: dict[str, Any],
    *,
    resample: bool = True,
    quantities: Path | None = None,
    **arguments: Any,
) -> Job:
    """Collect an approximation's draws; `columns` hold log_p__ and log_g__, and no mean."""
    folder.mkdir(parents=True, exist_ok=True)
    mean = {name: np.append(77.0, values) for name, values in columns.items()}
    file = folder / "advi.csv"
    file.write_text(advi_text({"lp__": 0 * mean["log_p__"], **mean}))
    inputs: dict[str, Path | list[Path]] = {
        "chains": [file],
        "data": write_json(folder / "data.json", {"N": len(Y), "M": 2, "y": Y.tolist()}),
        "meta": write_json(folder / "meta.json", META),
    }
    if quantities is not None:
        inputs["quantities"] = quantities
    draws = len(columns["log_p__"])
    settings = {"draws": draws, "resample": resample}
    requested = collecting(**{"method": "advi", "settings": settings, **arguments})
    outputs = {"draws": "draws.nc", "summary": "summary.csv"}
    step = job(folder, "collect_draws", requested, inputs, outputs)
    collect_draws.run(step)
    return step


def plots(step: str) -> dict[str, str]:
    """Return names and files of the pictures that a step draws."""
    return {name: Path(file).name for name, file in pictures_of(step).items()}


def diagnose(
    folder: Path, method: str = "nuts", references: Sequence[Path] = (), **options: Any
) -> dict[str, Any]:
    """Diagnose the draws of a folder, beside NUTS fits of others; return what was written."""
    arguments = {
        "method": method,
        "method_version": 1,
        "checks": CHECKS,
        "waivers": [],
        "parameters": None,
        "uses": [],
        "references": [reference.name for reference in references],
        "fit": "a/d/m/nuts",
        **options,
    }
    outputs = {"diagnostics": "diagnostics.json", **plots("diagnose_fit")}
    inputs: dict[str, Path | list[Path]] = {
        "draws": folder / "draws.nc",
        "references": [reference / "draws.nc" for reference in references],
        "reference_diagnostics": [reference / "diagnostics.json" for reference in references],
    }
    step = job(folder, "diagnose_fit", arguments, inputs, outputs)
    diagnose_fit.run(step)
    content: dict[str, Any] = json.loads((folder / "diagnostics.json").read_text())
    return content


def predict(folder: Path, **options: Any) -> dict[str, Any]:
    """Make the predictive checks of a folder and return what was written."""
    arguments = {
        "posterior_predictive": PREDICTIVE,
        "predict": {"variable": "y_new", "dataset": "new"},
        "intervals": None,
        "on_fail": "stop",
        "seed": 1,
        "fit": "a/d/m/nuts",
        **options,
    }
    names = ("draws.nc", "diagnostics.json", "meta.json")
    inputs = {name.partition(".")[0]: folder / name for name in names}
    outputs = {"predictive": "predictive.json", **plots("predict_outcomes")}
    predict_outcomes.run(job(folder, "predict_outcomes", arguments, inputs, outputs))
    content: dict[str, Any] = json.loads((folder / "predictive.json").read_text())
    return content


def answer(folder: Path, *fits: str, answers: Sequence[DeclaredAnswer]) -> Job:
    """Answer by the fits of some folders, `model@method` where that is not NUTS."""
    described = []
    for name in fits:
        model, _, method = name.partition("@")
        fit = {"dataset": "d", "model": model, "method": method or "nuts", "on_fail": "stop"}
        described.append(fit)
    declared = {**DECLARED, "data": (Variable("y", "real", 1, ("N",)),)}
    arguments = {
        "answers": [vars(one) for one in answers],
        "intervals": None,
        "fits": described,
        "variables": [{**VARIABLES, "declared": declared}] * len(fits),
    }
    inputs: dict[str, Path | list[Path]] = {
        "draws": [folder / name / "draws.nc" for name in fits],
        "diagnostics": [folder / name / "diagnostics.json" for name in fits],
    }
    if any(one.stacked for one in answers):
        names = {"comparison": "comparison.csv", "judgement": "comparison.json"}
        inputs |= {name: folder / file for name, file in names.items()}
    outputs = {"answers": "answers.csv", "details": "answers.json"}
    step = job(folder, "answer_questions", arguments, inputs, outputs)
    answer_questions.run(step)
    return step


def summarise(
    folder: Path,
    grid: Mapping[str, Any],
    drawn: NDArray[np.float64] | None,
    *,
    verdict: str = "pass",
    on_fail: str = "stop",
    because: str | None = None,
    intervals: dict[str, Any] | None = None,
    prior: NDArray[np.float64] | None = None,
    prior_because: str = "",
) -> dict[str, Any]:
    """Summarise draws on a grid (`chain × draw × row`), and return effects.json.

    `prior` are draws of the prior, `draw × row`, `prior_because` why there are none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checks = [{"check": "rhat", "verdict": verdict}]
    diagnostics = {"schema": "stanchion/diagnostics/1", "verdict": verdict, "checks": checks}
    inputs: dict[str, Path | list[Path]] = {
        "diagnostics": write_json(folder / "diagnostics.json", diagnostics)
    }
    if because is None:
        inputs["meta"] = write_json(folder / "meta.json", {"grid": grid})
        quantities = Quantities.none()
        if drawn is not None:
            columns = tuple(f"mu_new.{n + 1}" for n in range(drawn.shape[2]))
            quantities = Quantities(columns, drawn, prior=prior, prior_because=prior_because)
        quantities.write(folder / "effects.npz")
        inputs["quantities"] = folder / "effects.npz"
    arguments = {
        "variable": "mu_new",
        "intervals": intervals,
        "on_fail": on_fail,
        "because": because,
        "fit": "a/d/m/nuts",
    }
    outputs = {"effects": "effects.json", "table": "effects.csv", **plots("summarise_effects")}
    summarise_effects.run(job(folder, "summarise_effects", arguments, inputs, outputs))
    content: dict[str, Any] = json.loads((folder / "effects.json").read_text())
    return content


def rescale(
    folder: Path, verdict: str = "pass", coefficients: Sequence[tuple[str, int]] = (("beta", 0),)
) -> list[dict[str, str]]:
    """Bring coefficients of X, with their axes, to the original scale; return what was written."""
    arguments = {
        "method": "nuts",
        "method_version": 1,
        "settings": {"draws": 100},
        "coefficients": [{"variable": n, "matrix": "X", "axis": a} for n, a in coefficients],
        "intervals": None,
        "on_fail": "stop",
        "fit": "a/d/m/nuts",
    }
    check = {"check": "rhat", "verdict": verdict, "where": []}
    diagnostics = {"verdict": verdict, "checks": [check]}
    inputs: dict[str, Path | list[Path]] = {
        "draws": folder / "draws.nc",
        "meta": folder / "meta.json",
        "diagnostics": write_json(folder / "diagnostics.json", diagnostics),
    }
    outputs = {"original_scale": "original_scale.csv"}
    rescale_coefficients.run(job(folder, "rescale_coefficients", arguments, inputs, outputs))
    return read_csv(folder / "original_scale.csv")


def plot(folder: Path, function: str, *, svg: bool = False, **options: Any) -> dict[str, bytes]:
    """Draw a declared picture of the draws of a folder; return it by its files' endings."""
    arguments = {"function": function, "options": options, "svg": svg}
    ruled = {"plot": "plot.png", "judgement": "plot.json"}
    outputs = with_svg(ruled) if svg else ruled
    draw_plot.run(job(folder, "draw_plot", arguments, {"draws": folder / "draws.nc"}, outputs))
    return {Path(file).suffix: (folder / file).read_bytes() for file in outputs.values()}


def compare(
    folder: Path, *fits: str, observed: str | None = None
) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Compare the fits of some folders, named `model` or `model@method`: table and judgement."""
    described = []
    for name in fits:
        model, _, method = name.partition("@")
        fit = {"dataset": "d", "model": model, "method": method or "nuts", "on_fail": "stop"}
        described.append(fit)
    inputs: dict[str, Path | list[Path]] = {
        "draws": [folder / name / "draws.nc" for name in fits],
        "diagnostics": [folder / name / "diagnostics.json" for name in fits],
    }
    arguments = {"by": "loo", "observed": observed, "fits": described}
    outputs = {"comparison": "comparison.csv", "judgement": "comparison.json"}
    compare_models.run(job(folder, "compare_models", arguments, inputs, outputs))
    content = json.loads((folder / "comparison.json").read_text())
    (judged,) = content["datasets"]
    assert (content["schema"], content["verdict"]) == ("stanchion/comparison/1", judged["verdict"])
    return read_csv(folder / "comparison.csv"), judged


def verdicts_of(judged: dict[str, Any]) -> dict[str, str]:
    """Return the verdict of each check by name."""
    return {check["check"]: check["verdict"] for check in judged["checks"]}


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def fit(folder: Path, **arguments: float) -> Path:
    """Lay down a sound fit of four chains, collected and diagnosed: the same one each time."""
    shutil.copytree(_sound_fit(**arguments), folder, dirs_exist_ok=True)
    return folder


@cache
def _sound_fit(**arguments: float) -> Path:
    folder = Path(mkdtemp(prefix="stanchion-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    collect(folder, [chain(seed, **arguments) for seed in range(1, 5)])
    assert diagnose(folder)["verdict"] == "pass"
    return folder
