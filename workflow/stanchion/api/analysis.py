"""An analysis and its fits as Python has them: each file is read when it is asked for, once."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from stanchion.api.state import AnalysisState, FitState, State
from stanchion.checks.catalogue import CHECKS
from stanchion.checks.reasons import why_stopped
from stanchion.checks.verdicts import MARKS, stops, verdict_words
from stanchion.errors import FailedError, ResultsError
from stanchion.provenance.stamps import Stamp
from stanchion.report.reading import Check, Judged, judged
from stanchion.report.wording import limit, shown
from stanchion.system.hashes import content_hash, file_hash

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Verdict = Literal["pass", "warn", "waived", "fail"]

_SHOWN = 20
"""The most fits that a text names."""
_OF_SUMMARY = ("variable", "label")
_OF_COMPARISON = ("dataset", "model", "method")
_OF_ANSWERS = ("dataset", "model", "method", "answer", "label", "unit", "verdict")
"""The columns of tables that hold text; all others are numbers."""


class _Files:
    """The files of an analysis, each read only as it was when the analysis was loaded."""

    def __init__(self, folder: Path, state: AnalysisState) -> None:
        self.folder = folder
        self._name = state.name
        self._files = state.files

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            ResultsError: it is missing, or has changed since.
        """
        digest, _ = self._known(name)
        try:
            content = (self.folder / name).read_bytes()
        except FileNotFoundError:
            raise self._changed(name) from None
        if content_hash(content) != digest:
            raise self._changed(name)
        return content

    def path(self, name: str) -> tuple[Path, Stamp]:
        """Return the path of a file that is as it was, and the stamp that says so.

        Raises:
            ResultsError: it is missing, or has changed since.
        """
        path = self.folder / name
        digest, stamp = self._known(name)
        try:
            now = Stamp.of(path)
            if now != stamp and file_hash(path) != digest:
                raise self._changed(name)
        except FileNotFoundError:
            raise self._changed(name) from None
        return path, now

    def _known(self, name: str) -> tuple[str, Stamp]:
        file = self._files.get(name)
        if file is None:
            raise ResultsError(
                "this result is missing",
                where=str(self.folder / name),
                todo=f"make it: `stanchion run {self._name}`, then load again",
            )
        return file.sha256, file.stamp

    def _changed(self, name: str) -> ResultsError:
        return ResultsError(
            "this result has changed since it was loaded",
            where=str(self.folder / name),
            todo="load the analysis again, once no run is going on",
        )

    def open_tree(self, name: str) -> xr.DataTree:
        """Open a netCDF file as a tree, whose values are read as they are asked for."""
        import xarray as xr

        path, stamp = self.path(name)
        tree = xr.open_datatree(path, engine="h5netcdf")
        if Stamp.of(path) != stamp:
            tree.close()
            raise self._changed(name)
        return tree

    def read_table(self, name: str, texts: Collection[str]) -> pd.DataFrame:
        """Read a CSV file; the columns named are text, where empty is "", all others numbers."""
        import pandas as pd

        content = self.read(name)
        columns = pd.read_csv(BytesIO(content), nrows=0).columns
        numbers = {column: [""] for column in columns if column not in texts}
        return pd.read_csv(
            BytesIO(content),
            dtype={column: float if column in numbers else str for column in columns},
            keep_default_na=False,
            na_values=numbers,
        )


class Fit:
    """One fit: one dataset, one model, one method."""

    def __init__(self, files: _Files, state: FitState, *, allow_failed: bool) -> None:
        self.name = state.name
        """`dataset/model/method`."""
        self.dataset = state.dataset
        self.model = state.model
        self.method = state.method
        self.state: State = state.state
        """`current`, unless `load` was told to take other results too."""
        self._files = files
        self._on_fail = state.on_fail
        self._allow_failed = allow_failed

    @property
    def verdict(self) -> Verdict:
        """The gravest of its checks: `pass`, `warn`, `waived` or `fail`."""
        return cast(Verdict, self._judged.verdict)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Each check: value against threshold, its source, and where it is worst."""
        return self._judged.checks

    @cached_property
    def draws(self) -> xr.DataTree:
        """Its draws, in ArviZ's groups; opened now, and each variable read when it is used.

        Raises:
            FailedError: it failed checks that were declared to stop.
        """
        self._require_believable()
        return self._files.open_tree(f"{self.name}/draws.nc")

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Its estimates, unrounded: a row a scalar by label, with Stan's name in `variable`.

        Raises:
            FailedError: it failed checks that were declared to stop.
        """
        self._require_believable()
        table = self._files.read_table(f"{self.name}/summary.csv", _OF_SUMMARY)
        return table.set_index("label")

    @cached_property
    def answers(self) -> pd.DataFrame | None:
        """What the declared answers are by this fit, one row or more each; None without any."""
        table = _answers(self._files)
        if table is None:
            return None
        names = {"dataset": self.dataset, "model": self.model, "method": self.method}
        is_this_fit = (table[list(names)] == list(names.values())).all(axis=1)
        return table[is_this_fit].drop(columns=list(names)).reset_index(drop=True)

    def __repr__(self) -> str:
        lines = [f"{self.name}: {_words(self)}"]
        with_faults = [check for check in _checks(self) if check.verdict not in ("pass", "skipped")]
        lines += [f"  {_check_line(check)}" for check in with_faults]
        return "\n".join([*lines, "  .verdict .checks .summary .draws .answers"])

    @cached_property
    def _diagnostics(self) -> Mapping[str, Any]:
        content: dict[str, Any] = json.loads(self._files.read(f"{self.name}/diagnostics.json"))
        return content

    @cached_property
    def _judged(self) -> Judged:
        return judged(self._diagnostics)

    def _require_believable(self) -> None:
        """Refuse a fit of which nothing is to be computed, as the run itself did."""
        if self._allow_failed or not stops(self.verdict, self._on_fail):
            return
        raise FailedError(
            str(why_stopped(self._diagnostics, self._on_fail)),
            where=self.name,
            todo="look at its `checks`; to look at its draws and estimates all the same, load with "
            "allow_failed=True",
        )


class Analysis:
    """The results of one analysis: its fits by name, and what was made of them all."""

    def __init__(self, folder: Path, state: AnalysisState, *, allow_failed: bool) -> None:
        self.name = state.name
        self.question = state.question
        """The question that the declaration asks."""
        self._files = _Files(folder, state)
        fits = [Fit(self._files, fit, allow_failed=allow_failed) for fit in state.fits]
        self.fits: Mapping[str, Fit] = {fit.name: fit for fit in fits}
        """All fits by `dataset/model/method`, in the order of their declaration."""

    def __getitem__(self, name: str) -> Fit:
        """Return a fit by its name, or by as much of it as only that fit has: `partial`, `a/nuts`.

        Raises:
            ResultsError: no fit has this name, or several have.
        """
        if name in self.fits:
            return self.fits[name]
        matches = [fit for fit in self if _is_part(name.split("/"), fit.name.split("/"))]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise ResultsError(
                f"{len(matches)} fits of {self.name} have the name {name!r}",
                allowed=_listed([fit.name for fit in matches]),
                todo="give more of the name",
            )
        words = {part: None for fit in self for part in (fit.name, *fit.name.split("/"))}
        close = get_close_matches(name, words, n=1)
        raise ResultsError(
            f"no fit of {self.name} has the name {name!r}",
            allowed=_listed(list(self.fits)),
            todo=f"did you mean {close[0]!r}?" if close else "give one of these names",
        )

    def __iter__(self) -> Iterator[Fit]:
        return iter(self.fits.values())

    def __len__(self) -> int:
        return len(self.fits)

    @cached_property
    def answers(self) -> pd.DataFrame | None:
        """What the declared answers are, by every fit and stacked; None without any."""
        return _answers(self._files)

    @cached_property
    def comparison(self) -> pd.DataFrame | None:
        """The comparison of the models, the best first; None where none is declared."""
        if "comparison.csv" not in self._files:
            return None
        return self._files.read_table("comparison.csv", _OF_COMPARISON)

    @property
    def report(self) -> Path:
        """The path of the report.

        Raises:
            ResultsError: it is missing, or has changed since.
        """
        return self._files.path("report.html")[0]

    def __repr__(self) -> str:
        names = list(self.fits)[:_SHOWN]
        width = max(map(len, names), default=0)
        lines = [f"{self.name}: {self.question}" if self.question else self.name]
        lines += [f"  {name.ljust(width)}  {_words(self.fits[name])}" for name in names]
        if len(self) > _SHOWN:
            lines.append(f"  and {len(self) - _SHOWN} fits more")
        return "\n".join([*lines, '  ["NAME"] .fits .answers .comparison .report'])


def _answers(files: _Files) -> pd.DataFrame | None:
    if "answers.csv" not in files:
        return None
    return files.read_table("answers.csv", _OF_ANSWERS)


def _is_part(parts: list[str], names: list[str]) -> bool:
    """Tell whether parts are some of the names, in their order."""
    remaining = iter(names)
    return all(part in remaining for part in parts)


def _listed(names: list[str]) -> str:
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return ", ".join([*names[:_SHOWN], *more])


def _words(fit: Fit) -> str:
    """Return a fit's verdict with its mark, and its state where that is not current."""
    try:
        words = verdict_words(fit.verdict, fit._judged.weighting)
    except ResultsError:
        return fit.state
    mark = f"{MARKS[fit.verdict]} {words}"
    return mark if fit.state == "current" else f"{mark} ({fit.state})"


def _checks(fit: Fit) -> tuple[Check, ...]:
    try:
        return fit.checks
    except ResultsError:
        return ()


def _check_line(check: Check) -> str:
    where = f" ({', '.join(scalar.label for scalar in check.where[:3])})" if check.where else ""
    value = shown(check.check, check.value, check.threshold)
    allowed = limit(check.check, check.threshold)
    words = CHECKS[check.check].words
    return f"{MARKS[check.verdict]} {words} {value} (allowed: {allowed}){where}"
