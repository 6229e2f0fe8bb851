"""The pictures of a section: each with its words and its place, one row of the catalogue each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stanchion.pictures.catalogue import PICTURES, Section
from stanchion.plan.job import Job
from stanchion.report.reading import Picture, read_picture


@dataclass(frozen=True)
class Shown:
    """A picture, or None where it was left out, with its alternative text and its file."""

    picture: Picture | None
    alt: str
    path: str


def shown(job: Job[Any], section: Section, paths: Sequence[str]) -> list[tuple[Shown, ...]]:
    """Return a section's pictures of each fit or prior, by their paths."""
    rows = [row for row in PICTURES.values() if section in row.shown]
    files = [job.paths(row.input) for row in rows]
    return [
        tuple(
            Shown(
                read_picture(of_row[number]),
                row.shown[section].format(path=path),
                f"{path}/{row.file}",
            )
            for row, of_row in zip(rows, files, strict=True)
        )
        for number, path in enumerate(paths)
    ]
