"""`stanchion check`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from stanchion.cli.arguments import Config


def check(
    configfile: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, faults included.")] = False,
) -> None:
    """Validate the declaration, its datasets and its programs, without compiling."""
    from stanchion.config.configfile import declaration_file
    from stanchion.errors import DeclarationError
    from stanchion.runs.check import check_declaration, faulty_as_json
    from stanchion.runs.json_output import all_on_stderr

    declaration = declaration_file(configfile)
    if not as_json:
        print(check_declaration(declaration).text())
        return
    try:
        with all_on_stderr():
            checked = check_declaration(declaration)
    except DeclarationError as error:
        print(faulty_as_json(declaration, error))
        print(error, file=sys.stderr)
        raise typer.Exit(error.exit_code) from error
    print(checked.as_json())
