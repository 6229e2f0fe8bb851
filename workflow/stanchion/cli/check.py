"""`stanchion check`."""

from __future__ import annotations

from stanchion.cli.arguments import Config


def check(configfile: Config = None) -> None:
    """Validate the declaration, its datasets and its programs, without compiling."""
    from stanchion.config.configfile import declaration_file
    from stanchion.runs.check import check_declaration

    print(check_declaration(declaration_file(configfile)))
