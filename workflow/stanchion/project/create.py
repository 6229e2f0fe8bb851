"""A project of one's own, made from the files that come with the package."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from stanchion.errors import StanchionError

_PACKAGE = Path(__file__).parents[1]
_TEMPLATE = Path(__file__).parent / "template"
_FROM_TEMPLATE = {"Snakefile": "Snakefile", "README.md": "README.md", "gitignore": ".gitignore"}
_FROM_SOURCE = {
    "config/schema.json": "config/schema.json",
    "config/README.md": "config/README.md",
    "workflow/profiles": "profiles",
}


@dataclass(frozen=True)
class Example:
    """The analysis in a new project: its declaration, and the files or folders that it takes.

    Paths are from `source_root()`, and the same in the project but for the declaration. A folder
    is taken without the gallery in it. Of the files, `locks` are written with the versions that are
    installed here: scripts that they are of run with this Python.
    """

    declaration: str
    files: tuple[str, ...]
    locks: tuple[str, ...] = ()


_EXAMPLE = Example("config/config.yaml", ("config/gate.yaml", "data", "stan"))
_GALLERY = "gallery"


def source_root() -> Path:
    """Return the folder laid out as the repository is: in the wheel, or the checkout itself."""
    installed = _PACKAGE / "_project"
    return installed if installed.is_dir() else _PACKAGE.parents[1]


def workflow_file() -> str:
    """Return the path of the Snakefile that holds Stanchion's rules."""
    return str(source_root() / "workflow" / "Snakefile")


def init(directory: Path, example: Example = _EXAMPLE) -> None:
    """Lay out a project with an example in it, and print each file written or left as it was.

    Raises:
        StanchionError: `directory` is a file.
    """
    if directory.exists() and not directory.is_dir():
        raise StanchionError("this is a file, not a folder", where=str(directory))
    for source, name in _files(example):
        target = directory / name
        if target.exists():
            print(f"kept    {target}")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if name in example.locks:
            target.write_text(_as_installed(source.read_text()))
        else:
            shutil.copyfile(source, target)
        print(f"wrote   {target}")


def _as_installed(lock: str) -> str:
    """Return a lock of the same packages in the versions that are installed."""
    names = (line.partition("==")[0] for line in lock.splitlines())
    return "".join(f"{name}=={version(name)}\n" for name in names)


def _files(example: Example) -> Iterator[tuple[Path, str]]:
    """Yield each file of a new project: where it comes from, and its path in the project."""
    root = source_root()
    yield from ((_TEMPLATE / source, target) for source, target in _FROM_TEMPLATE.items())
    yield root / example.declaration, "config/config.yaml"
    taken = {name: name for name in example.files}
    for source, target in (_FROM_SOURCE | taken).items():
        path = root / source
        if path.is_file():
            yield path, target
            continue
        for inside in sorted(p for p in path.rglob("*") if p.is_file()):
            relative = inside.relative_to(path)
            if _GALLERY not in relative.parts:
                yield inside, f"{target}/{relative}"
