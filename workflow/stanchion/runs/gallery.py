"""The gallery: analyses that come with the package, to run, read and change."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stanchion.config import Project, load
from stanchion.errors import StanchionError
from stanchion.project.create import Example, source_root
from stanchion.runs.styles import USUAL
from stanchion.stan.program import read_sources
from stanchion.stan.sources import FUNCTIONS
from stanchion.system.interpreters import interpreter

FOLDER = Path("config/gallery")
DATA = "data/gallery"
_MAKES = re.compile(r'"""Make (\w+\.csv)')
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

    @property
    def interpreters(self) -> dict[str, str]:
        """Return the lock of each Python that its scripts declare."""
        analyses = self.project.analyses.values()
        methods = [m for a in analyses for m in a.methods.values() if m.interpreter is not None]
        declared = [
            *((dataset.python, dataset.lock) for dataset in self.project.datasets.values()),
            *((method.interpreter, method.files["lock"][0]) for method in methods),
        ]
        return {python: lock for python, lock in declared if python and lock}

    def installing(self, folder: Path) -> list[str]:
        """Return the commands that make what a project in a folder lacks of these Pythons."""
        commands = []
        for python, lock in self.interpreters.items():
            if interpreter(python, folder) is None:
                environment = python.removesuffix("/bin/python")
                commands += [
                    f"python3 -m venv {environment}",
                    f"{python} -m pip install --require-hashes -r {lock}",
                ]
        return commands


def entries() -> list[Entry]:
    """Return the analyses of the gallery in the order of its catalogue."""
    folder = source_root() / FOLDER
    seconds = json.loads((folder / "catalogue.json").read_text())["seconds"]
    return [Entry(name, taken, load(folder / f"{name}.yaml")) for name, taken in seconds.items()]


def chosen_entries(names: Sequence[str]) -> list[Entry]:
    """Return the analyses of these names in the order of the catalogue; without a name all.

    Raises:
        StanchionError: there is none of a name.
    """
    gallery = entries()
    known = [entry.name for entry in gallery]
    if unknown := [name for name in names if name not in known]:
        raise StanchionError(
            "there is no such analysis in the gallery",
            value=unknown[0],
            allowed=", ".join(known),
            todo="`stanchion gallery` lists them",
        )
    return [entry for entry in gallery if not names or entry.name in names]


def listing(gallery: list[Entry]) -> str:
    """Return the gallery for a person: name, seconds, question, methods, and what it needs."""
    lines = []
    for entry in gallery:
        lines.append(f"{entry.name}, {entry.seconds} s")
        needs = [f"needs {python} with {lock}" for python, lock in entry.interpreters.items()]
        for text in (entry.question, "by " + ", ".join(entry.methods), *needs):
            lines += textwrap.wrap(text, USUAL, initial_indent=_INDENT, subsequent_indent=_INDENT)
    lines += [
        "",
        "`stanchion init DIR --from NAME` starts a project from one,",
        "`stanchion gallery --run DIR` runs all.",
    ]
    return "\n".join(lines)


def next_step(name: str, folder: Path) -> str | None:
    """Return what there is to do before a project of an analysis can run, None where nothing is."""
    (entry,) = chosen_entries([name])
    commands = entry.installing(folder)
    if not commands:
        return None
    return "\n".join(
        ["", "Before it can run, make the Python of its scripts, 3.12 or newer:"]
        + [f"  {command}" for command in (f"cd {folder}", *commands)]
    )


def example(name: str) -> Example:
    """Return what `stanchion init` lays out for an analysis of the gallery.

    Raises:
        StanchionError: there is none of that name.
    """
    (entry,) = chosen_entries([name])
    return example_of(entry)


def example_of(entry: Entry) -> Example:
    """Return what a project of an analysis of the gallery holds."""
    files, locks = (tuple(sorted(set(f(entry.project)))) for f in (_files, _own_locks))
    return Example(f"{FOLDER}/{entry.name}.yaml", files, locks)


def _files(project: Project) -> Iterator[str]:
    """Yield the files that a declaration names, and how its data were made."""
    tables = {dataset.path for dataset in project.datasets.values() if dataset.path}
    yield from tables
    yield from (path for path, table in _simulations().items() if table in tables)
    for dataset in project.datasets.values():
        yield from (path for paths in dataset.made_from.values() for path in paths)
    for model in project.models.values():
        if model.program:
            yield from _with_includes(model.program)
    for analysis in project.analyses.values():
        for method in analysis.methods.values():
            yield from (path for paths in method.files.values() for path in paths)
            yield from method.drawn_files
            if method.own_program:
                yield method.own_program
    yield f"{DATA}/README.md"
    yield from (f"{Path(table).parent}/README.md" for table in tables)


def _with_includes(program: str) -> Iterator[str]:
    """Yield the paths of a program and of the files that it includes."""
    root = source_root()
    sources = read_sources(root / program, [root / FUNCTIONS])
    yield from (str(path.relative_to(root)) for path, _ in sources.files())


def _simulations() -> dict[str, str]:
    """Return the table that each script of the gallery makes, which its first words name."""
    scripts = sorted((source_root() / DATA).glob("simulate_*.py"))
    tables = {script.name: _MAKES.match(script.read_text()) for script in scripts}
    return {f"{DATA}/{name}": f"{DATA}/{made[1]}" for name, made in tables.items() if made}


def _own_locks(project: Project) -> Iterator[str]:
    """Yield the locks of scripts that Stanchion's own Python runs."""
    for dataset in project.datasets.values():
        if dataset.python is None:
            yield from dataset.made_from.get("lock", ())
    for analysis in project.analyses.values():
        for method in analysis.methods.values():
            if method.interpreter is None:
                yield from method.files.get("lock", ())
