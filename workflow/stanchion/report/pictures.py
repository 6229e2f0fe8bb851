"""The pictures of a section: each with its words and its place, one row of the catalogue each."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from stanchion.pictures.catalogue import PICTURES, PictureRow, Section
from stanchion.plan.job import Job
from stanchion.plan.report_arguments import WriteReport
from stanchion.report.reading import Picture, address_of, read_picture

_COLOURS = 32
"""Of a picture at half its size."""


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


def shown_plots(job: Job[WriteReport], path: str) -> tuple[Shown, ...]:
    """Return the declared pictures of a fit, in the order of declaration."""
    plots = job.arguments.plots
    files = job.paths("plots") if plots else []
    return tuple(
        _with_words(f"{plot.function} of {path}", file, f"{path}/plots/{plot.name}.png")
        for plot, file in zip(plots, files, strict=True)
        if plot.fit == path
    )


def _shown(row: PictureRow, section: Section, path: str, file: Path) -> Shown:
    return _with_words(row.shown[section].format(path=path), file, f"{path}/{row.file}")


def _with_words(words: str, file: Path, path: str) -> Shown:
    picture = read_picture(file)
    return Shown(picture, f"{words}. {picture.seen}" if picture.seen else words, path)


def halved(shown: Shown) -> Shown:
    """Return a picture of half as many pixels each way, to be shown as large as before."""
    from PIL import Image  # takes a tenth of a second, which few reports have a use for

    if shown.picture is None:
        return shown
    content = b64decode(shown.picture.address.partition(",")[2])
    image = Image.open(BytesIO(content)).convert("RGB")
    small = image.resize(
        (max(image.width // 2, 1), max(image.height // 2, 1)), Image.Resampling.BOX
    ).quantize(_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    file = BytesIO()
    small.save(file, "PNG")
    return replace(shown, picture=replace(shown.picture, address=address_of(file.getvalue())))
