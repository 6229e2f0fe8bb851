"""Every method on the reference posteriors, and how far its draws are from them.

Distances are in standard errors, of both sides: those of the mean by the summary's own Monte Carlo
error, and those of the share of draws below the reference's 5, 50 and 95 % quantiles, for which
heavy tails do not matter. The error of a share is that of the chains' draws by their effective
sample size, or that of the weights where draws were importance-resampled. The reference adds its
own: 10,000 independent draws, or none where it is exact.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from stanchion.draws.columns import default_pattern, scalar_names
from stanchion.draws.files import open_draws
from stanchion.stats.convergence import Block, monte_carlo_errors
from tests.project import REFERENCE, ROOT

Floats = NDArray[np.float64]
POSTERIORS = REFERENCE / "posteriors"
PROGRAMS = ROOT / "tests/stan/programs"
QUICK = ("eight_schools_noncentered", "kidscore_interaction", "arK", "low_dim_gauss_mix")
SLOW = ("lotka_volterra", "gp_regr", "hmm_example", "one_comp_mm_elim_abs")
EXACT = ("beta_binomial", "normal_inverse_gamma")
HEAVY_TAILED = ("K_m", "V_m")
"""Under Cauchy priors, with their ratio alone known: a mean has no standard error."""
SETTINGS = {
    "eight_schools_noncentered": ", adapt_delta: 0.95",
    "one_comp_mm_elim_abs": ", adapt_delta: 0.99",
}
SAMPLED, ALONE = "sampled", "alone"
"""Analyses of a problem: approximations stand alone, where no sampler tells that they are wrong."""
METHODS = {
    "nuts": (SAMPLED, "{{draws: {draws}, time_limit: 5m{more}}}"),
    "hmc": (
        SAMPLED,
        "{{draws: {draws}, int_time: 1.5, stepsize_jitter: 0.5, metric: dense_e, "
        "time_limit: 60s{more}}}",
    ),
    "gq": (SAMPLED, "{{of: nuts, program: stan/models/again_{name}.stan}}"),
    "auto": (ALONE, "{{draws: {draws}, time_limit: 5m{more}}}"),
    "meanfield": (ALONE, "{{method: advi, draws: 4000, time_limit: 120s}}"),
    "fullrank": (ALONE, "{{method: advi, algorithm: fullrank, draws: 4000, time_limit: 120s}}"),
    "pathfinder": (ALONE, "{{}}"),
    "single": (ALONE, "{{method: pathfinder, paths: 1, draws: 4000}}"),
    "laplace": (ALONE, "{{draws: 4000}}"),
}
"""The analysis of a method, and its settings in this declaration."""
BETA_BINOMIAL = """\
// Successes in trials, with a beta prior.
data {
  int<lower=1> N;
  array[N] int<lower=0> n;
  array[N] int<lower=0> y;
}
parameters {
  real<lower=0, upper=1> theta;
}
model {
  theta ~ beta(2, 5);
  y ~ binomial(n, theta);
}
"""
NORMAL_INVERSE_GAMMA = """\
// A line through points, with the conjugate prior.
data {
  int<lower=1> N;
  matrix[N, 2] X;
  vector[N] y;
}
parameters {
  vector[2] beta;
  real<lower=0> sigma2;
}
transformed parameters {
  real<lower=0> sigma = sqrt(sigma2);
}
model {
  sigma2 ~ inv_gamma(3, 2);
  beta ~ normal(0, sigma / sqrt(0.5));
  y ~ normal(X * beta, sigma);
}
"""
CONJUGATE = {
    "beta_binomial": (
        BETA_BINOMIAL,
        "n,y\n7,0\n5,1\n6,0\n",
        "{N: nrow(), n: n, y: y}",
        "{family: beta_binomial, successes: y, trials: n, prior: {a: 2, b: 5}}",
    ),
    "normal_inverse_gamma": (
        NORMAL_INVERSE_GAMMA,
        "one,x,y\n1,-1.5,-2.1\n1,-0.5,0.3\n1,0.2,-0.4\n1,0.9,1.9\n1,1.4,1.1\n1,2.5,3.8\n",
        "{N: nrow(), X: [one, x], y: y}",
        "{family: normal_inverse_gamma, y: y, X: [one, x], "
        "prior: {mean: 0, precision: 0.5, shape: 3, scale: 2}}",
    ),
}
"""Program, table, its mapping, and the family with the exact posterior."""


def declaration(names: Iterable[str], methods: Iterable[str], draws: int) -> str:
    """Return a declaration of these problems, with so many draws of a chain."""
    datasets, models, analyses = [], [], []
    for name in names:
        exact = CONJUGATE.get(name)
        if exact is None:
            datasets.append(f"  {name}: {{path: data/{name}.json}}")
        else:
            datasets.append(f"  {name}: {{path: data/{name}.csv, stan: {exact[2]}}}")
            models.append(f"  exact_{name}: {{conjugate: {exact[3]}}}")
        models.append(f"  {name}: {{program: stan/models/{name}.stan}}")
        for analysis in (SAMPLED, ALONE):
            words = [
                f"      {method}: {_settings(METHODS[method][1], name, draws, exact is not None)}"
                for method in methods
                if METHODS[method][0] == analysis
            ]
            fitted = [name]
            if exact is not None and analysis == SAMPLED:
                fitted.append(f"exact_{name}")
                words.append(f"      conjugate: {{models: [exact_{name}]}}")
            if words:
                analyses.append(
                    f"  {name}_{analysis}:\n    datasets: [{name}]\n"
                    f"    models: [{', '.join(fitted)}]\n    methods:\n"
                    + "\n".join(words)
                    + "\n    checks: {on_fail: flag}\n    keep: [csv, warmup]"
                )
    return "\n".join(
        ["seed: 20261121", "datasets:", *datasets, "models:", *models, "analyses:", *analyses, ""]
    )


def _settings(pattern: str, name: str, draws: int, exact: bool) -> str:
    text = pattern.format(name=name, draws=draws, more=SETTINGS.get(name, ""))
    if not exact:
        return text
    limited = f"models: [{name}]"
    return f"{text[:-1]}, {limited}}}" if text != "{}" else f"{{{limited}}}"


def files(names: Iterable[str]) -> dict[str, str]:
    """Return data and programs of the problems, by their paths in a project."""
    made = {}
    for name in names:
        if name in CONJUGATE:
            program, table, *_ = CONJUGATE[name]
            made[f"data/{name}.csv"] = table
        else:
            program = (PROGRAMS / f"{name}.stan").read_text()
            made[f"data/{name}.json"] = (POSTERIORS / name / "data.json").read_text()
        made[f"stan/models/{name}.stan"] = program
        made[f"stan/models/again_{name}.stan"] = again(program)
    return made


def again(program: str) -> str:
    """Return a program with the same parameters, and each of its variables once more."""
    head = program[: program.index("\nmodel {")]
    declared = [
        re.fullmatch(r"\s*(.+?) (\w+)(?: = .+)?", line.rstrip(";"))
        for block in re.findall(r"^(?:transformed )?parameters {\n(.*?)^}", head, re.M | re.S)
        for line in block.splitlines()
    ]
    lines = [
        f"  {_unconstrained(match[1])} {match[2]}_again = {match[2]};"
        for match in declared
        if match is not None
    ]
    return f"{head}\nmodel {{\n}}\ngenerated quantities {{\n" + "\n".join(lines) + "\n}\n"


def _unconstrained(kind: str) -> str:
    plain = re.sub(r"<.*?>", "", kind)
    return re.sub(r"\b(simplex|ordered|positive_ordered)\b", "vector", plain)


@dataclass(frozen=True)
class Agreement:
    """What a fit says of itself, and how far it is from the reference."""

    verdict: str
    faults: tuple[str, ...]
    """Names of the checks that did not pass."""
    khat: float
    error: float
    """The greatest distance in standard errors; NaN where the draws claim none."""
    where: str
    off: float
    """The greatest distance of a mean, in standard deviations."""
    gradients: int | None

    @property
    def is_silent_miss(self) -> bool:
        """Whether it is 4 standard errors off, or more, and every check has passed."""
        return self.verdict == "pass" and not self.error < 4


def agreement(project: Path, name: str, method: str) -> Agreement | None:
    """Hold a fit to its reference; None where there is no fit."""
    folder = fit(project, name, method)
    if not (folder / "diagnostics.json").exists():
        return None
    return held_to(reference(project, name), folder)


def fit(project: Path, name: str, method: str) -> Path:
    """Return the folder of a fit."""
    return project / "results" / f"{name}_{METHODS[method][0]}" / name / name / method


def held_to(expected: pd.DataFrame, folder: Path) -> Agreement | None:
    """Hold the fit in a folder to what is expected of it; None where there is no fit."""
    if not (folder / "diagnostics.json").exists():
        return None
    diagnostics = json.loads((folder / "diagnostics.json").read_text())
    checks = diagnostics["checks"]
    khats = [check["value"] for check in checks if check["check"] == "khat"]
    summary = pd.read_csv(folder / "summary.csv", index_col="variable")
    summary.index = summary.index.str.replace("_again", "")
    summary, draws = summary.loc[expected.index], drawn(folder / "draws.nc")
    means, off = _means(summary, expected)
    shares = _shares(draws, expected)
    if diagnostics.get("weighting") == "unweighted":
        means, shares = {"none": nan}, {}
    distances = means | shares
    where = max(distances, key=lambda key: distances[key] if isfinite(distances[key]) else inf)
    return Agreement(
        diagnostics["verdict"],
        tuple(check["check"] for check in checks if check["verdict"] in ("warn", "fail")),
        float(khats[0]) if khats and khats[0] is not None else nan,
        distances[where],
        where,
        off,
        gradients(folder, diagnostics),
    )


def reference(project: Path, name: str) -> pd.DataFrame:
    """Return mean, sd, three quantiles and the number of draws, by variable."""
    if name not in CONJUGATE:
        text = (POSTERIORS / name / "reference.json").read_text()
        return pd.DataFrame(json.loads(text)["posterior"]).T
    fit = project / "results" / f"{name}_{SAMPLED}" / name / f"exact_{name}" / "conjugate"
    summary = pd.read_csv(fit / "summary.csv", index_col="variable")
    names = {"q5": "q05", "median": "q50"}
    return summary.rename(columns=names)[["mean", "sd", "q05", "q50", "q95"]].assign(draws=inf)


@dataclass(frozen=True)
class Drawn:
    """Draws by scalar, `chain × draw`, and the draws and weights that they are resampled from."""

    draws: dict[str, Floats]
    proposal: dict[str, Floats]
    weights: Floats | None


def drawn(path: Path) -> Drawn:
    """Read a fit's draws."""
    with open_draws(path, "posterior", "generated_quantities", "proposal") as tree:
        groups = {str(name): node.load() for name, node in tree.children.items()}
    draws: dict[str, Floats] = {}
    for group in ("posterior", "generated_quantities"):
        if group in groups:
            draws |= dict(_scalars(groups[group].dataset))
    if "proposal" not in groups:
        return Drawn(draws, {}, None)
    proposal = groups["proposal"].dataset
    weights = np.exp(proposal["log_weight"].values.ravel())
    return Drawn(draws, dict(_scalars(proposal)), weights / weights.sum())


def _scalars(group: xr.Dataset) -> Iterator[tuple[str, Floats]]:
    for name, variable in group.data_vars.items():
        shape = variable.shape[2:]
        pattern = variable.attrs.get("scalar", default_pattern(str(name), len(shape)))
        columns = variable.values.reshape(*variable.shape[:2], -1)
        for index, scalar in enumerate(scalar_names(pattern, shape, is_complex=False)):
            yield scalar.replace("_again", ""), columns[:, :, index]


def _means(summary: pd.DataFrame, expected: pd.DataFrame) -> tuple[dict[str, float], float]:
    """Return the distances of the means in standard errors, and the greatest in sds."""
    normal = [name for name in expected.index if name not in HEAVY_TAILED]
    ours, theirs = summary.loc[normal], expected.loc[normal]
    distance = (ours["mean"] - theirs["mean"]).abs()
    error = np.sqrt(ours["mcse_mean"] ** 2 + theirs["sd"] ** 2 / theirs["draws"])
    named = {f"mean of {name}": float(value) for name, value in (distance / error).items()}
    return named, float((distance / theirs["sd"]).max())


def _shares(drawn: Drawn, expected: pd.DataFrame) -> dict[str, float]:
    """Return the distances of the shares below the reference's quantiles in standard errors."""
    distances = {}
    for name, row in expected.iterrows():
        for label, share in (("q05", 0.05), ("q50", 0.5), ("q95", 0.95)):
            below = (drawn.draws[str(name)] <= row[label]).astype(float)
            error = np.hypot(
                _error(drawn, str(name), below, float(row[label]), share),
                np.sqrt(share * (1 - share) / row["draws"]),
            )
            distances[f"{label} of {name}"] = float(abs(below.mean() - share) / error)
    return distances


def _error(drawn: Drawn, name: str, below: Floats, quantile: float, share: float) -> float:
    """Return the standard error of a share; of none below or all it is that of as many draws."""
    least = np.sqrt(share * (1 - share) / below.size)
    if drawn.weights is not None:
        under = (drawn.proposal[name].ravel() <= quantile).astype(float)
        spread = under - drawn.weights @ under
        return float(max(np.sqrt((drawn.weights**2) @ spread**2), least))
    error = monte_carlo_errors(Block.of(below[None]))[0][0]
    return float(np.fmax(error, least) if below.min() == below.max() else error)


def gradients(folder: Path, diagnostics: dict[str, Any]) -> int | None:
    """Return the gradients that a fit took with its warm-up, None where nothing counted them."""
    tried = (diagnostics.get("attempts") or {}).get("tried", [])
    counted = [attempt["gradients"] for attempt in tried if not attempt["runs"]]
    with open_draws(folder / "draws.nc", "sample_stats", "warmup_sample_stats") as tree:
        groups = [node.dataset for node in tree.children.values()]
        steps = [_steps(group) for group in groups]
    if groups and all(count is not None for count in steps):
        return sum(filter(None, steps)) + sum(filter(None, counted))
    if tried and all(attempt["gradients"] is not None for attempt in tried):
        return sum(attempt["gradients"] for attempt in tried)
    return _of_approximation(folder)


def _steps(group: xr.Dataset) -> int | None:
    """Return leapfrog steps, of static HMC the whole steps of its integration time."""
    if "n_steps" in group:
        return int(group["n_steps"].sum())
    if "int_time" in group:
        steps = np.maximum(np.floor(group["int_time"] / group["step_size"]), 1)
        return int(steps.sum())
    return None


def _of_approximation(folder: Path) -> int | None:
    from stanchion.stan.gradients import gradients_in, path_gradients

    for csv in sorted((folder / "chains").glob("chain_*.csv")):
        if (count := gradients_in(csv)) is not None:
            return count
    log = folder.parents[4] / "logs" / folder.relative_to(folder.parents[3]) / "sample_chain.1.log"
    if not log.exists():
        return None
    text = log.read_text()
    if "method = variational" in text or "method=variational" in text:
        adapted = [int(n) for n in re.findall(r"^Iteration:\s+(\d+) /", text, re.M)]
        iterations = [int(n) for n in re.findall(r"^\s*(\d+) +-?[\d.]+", text, re.M)]
        return max(adapted, default=0) + max(iterations, default=0)
    return path_gradients(log)
