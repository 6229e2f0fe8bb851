"""`stanchion run`: a declaration through Snakemake, from the toolchain to the table at the end."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from stanchion.config.configfile import declaration_file
from stanchion.errors import DataError, GateError, StanchionError, ToolchainError
from stanchion.plan.model import Plan
from stanchion.plan.opening import open_plan
from stanchion.plan.settling import is_current
from stanchion.plan.staying import chosen_analyses, targets
from stanchion.provenance.runs import failures
from stanchion.runs.check import check_plan
from stanchion.runs.live import progress_shown
from stanchion.runs.slurm import settle_leftovers
from stanchion.runs.status import (
    altered_results,
    comparison_statuses,
    fit_statuses,
)
from stanchion.runs.status_table import table
from stanchion.stan.toolchain import find, install
from stanchion.system.folders import PROGRESS, TEMPORARY
from stanchion.system.git import ask_git
from stanchion.system.lock import lock_project
from stanchion.system.stopping import Stop, stopping
from stanchion.system.temporaries import sweep
from stanchion.versions import dvc as versioning
from stanchion.versions.restore import pull_missing_data
from stanchion.versions.track import keep_compilations, report_tracked, track_plan

_DRY = {"-n", "--dry-run", "--dryrun"}


def run(
    analyses: Sequence[str],
    *,
    cores: str | None,
    profile: str | None,
    configfile: Path | None,
    extra: Sequence[str],
) -> int:
    """Run analyses, print what failed and the table of fits, and return the exit code.

    Raises:
        StoppedError: a signal has stopped the run.
        StanchionError: the declaration is bad, or another run goes on in this folder.
    """
    with stopping() as stop:
        return _run(analyses, cores, profile, configfile, extra, stop)


def _run(
    analyses: Sequence[str],
    cores: str | None,
    profile: str | None,
    configfile: Path | None,
    extra: Sequence[str],
    stop: Stop,
) -> int:
    declaration = _require_project(configfile)
    locked = lock_project()
    sweep(Path(TEMPORARY))
    _require_toolchain()
    _set_up_versions()
    plan = _open_plan(declaration, _overrides(extra))
    chosen = chosen_analyses(plan, analyses)
    if not all(is_current(step) for step in plan):
        check_plan(plan)
    shutil.rmtree(PROGRESS, ignore_errors=True)
    with nullcontext() if _DRY & set(extra) else progress_shown(chosen):
        success = _snakemake(_arguments(plan, analyses, cores, profile, configfile, extra, locked))
    if stop.number is not None:
        return 1
    failed = failures()
    print(_closing(plan, chosen, failed))
    code = 0 if success else _exit_code(failed)
    if not _DRY & set(extra):
        keep_compilations(plan, chosen)
        if code in (0, GateError.exit_code):
            _track(plan, analyses)
    return code


def _require_project(configfile: Path | None) -> Path:
    """Return the declaration of the project in this folder."""
    if not Path("Snakefile").exists():
        raise StanchionError(
            "there is no Snakefile in this folder",
            where=str(Path.cwd()),
            todo="go to your project's folder, or make one with `stanchion init DIR`",
        )
    declaration = declaration_file(configfile)
    if not declaration.exists():
        raise StanchionError("there is no such file", where=str(declaration))
    return declaration


def _overrides(extra: Sequence[str]) -> dict[str, Any]:
    """Return what Snakemake's `--config` among its own arguments lays over the declaration."""
    if not any(word.startswith(("--config", "-C")) for word in extra):
        return {}
    from snakemake.cli import parse_args, parse_config

    _, args = parse_args(list(extra))
    if args.configfile:
        raise StanchionError(
            "`--configfile` is given to Snakemake, and Stanchion would read another file",
            value=" ".join(map(str, args.configfile)),
            todo="put it before `--`",
        )
    return dict(parse_config(args.config))


def _require_toolchain() -> None:
    try:
        find()
    except ToolchainError:
        print("no CmdStan found: installing one", file=sys.stderr)
        install()


def _set_up_versions() -> None:
    """Put a git repository under DVC, once; results can be tracked from then on."""
    if ask_git("rev-parse", "--is-inside-work-tree") == "true" and not versioning.is_set_up():
        versioning.set_up()
        print("DVC is set up: commit .dvc and .dvcignore", file=sys.stderr)


def _open_plan(declaration: Path, overrides: Mapping[str, Any]) -> Plan:
    """Open the plan; datasets that are under DVC and not here are fetched first."""
    try:
        return open_plan(declaration, overrides)
    except DataError:
        if not pull_missing_data(declaration):
            raise
    return open_plan(declaration, overrides)


def _track(plan: Plan, analyses: Sequence[str]) -> None:
    if plan.project.versioning.track == "after_run":
        print(f"\n{report_tracked(track_plan(plan, analyses))}")


def _arguments(
    plan: Plan,
    analyses: Sequence[str],
    cores: str | None,
    profile: str | None,
    configfile: Path | None,
    extra: Sequence[str],
    locked: bool,
) -> list[str]:
    arguments = ["--nolock"] if locked else []
    arguments += ["--keep-going", "--rerun-incomplete", "--quiet", "rules", "host"]
    if cores is not None:
        arguments += ["--cores", cores]
    if profile is not None:
        arguments += ["--workflow-profile", _profile(profile)]
    if configfile is not None:
        arguments += ["--configfile", str(configfile)]
    paths = targets(plan, analyses) if analyses else []
    return [*arguments, *extra, *(["--", *paths] if paths else [])]


def _profile(name: str) -> str:
    for folder in (Path("profiles"), Path("workflow/profiles")):
        if (folder / name).is_dir():
            return str(folder / name)
    known = sorted(p.name for p in Path("profiles").glob("*") if p.is_dir())
    raise StanchionError(f"no profile {name!r}", allowed=", ".join(known))


def _snakemake(arguments: list[str]) -> bool:
    """Run Snakemake in this process: on all cores, or as the profile says.

    Its limit on jobs started per second goes where it would only cost time; sbatch sets its own.
    """
    from snakemake.cli import args_to_api, parse_args, parse_cores

    from stanchion.runs.terminal import quieten

    terminal = quieten()
    logging.raiseExceptions = False  # Snakemake's log file cannot be written on a full disk
    parser, args = parse_args(arguments)
    terminal.steps_are_elsewhere = args.executor not in (None, "local")
    if args.executor in (None, "local", "slurm"):
        args.max_jobs_per_timespan = None
    if args.cores is None and args.jobs is None:
        args.cores = parse_cores("all")
    if args.executor == "slurm" and args.slurm_jobname_prefix and not args.dryrun:
        settle_leftovers(args.slurm_jobname_prefix)
    return bool(args_to_api(args, parser))


def _exit_code(failed: Sequence[dict[str, object]]) -> int:
    codes = {failure["exit_code"] for failure in failed}
    if codes == {3}:
        return 3
    return 2 if codes and codes <= {2, 3} else 1


def _closing(plan: Plan, chosen: Sequence[str], failed: Sequence[dict[str, object]]) -> str:
    reports = [Path(f"results/{name}/report.html") for name in chosen]
    parts = _failures(failed)
    altered = altered_results(plan, chosen)
    compared = comparison_statuses(plan, chosen)
    parts.append(table(fit_statuses(plan, chosen), altered, compared))
    parts.append("\n".join(f"report: {path}" for path in reports if path.exists()))
    return "\n" + "\n\n".join(part for part in parts if part)


def _failures(failed: Sequence[dict[str, object]]) -> list[str]:
    """Return what failed steps say; what several say alike is said once."""
    steps: dict[object, list[object]] = {}
    for failure in failed:
        steps.setdefault(failure["message"], []).append(failure["step"])
    return [
        f"{names[0]}{f' and {len(names) - 1} more' if names[1:] else ''} failed\n{message}"
        for message, names in steps.items()
    ]
