"""Settings with every default filled in, as plain JSON: steps and keys are made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stanchion.checks.catalogue import judging, thresholds
from stanchion.config.analysis import Analysis
from stanchion.config.compiling import LEVELS
from stanchion.config.project import Project
from stanchion.methods.method import Method


def resolved_method(method: Method) -> dict[str, Any]:
    """Return a method's arguments, defaults included; without those that decide no result."""
    return method.model_dump(mode="json", exclude={"models", "time_limit", *method.unused_settings})


def resolved_checks(analysis: Analysis, method: Method) -> dict[str, Any]:
    """Return the thresholds that judge a fit, and its `on_fail`.

    Thresholds that do not judge this method are None, so that they enter no key.
    """
    checks, keys = analysis.checks, judging(method.judged_by)
    on_fail = method.on_fail or checks.on_fail or method.default_on_fail
    resolved: dict[str, Any] = {"on_fail": on_fail}
    for key, threshold in thresholds().items():
        judges = key in keys
        declared = checks.threshold(key)
        resolved[key] = None
        if judges:
            resolved[key] = threshold.default_of(method.size) if declared is None else declared
        if threshold.form == "by_variable":
            resolved[f"{key}_of"] = checks.by_variable(key) if judges else None
    return resolved


def resolved_compiling(project: Project, model: str) -> dict[str, Any]:
    """Return what a model is compiled with: its own options before the toolchain's, none off."""
    common, declared = project.toolchain, project.models[model]
    levels = LEVELS if any(declared.stanc.get(level) for level in LEVELS) else ()
    stanc = {name: on for name, on in common.stanc.items() if name not in levels} | declared.stanc
    return {
        "stanc": _switched_on({str(name): on for name, on in stanc.items()}),
        "cpp": _switched_on({**common.cpp, **declared.cpp}),
        "threads": common.threads if declared.threads is None else declared.threads,
        "native": common.native if declared.native is None else declared.native,
    }


def _switched_on(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not False}
