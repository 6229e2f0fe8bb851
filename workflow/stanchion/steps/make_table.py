"""Makes a dataset's table by a person's own script, whatever columns it has."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from stanchion.datasets.read import read_columns, read_header
from stanchion.errors import ChainError, DataError
from stanchion.plan.arguments import MakeTable
from stanchion.plan.job import Job
from stanchion.sampling.own_script import CODE, SETTINGS, OwnScript, run_own

_INPUTS = "inputs"
"""The folder of what a script reads, within the one that it runs in."""
_TABLE = "table.csv"


def run(job: Job[MakeTable]) -> None:
    """Run the script, and keep the table that it leaves; columns are checked where it is read.

    Raises:
        ChainError: the script failed, met its time limit, or left what is no table.
        StepError: there is no such Python, or other packages are installed than the lock says.
    """
    arguments, table = job.arguments, job.outputs["table"]
    folder = table.parent / "script"
    script = OwnScript(
        name=arguments.script,
        arguments=_words(arguments),
        files=_files(job),
        settings=arguments.settings,
        lock=job.path("lock"),
        lock_name=arguments.lock,
        output=_TABLE,
        leaves="a CSV",
        interpreter=arguments.interpreter,
        time_limit=arguments.time_limit,
    )
    notes = run_own(script, folder, job.log)
    shutil.copyfile(folder / _TABLE, table)  # a name that the script may have given it is not ours
    shutil.rmtree(folder, ignore_errors=True)
    job.notes["runs"] = [notes]
    job.notes["columns"], job.notes["rows"] = _size(table, arguments.script)


def _words(arguments: MakeTable) -> tuple[str, ...]:
    """Return what the script is called with, relative to the folder that it runs in."""
    inputs = [f"{_INPUTS}/{path}" for path in arguments.inputs]
    return (
        *(("--inputs", *inputs) if inputs else ()),
        *(("--seed", str(arguments.seed)) if arguments.seed is not None else ()),
        *("--settings", SETTINGS),
        *("--output", _TABLE),
    )


def _files(job: Job[MakeTable]) -> dict[str, Path]:
    sources = zip(job.arguments.sources, job.paths("sources"), strict=True)
    inputs = zip(job.arguments.inputs, job.paths("inputs"), strict=True)
    return {
        f"{CODE}/{job.arguments.script}": job.path("script"),
        **{f"{CODE}/{path}": copy for path, copy in sources},
        **{f"{_INPUTS}/{path}": copy for path, copy in inputs},
    }


def _size(table: Path, script: str) -> tuple[list[str], int]:
    """Return the columns of a table and its number of rows, all of which are whole."""
    try:
        columns = read_header(table)
        return list(columns), len(read_columns(table, columns, ()).lines)
    except DataError as error:
        faults = [
            replace(fault, what=f"the table that it left is refused: {fault.what}", where=script)
            for fault in error.faults
        ]
        raise ChainError(faults) from error
