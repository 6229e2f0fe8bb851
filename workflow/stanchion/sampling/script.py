"""The procedure of `script`: a person's own program is run, and its draws are held to the model's.

What it is called with, and what it must leave, is in docs/scripts.md.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from stanchion.errors import ChainError, Fault
from stanchion.methods.script import Script
from stanchion.sampling.archive import Archive, attempts_of
from stanchion.sampling.external import FILE, external_draws
from stanchion.sampling.fit import Fit
from stanchion.sampling.own_script import CODE, SETTINGS, OwnScript, run_own


def script(fit: Fit, method: Script) -> Archive:
    """Run the script of a fit, and return what it left.

    Raises:
        ChainError: it failed, met its time limit, or left draws that are not the model's.
        StepError: there is no such Python, or other packages are installed than the lock says.
    """
    job = fit.job
    folder = fit.folder / "script"
    called = OwnScript(
        name=method.script,
        arguments=_arguments(method, fit.seed),
        files=_files(fit, method),
        settings=method.settings["settings"],
        lock=job.path("lock"),
        lock_name=method.lock,
        output=FILE,
        leaves="a netCDF",
        interpreter=job.arguments.interpreter,
        cores=method.cores,
        time_limit=job.arguments.time_limit,
    )
    notes = run_own(called, folder, job.log)
    left = fit.path(FILE)
    (folder / FILE).replace(left)
    data = json.loads(job.path("data").read_text())
    try:
        external = external_draws([left], method, job.arguments.variables, data, {"sizes": {}})
    except ChainError as error:
        raise ChainError(_of_script(error, method.script)) from error
    shutil.rmtree(folder, ignore_errors=True)
    fit.notes.append({**notes, "left_out": list(external.notes)})
    return Archive([], attempts_of(method, ()), {FILE: left})


def _arguments(method: Script, seed: int) -> tuple[str, ...]:
    """Return what the script is called with, relative to the folder that it runs in."""
    return (
        *("--data", "data.json"),
        *("--seed", str(seed)),
        *("--chains", str(method.chains)),
        *("--draws", str(method.draws)),
        *("--settings", SETTINGS),
        *("--output", FILE),
    )


def _files(fit: Fit, method: Script) -> dict[str, Path]:
    sources = zip(method.sources, fit.job.paths("sources"), strict=True)
    return {
        f"{CODE}/{method.script}": fit.job.path("script"),
        **{f"{CODE}/{name}": copy for name, copy in sources},
        "data.json": fit.job.path("data"),
    }


def _of_script(error: ChainError, name: str) -> Fault:
    """Return the fault of what a script left, with the script in place of the file."""
    fault = error.faults[0]
    return replace(fault, what=f"the draws that it left are refused: {fault.what}", where=name)
