"""`stanchion.load`: finds an analysis' results, and refuses what is stale or altered."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from stanchion.api.analysis import Analysis
from stanchion.api.state import AnalysisState, Request
from stanchion.config.configfile import DEFAULT, SNAKEFILES
from stanchion.errors import (
    AlteredError,
    ResultsError,
    StaleError,
    StanchionError,
    UnplannedError,
)
from stanchion.versions.difference import Difference

_RESULTS = "results"
_OF_A_RUN = ("STANCHION_RUN_ID",)
"""What in the environment would make a process take part in a run."""


@dataclass(frozen=True)
class _Location:
    """An analysis' folder, and the project that it lies in."""

    folder: Path
    project: Path | None


def load(
    folder: str | os.PathLike[str],
    *,
    configfile: str | os.PathLike[str] | None = None,
    allow_stale: bool = False,
    allow_altered: bool = False,
    allow_unplanned: bool = False,
    allow_failed: bool = False,
) -> Analysis:
    """Return the results of an analysis, each held to its record and to the declaration.

    `folder` is that of its results, such as `results/coaching`: relative to the current folder, or
    to the project above it. `configfile` is the declaration where it is not the project's own,
    relative to the project. `allow_stale` takes what was made with something else than is declared
    now, and what is not made yet; `allow_altered` what is not what its step wrote;
    `allow_unplanned` results without a declaration to hold them against; `allow_failed` draws and
    estimates of fits that failed checks with `on_fail: stop`.

    Raises:
        ResultsError: there are no results there.
        AlteredError: a result, a key file or a record was altered or removed.
        StaleError: the declaration, the data or a program asks for something else now.
        UnplannedError: the declaration is not there, is wrong, or names no such analysis.
    """
    location = _locate(Path(folder))
    declaration = os.fspath(configfile) if configfile is not None else None
    state = _inspect(location, declaration)
    allowed: Mapping[type[ResultsError], bool] = {
        UnplannedError: allow_unplanned,
        AlteredError: allow_altered,
        StaleError: allow_stale,
    }
    for refusal in _refusals(location.folder, state):
        if not allowed[type(refusal)]:
            raise refusal
    return Analysis(location.folder, state, allow_failed=allow_failed)


def _refusals(folder: Path, state: AnalysisState) -> Iterator[ResultsError]:
    """Yield why results are not to be had unless it is allowed, the gravest first."""
    again = f"`stanchion run {state.name}`"
    if state.unplanned is not None:
        yield UnplannedError(
            f"whether these results are as declared cannot be told: {state.unplanned}",
            where=str(folder),
            todo="load them within their project, its declaration in order, or take them without "
            "it: allow_unplanned=True",
        )
    if state.altered:
        yield AlteredError(
            _counted(state.altered),
            where=state.altered[0].path,
            todo=f"bring it back (`stanchion restore {state.name}`, a copy), or make it anew: "
            f"remove what is not as it was, then {again}; or take it as it is: allow_altered=True",
        )
    if state.stale:
        yield StaleError(
            _counted(state.stale),
            where=state.stale[0].path,
            todo=f"make it as declared now: {again}, or wait for the run that is going on; or take "
            "what is there: allow_stale=True",
        )


def _counted(differences: Sequence[Difference]) -> str:
    """Return what is wrong with the first of some results, and how many more there are."""
    more = len({difference.path for difference in differences}) - 1
    first = differences[0]
    kind = "" if first.kind in first.what else f"{first.kind}: "
    return f"{kind}{first.what}" + (f"; and {more} more like it" if more else "")


def _locate(folder: Path) -> _Location:
    """Return the folder of an analysis, from here or from a folder above, and its project.

    Raises:
        ResultsError: there is no such folder, or it is not that of an analysis.
    """
    here = Path.cwd()
    bases = (here, *here.parents)
    existing = next((base / folder for base in bases if (base / folder).is_dir()), None)
    if existing is None:
        raise ResultsError(
            "there is no such folder of results",
            where=str(here / folder),
            allowed=_analyses_below(bases),
            todo=f"correct the path, or make them: `stanchion run {folder.name}`",
        )
    lexical = Path(os.path.normpath(existing))
    for path in (lexical, existing.resolve()):
        for within in (path, *path.parents):
            if within.parent.name == _RESULTS and _is_project(within.parents[1]):
                return _in_project(path, within)
    if _holds_analyses(lexical):
        raise _not_an_analysis(lexical, _named(lexical))
    return _Location(existing.resolve(), None)


def _in_project(path: Path, folder: Path) -> _Location:
    if path != folder:
        raise _not_an_analysis(path, f"{_RESULTS}/{folder.name}")
    if folder.is_symlink():
        raise ResultsError(
            f"this folder is a link to {folder.readlink()}, and nothing proves what a link shows",
            where=str(folder),
            todo=f"move the folder itself to {_RESULTS}/, or make all of {_RESULTS}/ the link",
        )
    return _Location(folder, folder.parents[1])


def _not_an_analysis(path: Path, allowed: str) -> ResultsError:
    return ResultsError(
        "this is not the folder of an analysis",
        where=str(path),
        allowed=allowed or None,
        todo="name the folder of one analysis; its fits are in what `load` returns",
    )


def _is_project(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (*SNAKEFILES, DEFAULT))


def _holds_analyses(folder: Path) -> bool:
    return folder.name == _RESULTS and _is_project(folder.parent)


def _analyses_below(bases: Sequence[Path]) -> str | None:
    folders = (base / _RESULTS for base in bases if _holds_analyses(base / _RESULTS))
    return next((_named(folder) for folder in folders if folder.is_dir()), None)


def _named(results: Path) -> str:
    """Return the folders of a project's results, each as it may be loaded."""
    names = sorted(path.name for path in results.iterdir() if path.is_dir())
    return ", ".join(f"{_RESULTS}/{name}" for name in names)


def _inspect(location: _Location, configfile: str | None) -> AnalysisState:
    """Have a process that stands in the project's folder look at results."""
    folder, project = location.folder, location.project
    alone = None if project is not None else str(folder)
    request = Request(folder.name, configfile, alone)
    completed = subprocess.run(
        [sys.executable, "-P", "-m", "stanchion.api.inspection", json.dumps(asdict(request))],
        cwd=project or folder,
        env={name: value for name, value in os.environ.items() if name not in _OF_A_RUN},
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    if completed.returncode != 0:
        lines = completed.stderr.decode(errors="replace").strip().splitlines()
        raise ResultsError(
            "looking at these results broke off: " + (lines[-1] if lines else "without a word"),
            where=str(folder),
            todo="look at them by `stanchion status`",
        )
    answer: AnalysisState | StanchionError = pickle.loads(completed.stdout)
    if isinstance(answer, StanchionError):
        raise answer
    return answer
