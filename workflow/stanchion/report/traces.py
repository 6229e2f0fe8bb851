"""How it was made: settings, seeds, keys, the toolchain and the packages."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from stanchion.plan.report_arguments import Fit, Prior, WriteReport
from stanchion.provenance.runs import PACKAGES

SHORT_KEY = 12
_UNSET = "CmdStan's default"


@dataclass(frozen=True)
class MethodView:
    """A method's settings and thresholds, the same for every fit that it names."""

    name: str
    settings: tuple[tuple[str, str], ...]
    checks: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Trace:
    """A fit or a prior: its seed, and the key of each of its steps."""

    name: str
    seed: str
    steps: tuple[tuple[str, str], ...]


def methods(fits: Sequence[Fit]) -> tuple[MethodView, ...]:
    """Return each method once, in the order of the declaration."""
    by_name = {fit.method: fit for fit in reversed(fits)}
    names = dict.fromkeys(fit.method for fit in fits)
    return tuple(_method(by_name[name]) for name in names)


def traces(fits: Sequence[Fit], priors: Sequence[Prior]) -> tuple[Trace, ...]:
    """Return what every fit and prior was made from."""
    return (
        *(Trace(fit.path, str(fit.seed), _short(fit.keys)) for fit in fits),
        *(Trace(f"{prior.path}, prior", "", _short(prior.keys)) for prior in priors),
    )


def toolchain(identity: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return what is known of the toolchain, without what is not known."""
    return tuple(
        (name.replace("_", " "), _value(value))
        for name, value in identity.items()
        if value not in (None, "")
    )


def made_in(run: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the run that wrote the report, and the commit it ran at with what differed from it."""
    rows = [("run", str(run["run"]))] if run.get("run") else []
    git = run.get("git")
    if git:
        rows.append(("git commit", str(git["commit"])))
        if git["dirty"]:
            rows.append(("changes not committed", f"SHA-256 {git['diff_sha256']}"))
    return tuple(rows)


def packages() -> tuple[tuple[str, str], ...]:
    """Return the versions of Python and of the packages that make numbers and pictures."""
    versions = [("Python", platform.python_version())]
    for name in PACKAGES:
        try:
            versions.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(versions)


def options(model: Mapping[str, Any]) -> str:
    """Return the options that a model is compiled with, without those that are off."""
    words = [
        f"{name} {_value(value)}" if value is not True else name
        for name, value in model.items()
        if name != "program" and value not in (None, False, {}, "")
    ]
    return ", ".join(words)


def about(arguments: WriteReport) -> tuple[tuple[str, str], ...]:
    """Return what the declaration says about itself."""
    return tuple((name, str(value)) for name, value in arguments.about.items())


def _method(fit: Fit) -> MethodView:
    settings = [
        (name, _UNSET if value is None else _value(value))
        for name, value in fit.settings.items()
        if name not in ("seed", "on_fail")
    ]
    checks = [(name, _value(value)) for name, value in fit.checks.items() if value is not None]
    return MethodView(fit.method, tuple(settings), tuple(checks))


def _short(keys: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((step, key[:SHORT_KEY]) for step, key in keys.items())


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(item)}" for name, item in value.items())
    return str(value)
