"""`stanchion run`: a declaration through Snakemake, from the toolchain to the table at the end."""

from __future__ import annotations

import io
import logging
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, redirect_stderr
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from stanchion.config.configfile import declaration_file
from stanchion.errors import DataError, GateError, StanchionError, ToolchainError
from stanchion.plan.model import Plan
from stanchion.plan.opening import open_plan
from stanchion.plan.settling import is_current
from stanchion.plan.staying import chosen_analyses, targets
from stanchion.provenance.runs import failures
from stanchion.runs import closing
from stanchion.runs.check import check_plan
from stanchion.runs.closing import RunResult, exit_code_of, run_result
from stanchion.runs.json_output import all_on_stderr
from stanchion.runs.live import progress_shown
from stanchion.runs.slurm import settle_leftovers
from stanchion.runs.styles import has_colour
from stanchion.stan.toolchain import find, install
from stanchion.system.folders import PROGRESS, TEMPORARY
from stanchion.system.git import ask_git
from stanchion.system.lock import lock_project
from stanchion.system.stopping import Stop, stopping
from stanchion.system.temporaries import sweep
from stanchion.versions import dvc as versioning
from stanchion.versions.restore import pull_missing_data
from stanchion.versions.track import keep_compilations, report_tracked, track_plan


def run(
    analyses: Sequence[str],
    *,
    cores: str | None,
    profile: str | None,
    configfile: Path | None,
    extra: Sequence[str],
    as_json: bool = False,
) -> int:
    """Run analyses, say what failed and print what came out, and return the exit code.

    As JSON standard output holds one document, and all else goes to standard error.

    Raises:
        StoppedError: a signal has stopped the run.
        StanchionError: the declaration is bad, or another run goes on in this folder.
    """
    output = all_on_stderr() if as_json else nullcontext(sys.stdout)
    with output as stdout, stopping() as stop:
        is_dry = _is_dry(extra)
        ran = _run(analyses, cores, profile, configfile, extra, stop, is_dry=is_dry)
        if ran is None:
            return 1
        plan, result = ran
        track = partial(_track, plan, analyses) if _is_tracked(plan, result, is_dry) else None
        if not as_json:
            print(f"\n{closing.as_text(result)}", flush=True)
        if not is_dry:
            keep_compilations(plan, chosen_analyses(plan, analyses))
        if as_json:
            result = _tracked(result, track)
            print(closing.as_json(result), file=stdout)
        elif track is not None:
            print(f"\n{track()}")
        return result.exit_code


def _run(
    analyses: Sequence[str],
    cores: str | None,
    profile: str | None,
    configfile: Path | None,
    extra: Sequence[str],
    stop: Stop,
    *,
    is_dry: bool,
) -> tuple[Plan, RunResult] | None:
    """Run analyses and return what they have come to; None where a signal has stopped them."""
    declaration = _require_project(configfile)
    locked = lock_project()
    sweep(Path(TEMPORARY))
    _require_toolchain()
    if not is_dry:
        _set_up_versions()
    plan = _open_plan(declaration, _overrides(extra))
    chosen = chosen_analyses(plan, analyses)
    if not all(is_current(step) for step in plan):
        check_plan(plan)
    shutil.rmtree(PROGRESS, ignore_errors=True)
    from stanchion.runs.terminal import quieten

    terminal = quieten()
    terminal.shows_all = is_dry
    with nullcontext() if is_dry else progress_shown(chosen, terminal.steps_done):
        success = _snakemake(_arguments(plan, analyses, cores, profile, configfile, extra, locked))
    if stop.number is not None:
        return None
    failed = failures()
    terminal.speak_of_rest(failed)
    code = 0 if success else exit_code_of(failed) or 1
    return plan, run_result(plan, chosen, failed, code, terminal.steps)


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


def _is_dry(extra: Sequence[str]) -> bool:
    """Tell whether Snakemake's own arguments ask for a dry run, as `-n` or joined, as in `-np`."""
    return bool(extra) and bool(_parsed(list(extra))[1].dryrun)


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


def _is_tracked(plan: Plan, result: RunResult, is_dry: bool) -> bool:
    ended_well = result.exit_code in (0, GateError.exit_code)
    is_declared = plan.project.versioning.track == "after_run"
    return ended_well and is_declared and not is_dry


def _track(plan: Plan, analyses: Sequence[str]) -> str:
    return report_tracked(track_plan(plan, analyses))


def _tracked(result: RunResult, track: Callable[[], str] | None) -> RunResult:
    """Track the results where that is asked for; that it failed stands in the result then."""
    if track is None:
        return result
    try:
        print(track())
    except StanchionError as error:
        print(error, file=sys.stderr)
        note = {"step": "tracking the results", "message": str(error), "exit_code": error.exit_code}
        return replace(result, exit_code=error.exit_code, failures=(*result.failures, note))
    return result


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

    Raises:
        StanchionError: what was planned cannot be planned any more, or the disk is full.
    """
    from snakemake.cli import args_to_api, parse_cores

    logging.raiseExceptions = False  # Snakemake's log file cannot be written on a full disk
    parser, args = _parsed(arguments)
    args.nocolor = args.nocolor or not has_colour(sys.stderr)
    if args.executor in (None, "local", "slurm"):
        args.max_jobs_per_timespan = None
    if args.cores is None and args.jobs is None:
        args.cores = parse_cores("all")
    if args.executor == "slurm" and args.slurm_jobname_prefix and not args.dryrun:
        settle_leftovers(args.slurm_jobname_prefix)
    try:
        return bool(args_to_api(args, parser))
    except SystemExit as end:
        if isinstance(end.__cause__, StanchionError):
            raise end.__cause__ from None
        raise


def _parsed(arguments: list[str]) -> tuple[Any, Any]:
    """Parse Snakemake's arguments; what it says of the profile that it finds is no news."""
    from snakemake.cli import parse_args

    words = io.StringIO()
    try:
        with redirect_stderr(words):
            parser, args = parse_args(arguments)
    finally:
        lines = words.getvalue().splitlines(keepends=True)
        sys.stderr.writelines(line for line in lines if not line.startswith("Using "))
    return parser, args
