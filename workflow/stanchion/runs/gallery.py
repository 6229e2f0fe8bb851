"""The gallery: analyses that come with the package, to run, read and change."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stanchion.config import Project, load
from stanchion.errors import StanchionError
from stanchion.project.create import Example, source_root
from stanchion.runs.styles import USUAL

FOLDER = Path("config/gallery")
_INDENT = " " * 4


@dataclass(frozen=True)
class Entry:
    """A declaration of the gallery; `seconds` is a whole run on 2 cores, programs compiled."""

    name: str
    seconds: int
    project: Project

    @property
    def question(self) -> str:
        """Return the question of its first analysis."""
        return next(iter(self.project.analyses.values())).question or ""

    @property
    def methods(self) -> list[str]:
        """Return the methods of all its analyses, each once, in the order of the declaration."""
        analyses = self.project.analyses.values()
        methods = (m.method for a in analyses for m in a.methods.values())
        return list(dict.fromkeys(methods))


def entries() -> list[Entry]:
    """Return the analyses of the gallery in the order of its catalogue."""
    folder = source_root() / FOLDER
    seconds = json.loads((folder / "catalogue.json").read_text())["seconds"]
    return [Entry(name, taken, load(folder / f"{name}.yaml")) for name, taken in seconds.items()]


def listing(gallery: list[Entry]) -> str:
    """Return the gallery for a person: name, seconds, question and methods."""
    lines = []
    for entry in gallery:
        lines.append(f"{entry.name}, {entry.seconds} s")
        for text in (entry.question, "by " + ", ".join(entry.methods)):
            lines += textwrap.wrap(text, USUAL, initial_indent=_INDENT, subsequent_indent=_INDENT)
    lines += ["", "`stanchion init DIR --from NAME` starts a project from one."]
    return "\n".join(lines)


def example(name: str) -> Example:
    """Return what `stanchion init` lays out for an analysis of the gallery.

    Raises:
        StanchionError: there is none of that name.
    """
    gallery = {entry.name: entry for entry in entries()}
    if name not in gallery:
        allowed = ", ".join(gallery)
        todo = "`stanchion gallery` lists them"
        raise StanchionError(
            "there is no such analysis in the gallery", value=name, allowed=allowed, todo=todo
        )
    return Example(f"{FOLDER}/{name}.yaml", tuple(sorted(set(_files(gallery[name])))))


def _files(entry: Entry) -> Iterator[str]:
    """Yield the files that a declaration names, and how its data were made."""
    project = entry.project
    yield from (dataset.path for dataset in project.datasets.values() if dataset.path)
    yield from (model.program for model in project.models.values() if model.program)
    for analysis in project.analyses.values():
        for method in analysis.methods.values():
            yield from (path for paths in method.files.values() for path in paths)
            yield from method.drawn_files
            if method.own_program:
                yield method.own_program
    beside = ("data/gallery/README.md", f"data/gallery/simulate_{entry.name}.py")
    yield from (path for path in beside if (source_root() / path).is_file())
