"""The pictures of a section: each with its words and its place, one row of the catalogue each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stanchion.pictures.catalogue import PICTURES, PictureRow, Section
from stanchion.plan.job import Job
from stanchion.report.reading import Picture, read_picture


@dataclass(frozen=True)
class Shown:
    """A picture, or None where it was left out, with its alternative text and its file."""

    picture: Picture | None
    alt: str
    path: str


def shown(
    job: Job[Any], section: Section, paths: Sequence[str], *, folded: bool = False
) -> list[tuple[Shown, ...]]:
    """Return a section's pictures of each fit or prior, by their paths: those at sight, or not."""
    rows = [row for row in PICTURES.values() if section in row.shown and row.folded is folded]
    files = [job.paths(row.input) for row in rows]
    return [
        tuple(
            _shown(row, section, path, of_row[number])
            for row, of_row in zip(rows, files, strict=True)
        )
        for number, path in enumerate(paths)
    ]


def _shown(row: PictureRow, section: Section, path: str, file: Path) -> Shown:
    picture = read_picture(file)
    words = row.shown[section].format(path=path)
    alt = f"{words}. {picture.seen}" if picture.seen else words
    return Shown(picture, alt, f"{path}/{row.file}")
