"""(fit, step) → path, relative to the project; the rules' literal paths are tested against it.

A step's outputs stand in `OUTPUTS` as patterns over its wildcards; the first output names the
step: its key file and its records lie beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath, PurePosixPath

from stanchion.system.folders import JOBS, STAMPS, STATE

_PAIR = "results/{analysis}/{dataset}"
_MODEL = f"{_PAIR}/{{model}}"
_FIT = f"{_MODEL}/{{method}}"
_PROGRAM = f"{STATE}/programs/{{program}}"

OUTPUTS: dict[str, dict[str, str]] = {
    "compile_program": {"executable": f"{_PROGRAM}/model"},
    "prepare_data": {
        "data": f"{_PAIR}/data.{{model}}.json",
        "meta": f"{_PAIR}/data.{{model}}.meta.json",
    },
    "sample_prior": {
        "prior": f"{_MODEL}/prior.nc",
        "checks": f"{_MODEL}/prior.json",
        "picture": f"{_MODEL}/prior_predictive.png",
    },
    "sample_chain": {"chain": f"{_FIT}/chains/chain_{{chain}}.csv"},
    "approximate_posterior": {"chain": f"{_FIT}/chains/chain_{{chain}}.csv"},
    "collect_draws": {"draws": f"{_FIT}/draws.nc", "summary": f"{_FIT}/summary.csv"},
    "diagnose_fit": {
        "diagnostics": f"{_FIT}/diagnostics.json",
        "picture": f"{_FIT}/plots/ranks.png",
    },
    "predict_outcomes": {
        "predictive": f"{_FIT}/predictive.json",
        "picture": f"{_FIT}/plots/posterior_predictive.png",
    },
    "compare_models": {
        "comparison": "results/{analysis}/comparison.csv",
        "judgement": "results/{analysis}/comparison.json",
    },
    "write_report": {
        "report": "results/{analysis}/report.html",
        "metrics": "results/{analysis}/metrics.json",
    },
    "check_verdicts": {"verdicts": "results/{analysis}/verdicts.json"},
}

_HOME: dict[str, str] = {
    "compile_program": _PROGRAM,
    "prepare_data": _PAIR,
    "sample_prior": _MODEL,
    "sample_chain": _FIT,
    "approximate_posterior": _FIT,
    "collect_draws": _FIT,
    "diagnose_fit": _FIT,
    "predict_outcomes": _FIT,
    "compare_models": "results/{analysis}",
    "write_report": "results/{analysis}",
    "check_verdicts": "results/{analysis}",
}

COMPILE_RECORDS = "results/{analysis}/records/compile_program.{program}"
"""Where an analysis keeps the records of the programs that it used, for they go with it."""

_NAME: dict[str, str] = {
    "prepare_data": "prepare_data.{model}",
    "sample_chain": "sample_chain.{chain}",
    "approximate_posterior": "approximate_posterior.{chain}",
}


def step_name(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return a step's name within its folder, such as `sample_chain.3`."""
    return _NAME.get(rule, rule).format(**wildcards)


def outputs(rule: str, wildcards: Mapping[str, str]) -> dict[str, str]:
    """Return a step's output paths by name."""
    return {name: path.format(**wildcards) for name, path in OUTPUTS[rule].items()}


def key_pattern(rule: str) -> str:
    """Return the pattern of a step's key file: one line, the key its outputs were made with."""
    return f"{_HOME[rule]}/.keys/{_NAME.get(rule, rule)}"


def key_file(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return the path of a step's key file."""
    return key_pattern(rule).format(**wildcards)


def records(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return the folder of a step's records."""
    home = _HOME[rule].format(**wildcards)
    return f"{home}/records/{step_name(rule, wildcards)}"


def stamps(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return the path of the file that keeps what a step's outputs were when last hashed."""
    return f"{STAMPS}/{_place(rule, wildcards)}/{step_name(rule, wildcards)}"


def log_file(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return the path of a step's log."""
    return log_pattern(rule).format(**wildcards)


def log_pattern(rule: str) -> str:
    """Return the pattern of a step's log."""
    home = PurePosixPath(_HOME[rule])
    return f"logs/{home.relative_to(home.parts[0])}/{_NAME.get(rule, rule)}.log"


def job_file(rule: str, wildcards: Mapping[str, str], key: str) -> str:
    """Return the path of the file that tells a step its arguments and paths.

    Its place is the step's own: two steps may have one key and write to two places.
    """
    return f"{JOBS}/{_place(rule, wildcards)}/{step_name(rule, wildcards)}/{key}.json"


def _place(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return a step's folder without the first one of its path."""
    return _HOME[rule].format(**wildcards).partition("/")[2]


def job_label(file: PurePath) -> str:
    """Return what a person calls the step of a job file: its name and where its results lie."""
    place = file.relative_to(JOBS).parent
    return f"{place.name} {place.parent}"


def step_of(folder: str) -> tuple[str, dict[str, str]] | None:
    """Return rule and wildcards of the step whose records lie in a folder, None where none's do."""
    patterns = [(rule, f"{home}/records/{_NAME.get(rule, rule)}") for rule, home in _HOME.items()]
    for rule, pattern in [*patterns, ("compile_program", COMPILE_RECORDS)]:
        if (found := _match(pattern, folder)) is not None:
            return rule, found
    return None


def compile_records(analysis: str, program: str) -> str:
    """Return the folder that keeps, with an analysis, the records of a program's compilation."""
    return COMPILE_RECORDS.format(analysis=analysis, program=program)


def _match(pattern: str, text: str) -> dict[str, str] | None:
    """Return the wildcards with which a pattern gives a text."""
    names = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(pattern))
    found = re.fullmatch(names, text)
    return found.groupdict() if found is not None else None
