"""`stanchion toolchain`: install, path, show, check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from stanchion.stan import toolchain

app = typer.Typer(
    help="Find, install and try out CmdStan.", no_args_is_help=True, rich_markup_mode=None
)
From = Annotated[
    str | None,
    typer.Option("--from", metavar="wheel|release|DIR", help="Where CmdStan comes from."),
]
Offline = Annotated[
    Path | None,
    typer.Option(metavar="WHEELHOUSE", help="A folder that holds the wheel; no network is used."),
]


@app.command()
def install(from_: From = None, offline: Offline = None) -> None:
    """Put a CmdStan in place: its release where its site answers, else one made from a wheel."""
    source: Literal["wheel", "release"] | Path | None
    source = from_ if from_ in ("wheel", "release", None) else Path(from_)  # type: ignore[assignment]
    typer.echo(toolchain.install(source, offline=offline).path)


@app.command()
def path() -> None:
    """Print the path of the CmdStan in use, and nothing else."""
    typer.echo(toolchain.find().path)


@app.command()
def show(
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
    licences: Annotated[
        bool, typer.Option("--licences", help="What it carries, under which licences.")
    ] = False,
) -> None:
    """Say which CmdStan is in use, where it came from and what it is made of."""
    cmdstan = toolchain.find()
    about = toolchain.show(cmdstan)
    if as_json:
        typer.echo(json.dumps(about, indent=2, ensure_ascii=False))
        return
    if licences:
        for part in toolchain.licences(cmdstan):
            typer.echo(f"{part['part']} {part['version']}: {part['licence']}  {part['text']}")
        return
    for name, value in about.items():
        if not isinstance(value, dict | list):
            typer.echo(f"{name + ':':<18} {value}")


@app.command()
def check() -> None:
    """Compile and sample a tiny program, and compare with its known answer."""
    cmdstan = toolchain.find()
    mean = toolchain.check(cmdstan)
    typer.echo(f"{cmdstan.path} works: a mean of {mean:.4f}, 0.25 expected")
