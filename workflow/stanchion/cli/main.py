"""The command line: parse, call one function."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from stanchion import __version__
from stanchion.cli.advise import advise
from stanchion.cli.cache import app as cache_app
from stanchion.cli.check import check
from stanchion.cli.clean import clean
from stanchion.cli.diff import diff
from stanchion.cli.gallery import gallery
from stanchion.cli.init import init
from stanchion.cli.restore import restore
from stanchion.cli.run import run
from stanchion.cli.status import status
from stanchion.cli.toolchain import app as toolchain_app
from stanchion.cli.track import track
from stanchion.cli.verify import verify
from stanchion.errors import Fault, StanchionError, machine_fault

app = typer.Typer(
    help="Declarative, reproducible Bayesian analyses with Stan and Snakemake.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
COMMANDS = (init, gallery, check, advise, run, status, track, restore, verify, clean, diff)
for command in COMMANDS:
    app.command()(command)
app.add_typer(toolchain_app, name="toolchain")
app.add_typer(cache_app, name="cache")


def _version(show: bool) -> None:
    if show:
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


def main() -> None:
    """Run a command; an error is one message and an exit code, without a traceback."""
    before, after = _split(sys.argv[1:])
    as_json = "--json" in before
    try:
        code = app(
            [*before, *(a for x in after for a in ("--snakemake", x))], standalone_mode=False
        )
        sys.exit(code if isinstance(code, int) else 0)
    except StanchionError as error:
        _fail(error.faults, error, error.exit_code, as_json)
    except (typer.Abort, KeyboardInterrupt):
        _fail([Fault("stopped")], None, 130, as_json)
    except TyperException as error:
        todo = "see `stanchion --help`, or --help behind a command"
        _fail([Fault(error.format_message(), todo=todo)], None, error.exit_code, as_json)
    except Exception as error:
        if fault := machine_fault(error):
            _fail([fault], error, 1, as_json)
        what = f"internal error: {type(error).__name__}: {error}"
        _fail([Fault(what)], error, 1, as_json)


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Part the words before `--` from those for Snakemake after it."""
    if "--" not in arguments:
        return arguments, []
    cut = arguments.index("--")
    return arguments[:cut], arguments[cut + 1 :]


def _fail(faults: Sequence[Fault], error: BaseException | None, code: int, as_json: bool) -> None:
    message = "\n".join(map(str, faults))
    print(message, file=sys.stderr)
    if as_json:
        from stanchion.runs.json_output import error_document

        print(error_document(message, faults, code))
    if error is not None and os.environ.get("STANCHION_TRACEBACK"):
        traceback.print_exception(error)
    sys.exit(code)
