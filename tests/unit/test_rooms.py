"""The rooms of the package: imports go down the list of ARCHITECTURE.md only, and in no circle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workflow/stanchion"
ROOMS = (
    "api",
    "cli",
    "runs",
    "steps",
    "sampling",
    "versions",
    "report",
    "plan",
    "datasets",
    "config",
    "methods",
    "answers",
    "expressions",
    "schema",
    "checks",
    "draws",
    "pictures",
    "stats",
    "stan",
    "provenance",
    "project",
    "system",
    "errors",
)
"""From the top down."""


def modules() -> dict[str, Path]:
    """Return the package's modules by their dotted names below it."""
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
        if path.parent != PACKAGE or path.stem == "errors"
    }


MODULES = modules()


def imported(path: Path) -> Iterator[str]:
    """Yield the modules of the package that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stanchion."):
            module = str(node.module).removeprefix("stanchion.")
            for name in node.names:
                inner = f"{module}.{name.name}"
                yield inner if inner in MODULES else module
        elif isinstance(node, ast.Import):
            for name in node.names:
                if name.name.startswith("stanchion."):
                    yield name.name.removeprefix("stanchion.")


IMPORTS = {module: sorted({*imported(path)}) for module, path in MODULES.items()}


def room(module: str) -> str:
    return module.partition(".")[0]


def test_every_module_is_in_a_room() -> None:
    """What lies in the package is a room of the list, and every room of the list is there."""
    assert {room(module) for module in MODULES} == set(ROOMS)


def test_no_import_goes_up() -> None:
    """A module imports from its own room and from those below it in the list."""
    up = [
        f"{module} imports {other}"
        for module, others in IMPORTS.items()
        for other in others
        if ROOMS.index(room(other)) < ROOMS.index(room(module))
    ]
    assert not up, "imports go down the list of rooms only:\n" + "\n".join(up)


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Within a room too, one can read the modules in an order in which each knows the next."""
    open_modules, rest = set[str](), dict(IMPORTS)
    while ready := [module for module, others in rest.items() if open_modules.issuperset(others)]:
        open_modules.update(ready)
        for module in ready:
            del rest[module]
    remaining = {m: [o for o in others if o in rest] for m, others in rest.items()}
    assert not rest, f"in a circle, or standing on one: {remaining}"


def test_the_page_lists_the_rooms() -> None:
    """ARCHITECTURE.md names every room once, in the order of the imports."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = re.findall(r"^\| `(\w+)(?:/|\.py)` \|", text, flags=re.MULTILINE)
    assert named == list(ROOMS)


@pytest.mark.parametrize("name", ROOMS[:-1])
def test_every_room_says_what_it_is(name: str) -> None:
    """A room's `__init__` has a docstring."""
    assert ast.get_docstring(ast.parse((PACKAGE / name / "__init__.py").read_text()))
