"""`stanchion cache`: size, prune."""

from __future__ import annotations

from typing import Annotated

import typer

from stanchion.system.durations import seconds_of

app = typer.Typer(
    help="See what the cache holds, and remove what was long not used.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _seconds(text: str) -> int:
    try:
        return seconds_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@app.command()
def size(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count results by step, states, programs and toolchains, and the bytes that they take."""
    from stanchion.runs.cache_contents import size as size_of_cache

    print(size_of_cache(as_json=as_json))


@app.command()
def prune(
    older: Annotated[
        int, typer.Option(parser=_seconds, metavar="90d", help="How long it was not used.")
    ],
    keep_tracked: Annotated[
        bool,
        typer.Option("--keep-tracked", help="Keep what this project's tracked results stand on."),
    ] = False,
) -> None:
    """Remove results and states that were not used for so long; nothing that is in use goes."""
    from stanchion.runs.cache_prune import prune as prune_cache

    print(prune_cache(older, keep_tracked=keep_tracked))
