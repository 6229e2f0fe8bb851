"""The command line: parse, call one function."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from stanchion import __version__
from stanchion.cli.toolchain import app as toolchain_app
from stanchion.errors import StanchionError, machine_fault

app = typer.Typer(
    help="Declarative, reproducible Bayesian analyses with Stan and Snakemake.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(toolchain_app, name="toolchain")

Config = Annotated[
    Path | None,
    typer.Option(
        "--configfile",
        metavar="F",
        help="The declaration to read, in place of the Snakefile's `configfile:`.",
    ),
]
Analyses = Annotated[list[str] | None, typer.Argument(metavar="[ANALYSIS]...")]


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    show_traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where in the code an error arose.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of all commands."""
    if show_traceback:
        os.environ["STANCHION_TRACEBACK"] = "1"


@app.command()
def init(directory: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Make a project of your own, with an example in it."""
    from stanchion.project.create import init as make_project

    make_project(directory)


@app.command()
def check(configfile: Config = None) -> None:
    """Validate the declaration, its datasets and its programs, without compiling."""
    from stanchion.config.configfile import declaration_file
    from stanchion.runs.check import check_declaration

    print(check_declaration(declaration_file(configfile)))


@app.command()
def run(
    analyses: Analyses = None,
    cores: Annotated[
        str | None,
        typer.Option(metavar="N", help="How many cores, or `all`, which is the default."),
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="A profile, such as `slurm`.")
    ] = None,
    configfile: Config = None,
    extra: Annotated[
        list[str] | None, typer.Option("--snakemake", hidden=True, metavar="ARG")
    ] = None,
) -> None:
    """Run analyses; what follows `--` goes to Snakemake."""
    from stanchion.runs.run import run as run_analyses

    raise typer.Exit(
        run_analyses(
            analyses or [],
            cores=cores,
            profile=profile,
            configfile=configfile,
            extra=extra or [],
        )
    )


@app.command()
def status(
    analyses: Analyses = None,
    configfile: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show each fit's state, verdict and the figures behind it, and its jobs on a cluster."""
    from stanchion.config.configfile import declaration_file
    from stanchion.plan.opening import open_plan
    from stanchion.runs import jobs
    from stanchion.runs import status as statuses
    from stanchion.versions.declared import undeclared

    plan = open_plan(declaration_file(configfile), main=False)
    known = jobs.known_jobs(analyses or [])
    found = jobs.in_progress(statuses.fit_statuses(plan, analyses or []), known or [])
    altered = statuses.altered_results(plan, analyses or [])
    compared = statuses.comparison_statuses(plan, analyses or [])
    left = {} if analyses else undeclared(plan)
    if as_json:
        print(statuses.as_json(found, altered, compared, known, left))
    else:
        print("\n".join([statuses.table(found, altered, compared), *statuses.left_over(left)]))
        if known:
            print(f"\n{jobs.job_table(known)}")


@app.command()
def track(
    analyses: Analyses = None,
    configfile: Config = None,
    commit: Annotated[bool, typer.Option("--commit", help="Commit the pointers as well.")] = False,
) -> None:
    """Give the results a version: manifest, DVC pointer, and a push where there is a remote."""
    from stanchion.config.configfile import declaration_file
    from stanchion.versions.track import track as track_results

    track_results(analyses or [], configfile=declaration_file(configfile), commit=commit)


@app.command()
def restore(
    analyses: Analyses = None,
    revision: Annotated[
        str | None, typer.Option("--rev", metavar="REV", help="Switch git to this revision first.")
    ] = None,
    configfile: Config = None,
) -> None:
    """Bring tracked results back and verify them."""
    from stanchion.versions.restore import restore as restore_results

    raise typer.Exit(restore_results(analyses or [], revision=revision, configfile=configfile))


@app.command()
def verify(
    analyses: Analyses = None,
    remote: Annotated[bool, typer.Option("--remote", help="Hash the remote's copy too.")] = False,
    configfile: Config = None,
) -> None:
    """Hold results to manifest, records, git and declaration: 0 intact, 1 not, 2 cannot tell."""
    from stanchion.versions.verify import verify as verify_results

    raise typer.Exit(verify_results(analyses or [], remote=remote, configfile=configfile))


@app.command()
def clean(
    analyses: Annotated[list[str], typer.Argument(metavar="ANALYSIS...")],
    configfile: Config = None,
    force: Annotated[
        bool, typer.Option("--force", help="Remove also what is tracked in no revision.")
    ] = False,
) -> None:
    """Remove results that the declaration does not name any more."""
    from stanchion.runs.clean import clean as clean_results

    print(clean_results(analyses, configfile=configfile, force=force))


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="REV1")],
    new: Annotated[
        str | None, typer.Argument(metavar="[REV2]", help="Without it, the working tree.")
    ] = None,
    configfile: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what changed between two revisions: declaration, data, programs, toolchain, results."""
    from stanchion.versions.diff import diff as compare_revisions

    print(compare_revisions(old, new, configfile=configfile, json=as_json))


def main() -> None:
    """Run a command; an error is one message and an exit code, without a traceback."""
    before, after = _split(sys.argv[1:])
    try:
        code = app(
            [*before, *(a for x in after for a in ("--snakemake", x))], standalone_mode=False
        )
        sys.exit(code if isinstance(code, int) else 0)
    except StanchionError as error:
        _fail(str(error), error, error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _fail("stopped", None, 130)
    except TyperException as error:
        todo = "  do:       see `stanchion --help`, or --help behind a command"
        _fail(f"{error.format_message()}\n{todo}", None, error.exit_code)
    except Exception as error:
        if fault := machine_fault(error):
            _fail(str(fault), error, 1)
        _fail(f"internal error: {type(error).__name__}: {error}", error, 1)


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Part the words before `--` from those for Snakemake after it."""
    if "--" not in arguments:
        return arguments, []
    cut = arguments.index("--")
    return arguments[:cut], arguments[cut + 1 :]


def _fail(message: str, error: BaseException | None, code: int) -> None:
    print(message, file=sys.stderr)
    if error is not None and os.environ.get("STANCHION_TRACEBACK"):
        traceback.print_exception(error)
    sys.exit(code)
