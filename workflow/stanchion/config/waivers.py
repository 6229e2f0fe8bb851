"""Waivers: failures that a person has looked at and accepts, until a date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from stanchion.checks.catalogue import CHECKS
from stanchion.config.project import Project
from stanchion.config.reading import checked
from stanchion.errors import DeclarationError, Fault
from stanchion.schema.fields import DATE_WORDS, Section, Text, read_date, refused, titled
from stanchion.schema.locations import Key, nearest, written
from stanchion.schema.tree import read_tree

if TYPE_CHECKING:
    CheckName = str
else:
    CheckName = Literal[*(row.name for row in CHECKS.values() if row.waivable)]
_FIT_WORDS = "analysis/dataset/model/method"


def _date(value: object) -> dt.date:
    date = value if isinstance(value, dt.date) else read_date(value)
    if date is None:
        raise refused(f"{value!r} is not a date", value=value, allowed=DATE_WORDS)
    return date


class Waiver(Section):
    """A check's `fail` in a fit becomes `waived`, visibly: `config/waivers.yaml`, a list."""

    fit: Annotated[str, titled(_FIT_WORDS, r"^[^/]+/[^/]+/[^/]+/[^/]+$")] = Field(
        description="The fit."
    )
    check: CheckName = Field(description="The check that fails.")
    reason: Text = Field(description="Why this is accepted; printed in the report.")
    who: Text = Field(description="Who accepts it.")
    until: Annotated[
        dt.date, BeforeValidator(_date, json_schema_input_type=Annotated[str, titled(DATE_WORDS)])
    ] = Field(description="The last day, UTC, on which this holds.")


def load_waivers(path: Path, project: Project | None = None) -> list[Waiver]:
    """Read a file of waivers; with a project, each must be of one of its fits.

    Raises:
        DeclarationError: something in it is wrong; all faults at once.
    """
    tree = read_tree(path)
    waivers = checked(list[Waiver], tree)
    fits = _fits(project) if project is not None else [waiver.fit for waiver in waivers]
    faults = [
        _unknown_fit(waiver.fit, fits, tree.source.where((position, "fit")), (position, "fit"))
        for position, waiver in enumerate(waivers)
        if waiver.fit not in fits
    ]
    if faults:
        raise DeclarationError(faults)
    return waivers


def in_force(waivers: Iterable[Waiver], today: dt.date, fit: str) -> list[Waiver]:
    """Return the waivers of a fit that hold on a day."""
    return [waiver for waiver in waivers if waiver.fit == fit and today <= waiver.until]


def _fits(project: Project) -> list[str]:
    return [
        f"{name}/{dataset}/{model}/{method}"
        for name, analysis in project.analyses.items()
        for dataset, model, method in analysis.fits()
    ]


def _unknown_fit(fit: str, fits: list[str], where: str | None, key: Key) -> Fault:
    suggestion = nearest(fit, fits)
    return Fault(
        "there is no such fit",
        where,
        written(key),
        fit,
        allowed=_FIT_WORDS,
        todo=f"write {suggestion}" if suggestion else "correct or remove the waiver",
    )
