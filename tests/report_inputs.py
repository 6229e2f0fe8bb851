"""What the steps before the report would write, made up: for tests of the report alone."""

from __future__ import annotations

import csv
import json
import math
import random
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from stanchion.pictures.catalogue import PICTURES
from stanchion.plan.argument_json import as_json, read_arguments
from stanchion.plan.job import Job
from stanchion.plan.report_arguments import WriteReport, WriteTables

COLUMNS = (
    *("mean", "median", "sd", "mad", "q5", "q95"),
    *("mcse_mean", "mcse_sd", "ess_bulk", "ess_tail", "rhat"),
)
PROGRAM = """// Eight schools: effects around a common mean, non-centred.
data {
  int<lower=0> J;
  vector[J] y;
  vector<lower=0>[J] sigma; // standard errors
  int<lower=0, upper=1> prior_only;
}
parameters {
  real mu;
  real<lower=0> tau;
  vector[J] z;
}
transformed parameters {
  vector[J] theta = mu + tau * z;
}
model {
  mu ~ normal(0, 5);
  tau ~ cauchy(0, 5); /* half, by its bound */
  z ~ std_normal();
  if (!prior_only) {
    y ~ normal(theta, sigma);
  }
}
generated quantities {
  vector[J] log_lik;
  array[J] real y_rep = normal_rng(theta, sigma);
  for (j in 1 : J) log_lik[j] = normal_lpdf(y[j] | theta[j], sigma[j]);
}
"""
_SOURCE = "Vehtari et al. 2021, doi:10.1214/20-BA1221"


@dataclass(frozen=True)
class FitCase:
    """A fit that might have been: its verdict follows from the checks."""

    model: str
    method: str
    kind: str = "nuts"
    dataset: str = "schools"
    on_fail: str = "stop"
    checks: Sequence[Mapping[str, Any]] = ()
    parameters: int = 8
    summary: Sequence[Mapping[str, Any]] | None = None
    picture: bytes | None = None
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """Those of the catalogue that are others than `picture`, by name."""
    weighting: str | None = None
    because: str = "k̂ said so"
    """Why its draws have this weighting, and why it is left out of a comparison."""
    tried: Sequence[Mapping[str, Any]] = ()
    estimate: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"{self.dataset}/{self.model}/{self.method}"


@dataclass(frozen=True)
class Declared:
    """What an analysis declares beside its fits."""

    question: str | None = "Does coaching raise scores, and by how much?"
    compare: bool = False
    evidence: Mapping[str, float] = field(default_factory=dict)
    """Log marginal likelihoods, the largest first."""
    khat_bad: int = 0
    observations: int = 434
    predictive: bool = False
    predict: bool = False
    new_columns: Mapping[str, Any] = field(default_factory=dict)
    new_labels: Sequence[str] = tuple(str(number) for number in range(1, 31))
    """What the rows are called that are predicted, their numbers where nothing names them."""
    title: str | None = None
    effects: bool = False
    no_prior_lines: str | None = None
    """Why effects have no lines of the prior."""
    original_scale: str = ""
    """What original_scale.csv of each fit holds, where it is declared, of `beta` and `X`."""
    prior: bool = False
    prior_ignored: bool = False
    intervals: Mapping[str, Any] | None = None
    forest: Mapping[str, Any] | None = None
    answers: Mapping[str, Any] | None = None
    program: str = PROGRAM
    about: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    mapping: Mapping[str, Any] = field(
        default_factory=lambda: {"J": "nrow()", "y": "effect", "sigma": "se"}
    )


def check(
    name: str,
    value: float | None,
    threshold: float,
    verdict: str = "pass",
    *where: str,
    **more: Any,
) -> dict[str, Any]:
    """Return a check as diagnostics.json has it."""
    named = {"check": name, "value": value, "threshold": threshold, "verdict": verdict}
    return {**named, "where": list(where), "source": _SOURCE, **more}


def attempt(name: str, because: str, *, passed: bool = True, **settings: Any) -> dict[str, Any]:
    """Return an attempt as diagnostics.json has it."""
    named = {"name": name, "because": because, "passed": passed, "settings": settings}
    return {**named, "gradients": 12345, "runs": []}


def nuts_checks(**changed: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the checks of a sound NUTS fit, some of them exchanged."""
    sound = {
        "finite": check("finite", 0, 0),
        "constant": check("constant", 0, 0),
        "chains": check("chains", 4, 4),
        "rhat": check("rhat", 1.0021, 1.01, "pass", "tau"),
        "ess_bulk": check("ess_bulk", 1764.3, 400, "pass", "tau"),
        "ess_tail": check("ess_tail", 1432.8, 400, "pass", "tau"),
        "divergences": check("divergences", 0, 0),
        "ebfmi": check("ebfmi", 0.874, 0.3, "pass", "chain 3"),
        "treedepth": check("treedepth", 0, 0),
    }
    return list({**sound, **changed}.values())


def failed_checks() -> list[Mapping[str, Any]]:
    """Return the checks of a NUTS fit that failed in three ways."""
    return nuts_checks(
        rhat=check("rhat", 1.1243, 1.01, "fail", "tau", "theta[1]", "mu"),
        ess_bulk=check("ess_bulk", 38.9, 400, "fail", "tau", "mu"),
        divergences=check("divergences", 57, 0, "fail", "chain 1: 12", "chain 2: 45"),
    )


def khat_checks(
    value: float | None, verdict: str = "pass", *more: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """Return the checks of an approximation."""
    return [check("finite", 0, 0), check("khat", value, 0.7, verdict), *more]


def png(width: int = 48, height: int = 30, seed: int | None = 0) -> bytes:
    """Return a PNG of noise, or all grey where there is no seed."""
    noise = random.Random(seed)
    rows = b"".join(
        b"\0" + (b"\x80" * 3 * width if seed is None else noise.randbytes(3 * width))
        for _ in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def report_job(
    folder: Path, fits: Sequence[FitCase], declared: Declared | None = None
) -> Job[WriteReport]:
    """Write the files that these fits would have left, and return the report's job."""
    requested = declared or Declared()
    folder.mkdir(parents=True, exist_ok=True)
    pairs = list(dict.fromkeys((fit.dataset, fit.model) for fit in fits))
    files = _Files(folder)
    inputs: dict[str, Path | list[Path]] = {
        "summaries": [files.summary(f, requested.intervals) for f in fits],
        "diagnostics": [files.json(f"{f.path}/diagnostics.json", _judged(f)) for f in fits],
        "data": [files.json(f"{d}/data.{m}.json", _stan_data()) for d, m in pairs],
        "metas": [files.json(f"{d}/data.{m}.meta.json", _meta(requested)) for d, m in pairs],
        "programs": [
            files.write(f"{m}.stan", requested.program.encode())
            for m in dict.fromkeys(model for _, model in pairs)
        ],
        **_declared_files(files, fits, pairs, requested),
    }
    if requested.answers is not None:
        inputs["answers"] = files.json("answers.json", requested.answers)
    arguments = read_arguments(WriteReport, _arguments(fits, pairs, requested), "write_report")
    outputs = {"report": folder / "report.html", "metrics": folder / "metrics.json"}
    return Job("write_report", "0" * 64, arguments, inputs, outputs, folder / "log")


def tables_job(
    folder: Path,
    fits: Sequence[FitCase],
    declared: Declared | None = None,
    answers: Mapping[str, Any] | None = None,
) -> Job[WriteTables]:
    """Write the files that these fits would have left, and return the job of their tables."""
    report = report_job(folder, fits, declared)
    keyed, _ = as_json(report.arguments)
    names = {field.name for field in fields(WriteTables)}
    arguments = {name: value for name, value in keyed.items() if name in names}
    inputs = {
        name: report.inputs[name]
        for name in ("summaries", "diagnostics", "comparison", "judgement")
        if name in report.inputs
    }
    if answers is not None:
        inputs["answers"] = _Files(folder).json("answers.json", answers)
    return replace(
        report,
        step="write_tables",
        arguments=read_arguments(WriteTables, arguments, "write_tables"),
        inputs=inputs,
        outputs={"tables": folder / "tables.docx"},
    )


@dataclass(frozen=True)
class _Files:
    folder: Path

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def json(self, name: str, content: object) -> Path:
        return self.write(name, json.dumps(content).encode())

    def summary(self, fit: FitCase, intervals: Mapping[str, Any] | None) -> Path:
        path = self.write(f"{fit.path}/summary.csv", b"")
        columns = list(COLUMNS) if fit.estimate is None else ["estimate", "se"]
        if intervals is not None and fit.estimate is None:
            stem = f"{'hdi' if intervals['kind'] == 'hdi' else 'eti'}{100 * intervals['prob']:g}"
            columns[6:6] = [f"{stem}_lower", f"{stem}_upper"]
        rows = made_up(fit) if fit.summary is None else fit.summary
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["variable", "label", *columns])
            for row in rows:
                ends = {c: row["q5" if c.endswith("lower") else "q95"] for c in columns[6:8]}
                numbers = {**ends, **row} if intervals is not None else row
                label = fit.labels.get(row["variable"], row["variable"])
                writer.writerow([row["variable"], label, *(numbers[c] for c in columns)])
        return path


def made_up(fit: FitCase) -> list[dict[str, Any]]:
    """Return summary rows of mu, tau, and a vector theta, with sizes as in real fits."""
    noise = random.Random(fit.path)
    names = ["mu", "tau", *(f"theta[{j + 1}]" for j in range(fit.parameters))]
    rows = []
    for name in names:
        mean, sd = 4.4 + noise.gauss(0, 2), 3.0 + noise.random() * 3
        ess = 900 + 2500 * noise.random()
        sampled = fit.kind == "nuts"
        rows.append(
            {
                "variable": name,
                "mean": mean,
                "median": mean - 0.1 * sd,
                "sd": sd,
                "mad": sd,
                "q5": mean - 1.7 * sd,
                "q95": mean + 1.6 * sd,
                "mcse_mean": sd / math.sqrt(ess) if sampled else "",
                "mcse_sd": sd / math.sqrt(2 * ess) if sampled else "",
                "ess_bulk": ess if sampled else "",
                "ess_tail": 0.8 * ess if sampled else "",
                "rhat": 1 + 0.004 * noise.random() if sampled else "",
            }
        )
    return rows


def _judged(fit: FitCase) -> dict[str, Any]:
    checks = fit.checks or (nuts_checks() if fit.kind == "nuts" else khat_checks(0.41))
    return {
        "schema": "stanchion/diagnostics/1",
        "verdict": _gravest(checks),
        "method": fit.kind,
        "checks": list(checks),
        "labels": fit.labels,
        "notes": [],
        **({"attempts": {"tried": list(fit.tried)}} if fit.tried else {}),
        **_weighting(fit, checks),
    }


def _gravest(checks: Sequence[Mapping[str, Any]]) -> str:
    order = ("fail", "waived", "warn", "pass")
    return min((c["verdict"] for c in checks if c["verdict"] in order), key=order.index)


def _weighting(fit: FitCase, checks: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    if fit.kind == "nuts":
        return {}
    good = any(c["check"] == "khat" and c["verdict"] == "pass" for c in checks)
    weighting = fit.weighting or ("resampled" if good else "unweighted")
    return {"weighting": weighting, "weighting_because": fit.because}


def _stopped(fit: FitCase) -> bool:
    return _judged(fit)["verdict"] == "fail" and fit.on_fail == "stop"


def _stan_data() -> dict[str, Any]:
    return {
        "J": 8,
        "prior_only": 0,
        "sigma": [15, 10, 16, 11, 9, 11, 10, 18],
        "y": [28, 8, -3, 7, -1, 1, 18, 12],
    }


def _meta(requested: Declared) -> dict[str, Any]:
    names = {"rows": 8, "dropped": [], "unused": [], "sizes": {}, "transforms": {}}
    return {"schema": "stanchion/data/1", "prior_only": True, **names, **requested.meta}


def _declared_files(
    files: _Files, fits: Sequence[FitCase], pairs: Sequence[tuple[str, str]], requested: Declared
) -> dict[str, Path | list[Path]]:
    predicted = fits if requested.predictive or requested.predict else []
    prior = pairs if requested.prior else []
    result: dict[str, Path | list[Path]] = {
        "predictives": [
            files.json(f"{f.path}/predictive.json", _predictive(f, requested)) for f in predicted
        ],
        "priors": [files.json(f"{d}/{m}/prior.json", _prior(requested)) for d, m in prior],
        "rescaled": [
            files.write(f"{fit.path}/original_scale.csv", requested.original_scale.encode())
            for fit in fits
            if requested.original_scale
        ],
    }
    owners: dict[str, list[tuple[str, FitCase | None]]] = {
        "sample_prior": [(f"{d}/{m}", None) for d, m in prior],
        "diagnose_fit": [(f.path, f) for f in fits],
        "predict_outcomes": [(f.path, f) for f in predicted],
        "summarise_effects": [(f.path, f) for f in fits if requested.effects],
    }
    if requested.effects:
        contents = {f.path: _effects(f, requested.no_prior_lines) for f in fits}
        result["effects"] = [files.json(f"{p}/effects.json", c) for p, c in contents.items()]
    for seed, row in enumerate(PICTURES.values()):
        result[row.input] = [
            files.write(f"{path}/{row.file}", _picture(fit, row.name) or png(seed=seed))
            for path, fit in owners[row.step]
        ]
    if requested.compare:
        result["comparison"] = files.write("comparison.csv", _comparison(fits).encode())
        result["judgement"] = files.json("comparison.json", _judgement(fits, requested))
    return result


def _picture(fit: FitCase | None, name: str) -> bytes | None:
    return None if fit is None else fit.pictures.get(name, fit.picture)


def _predictive(fit: FitCase, requested: Declared) -> dict[str, Any]:
    schema = {"schema": "stanchion/predictive/1"}
    if _stopped(fit):
        return {**schema, "made": False, "because": "the fit failed its checks: R-hat, divergences"}
    statistics = [("mean", 8.75, 8.31, 4.2, 0.456), ("max", 28.0, 27.4, 9.1, 0.002)]
    names = ("statistic", "observed", "replicated_mean", "replicated_sd", "tail_probability")
    described = [dict(zip(names, s, strict=True)) | {"undefined": 0} for s in statistics]
    rows = [
        {"row": label, "mean": 5.123 + n, "sd": 9.87, "q5": -11.0, "q95": 21.4}
        for n, label in enumerate(requested.new_labels)
    ]
    predicted = {"variable": "y_new", "dims": ["new_obs"], "rows": rows, "because": None}
    pit = {"observations": 8, "p": 0.62, "uniform": True, "khat_max": 0.41, "khat_bad": 0}
    return {
        **schema,
        "made": True,
        "observed": "y",
        "replicated": "y_rep",
        "statistics": described,
        "statistics_because": None,
        "loo_pit": pit if fit.kind == "nuts" else None,
        "loo_pit_because": None if fit.kind == "nuts" else "the program computes no log_lik",
        "predictions": predicted if requested.predict else None,
    }


def _effects(fit: FitCase, no_prior_lines: str | None) -> dict[str, Any]:
    schema = {"schema": "stanchion/effects/1"}
    if _stopped(fit):
        return {**schema, "made": False, "because": "the fit failed its checks: R-hat, divergences"}
    rows = [_band(20.0 + n, 1.0 - (n - 3) ** 2 / 9, 0.2) for n in range(10)]
    levels = [_band("no", 1.0, 1.0), _band("yes", 2.0, 1.0)]
    curve = {"effect": "se:state", "predictor": "se", "kind": "number"}
    curve |= {
        "prior_because": None,
        "by": "state",
        "by_kind": "level",
        "lines": [{"by_value": "a", "rows": rows}],
    }
    steps = {"effect": "coached", "predictor": "coached", "kind": "level"}
    steps |= {
        "prior_because": None,
        "by": None,
        "by_kind": None,
        "lines": [{"by_value": None, "rows": levels}],
    }
    return {
        **schema,
        "made": True,
        "because": None,
        "prior_because": no_prior_lines,
        "variable": "mu_new",
        "titles": {"se": "Standard error (points)"},
        "interval": {"prob": 0.9, "kind": "equal_tailed"},
        "held": [{"column": "se", "value": 12.375, "how": "mean"}],
        "observed": {"outcome": "y", "values": [], "columns": {}},
        "effects": [curve, steps],
    }


def _band(value: object, mean: float, half: float) -> dict[str, Any]:
    return {"value": value, "mean": mean, "lower": mean - half, "upper": mean + half}


def _prior(requested: Declared) -> dict[str, Any]:
    checks = nuts_checks(extent=check("extent", 2.4e12, 1e10, "warn", "tau"))
    if requested.prior_ignored:
        checks = [*checks, check("prior_only", 0.0, 0, "fail")]
    verdict = "fail" if requested.prior_ignored else "warn"
    names = {"verdict": verdict, "checks": checks, "notes": [], "draws": 1000}
    return {"schema": "stanchion/prior/1", **names}


def _comparison(fits: Sequence[FitCase]) -> str:
    lines = ["dataset,model,method,elpd,se,p,diff,diff_se,weight,khat_max,khat_bad"]
    usable = _compared(fits)
    for dataset in dict.fromkeys(fit.dataset for fit in usable):
        for index, fit in enumerate(f for f in usable if f.dataset == dataset):
            numbers = (
                -30.71 - 6.2 * index,
                1.12,
                0.97,
                -6.2 * index,
                1.4 * index,
                0.5,
                0.74,
                index,
            )
            lines.append(",".join(map(str, (dataset, fit.model, fit.method, *numbers))))
    return "\n".join(lines) + "\n"


def _compared(fits: Sequence[FitCase]) -> list[FitCase]:
    return [fit for fit in fits if _judged(fit)["verdict"] != "fail"]


def _judgement(fits: Sequence[FitCase], requested: Declared) -> dict[str, Any]:
    """Return comparison.json: the first fit of a dataset is the best, the others are worse."""
    results = []
    for dataset in dict.fromkeys(fit.dataset for fit in fits):
        ours = [fit for fit in fits if fit.dataset == dataset]
        models = list(dict.fromkeys(fit.model for fit in _compared(ours)))
        declared = list(dict.fromkeys(fit.model for fit in ours))
        out = [fit for fit in ours if fit not in _compared(ours)]
        missing = [f"{m}: its fit failed its checks: R-hat" for m in declared if m not in models]
        grave = "fail" if len(models) < 2 else "warn"
        where = [
            f"{ours[0].model}/{ours[0].method}: {requested.khat_bad} of {requested.observations}"
        ]
        checks = [
            check("outcome", 0, 0),
            check("compared", len(models), len(declared), grave if missing else "pass", *missing),
            check("loo_khat", requested.khat_bad, 0, "warn", *where)
            if requested.khat_bad
            else check("loo_khat", 0, 0),
        ]
        says = "unsound" if requested.khat_bad else "better"
        results.append(
            {
                "dataset": dataset,
                "verdict": _gravest(checks),
                "observations": requested.observations,
                "checks": checks,
                "conclusions": [{"model": model, "says": says} for model in models[1:]],
                "evidence": [
                    {"model": m, "log_evidence": value, "log_bayes_factor": value - best}
                    for best in [max(requested.evidence.values(), default=0.0)]
                    for m, value in requested.evidence.items()
                ],
                "left_out": [
                    {"model": f.model, "method": f.method, "because": f.because} for f in out
                ],
            }
        )
    return {"schema": "stanchion/comparison/1", "datasets": results}


def _arguments(
    fits: Sequence[FitCase], pairs: Sequence[tuple[str, str]], requested: Declared
) -> dict[str, Any]:
    predictive = {"observed": "y", "replicated": "y_rep", "statistics": ["mean", "max"]}
    return {
        "project": "schools and scores",
        "about": dict(requested.about),
        "analysis": "coaching",
        "question": requested.question,
        "seed": 20261121,
        "datasets": [_dataset(name) for name in dict.fromkeys(d for d, _ in pairs)],
        "models": [
            {
                "name": name,
                "program": f"stan/models/{name}.stan",
                "options": {"program": f"stan/models/{name}.stan", "threads": True},
            }
            for name in dict.fromkeys(m for _, m in pairs)
        ],
        "mappings": [dict(requested.mapping) for _ in pairs],
        "pairs": [{"dataset": d, "model": m} for d, m in pairs],
        "fits": [_fit(fit, requested) for fit in fits],
        "priors": [
            {
                "dataset": d,
                "model": m,
                "keys": {"sample_prior": "ab" * 32},
                "title": requested.title,
            }
            for d, m in (pairs if requested.prior else [])
        ],
        "compare": {"by": "loo", "observed": None} if requested.compare else None,
        "predict": {"variable": "y_new", "dataset": "new"} if requested.predict else None,
        "new_columns": dict(requested.new_columns),
        **({"effects": "mu_new"} if requested.effects else {}),
        "posterior_predictive": predictive if requested.predictive else None,
        "intervals": dict(requested.intervals) if requested.intervals is not None else None,
        **({"forest": dict(requested.forest)} if requested.forest is not None else {}),
        "toolchain": {
            "version": "2.39.0",
            "origin": "wheel",
            "flags": "-O3",
            "driver_sha256": None,
        },
    }


def _dataset(name: str) -> dict[str, Any]:
    columns = {
        "effect": {"type": "real", "lower": None, "unique": False},
        "se": {"type": "real", "lower": 0.0, "unique": False},
    }
    declared = {"columns": columns, "missing": "error", "na": ["", "NA"], "where": {}, "sort": []}
    return {
        "name": name,
        "path": f"data/{name}.csv",
        "sha256": "5f" * 32,
        "declared": declared,
    }


def _fit(fit: FitCase, requested: Declared) -> dict[str, Any]:
    nuts = {"chains": 4, "warmup": 1000, "draws": 1000, "adapt_delta": 0.8, "init": None}
    advi = {"algorithm": "meanfield", "draws": 1000, "tol_rel_obj": 0.01, "init": None}
    thresholds = {"rhat": 1.01, "ess": 400, "divergences": 0, "ebfmi": 0.3, "khat": None}
    if fit.kind == "advi":
        thresholds = dict.fromkeys(thresholds) | {"khat": 0.7}
    steps = ("compile_program", "prepare_data", "sample_chain", "collect_draws", "diagnose_fit")
    return {
        "dataset": fit.dataset,
        "model": fit.model,
        "method": fit.method,
        "chains": 4 if fit.kind == "nuts" else 0,
        "is_posterior": fit.kind != "fixed_param" and fit.estimate is None,
        "estimate": fit.estimate,
        "on_fail": fit.on_fail,
        "settings": {"method": fit.kind, **(nuts if fit.kind == "nuts" else advi)},
        "checks": {"on_fail": fit.on_fail, **thresholds},
        "seed": 1234567,
        "parameters": None,
        "keys": {step: f"{index:x}" * 64 for index, step in enumerate(steps)},
        "has_predictive": requested.predictive or requested.predict,
        "rescaled": [
            {"variable": "beta", "matrix": "X", "axis": 0} for _ in [0] if requested.original_scale
        ],
    }
