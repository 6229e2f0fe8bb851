"""`stanchion advise`."""

from __future__ import annotations

from typing import Annotated

import typer

from stanchion.cli.arguments import Config


def advise(
    configfile: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what declaration, programs and data speak for and against, without compiling."""
    from stanchion.config.configfile import declaration_file
    from stanchion.runs.advice import advise_declaration
    from stanchion.runs.json_output import all_on_stderr

    declaration = declaration_file(configfile)
    if not as_json:
        print(advise_declaration(declaration, as_json=False))
        return
    with all_on_stderr():
        document = advise_declaration(declaration, as_json=True)
    print(document)
