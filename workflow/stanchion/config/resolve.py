"""Settings with every default filled in, as plain JSON: steps and keys are made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stanchion.checks.catalogue import judged_by, thresholds
from stanchion.checks.row import Size
from stanchion.config.analysis import Analysis
from stanchion.config.compiling import LEVELS
from stanchion.config.project import Project
from stanchion.methods.sections import Method, Nuts


def resolved_method(method: Method) -> dict[str, Any]:
    """Return a method's arguments, defaults included; without those that decide no result."""
    return method.model_dump(mode="json", exclude={"time_limit"})


def resolved_checks(analysis: Analysis, method: Method) -> dict[str, Any]:
    """Return the thresholds that judge a fit, and its `on_fail`.

    Thresholds that do not judge this kind of method are None, so that they enter no key.
    """
    checks, judging = analysis.checks, judged_by(method.method)
    size = Size(method.chains if isinstance(method, Nuts) else 1, method.draws)
    default = "stop" if isinstance(method, Nuts) else "flag"
    resolved: dict[str, Any] = {"on_fail": method.on_fail or checks.on_fail or default}
    for key, threshold in thresholds().items():
        judges = key in judging
        declared = checks.threshold(key)
        limit = threshold.default_of(size) if declared is None else declared
        resolved[key] = limit if judges else None
        if threshold.form == "by_variable":
            resolved[f"{key}_of"] = checks.by_variable(key) if judges else None
    return resolved


def resolved_compiling(project: Project, model: str) -> dict[str, Any]:
    """Return what a model is compiled with: its own options before the toolchain's, none off."""
    common, own = project.toolchain, project.models[model]
    levels = LEVELS if any(own.stanc.get(level) for level in LEVELS) else ()
    stanc = {name: on for name, on in common.stanc.items() if name not in levels} | own.stanc
    return {
        "stanc": _switched_on({str(name): on for name, on in stanc.items()}),
        "cpp": _switched_on({**common.cpp, **own.cpp}),
        "threads": common.threads if own.threads is None else own.threads,
        "native": common.native if own.native is None else own.native,
    }


def _switched_on(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not False}
