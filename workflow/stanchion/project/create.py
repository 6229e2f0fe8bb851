"""A project of one's own, made from the files that come with the package."""

from __future__ import annotations

import shutil
from pathlib import Path

from stanchion.errors import StanchionError

_PACKAGE = Path(__file__).parents[1]
_TEMPLATE = Path(__file__).parent / "template"
_FROM_TEMPLATE = {"Snakefile": "Snakefile", "README.md": "README.md", "gitignore": ".gitignore"}
_FROM_SOURCE = {
    "config/config.yaml": "config/config.yaml",
    "config/gate.yaml": "config/gate.yaml",
    "config/schema.json": "config/schema.json",
    "config/README.md": "config/README.md",
    "data": "data",
    "stan": "stan",
    "workflow/profiles": "profiles",
}


def source_root() -> Path:
    """Return the folder laid out as the repository is: in the wheel, or the checkout itself."""
    installed = _PACKAGE / "_project"
    return installed if installed.is_dir() else _PACKAGE.parents[1]


def workflow_file() -> str:
    """Return the path of the Snakefile that holds Stanchion's rules."""
    return str(source_root() / "workflow" / "Snakefile")


def init(directory: Path) -> None:
    """Lay out a project with the example in it, and print each file written or left as it was.

    Raises:
        StanchionError: `directory` is a file.
    """
    if directory.exists() and not directory.is_dir():
        raise StanchionError("this is a file, not a folder", where=str(directory))
    for source, name in _files():
        target = directory / name
        if target.exists():
            print(f"kept    {target}")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        print(f"wrote   {target}")


def _files() -> list[tuple[Path, str]]:
    """Return each file of a new project: where it comes from, and its path in the project."""
    root = source_root()
    pairs = [(_TEMPLATE / source, target) for source, target in _FROM_TEMPLATE.items()]
    for source, target in _FROM_SOURCE.items():
        path = root / source
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file())
            pairs += [(p, f"{target}/{p.relative_to(path)}") for p in inside]
        else:
            pairs.append((path, target))
    return pairs
