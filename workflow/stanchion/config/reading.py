"""A YAML file → a checked, frozen Project, or one error with every fault."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from stanchion.config.consistency import inconsistencies
from stanchion.config.project import Project
from stanchion.errors import DeclarationError, Fault
from stanchion.schema.tree import Tree, overridden, read_tree


def load(path: Path, overrides: Mapping[str, Any] | None = None) -> Project:
    """Read a declaration; `overrides` (Snakemake's `--config`) are laid over it.

    Raises:
        DeclarationError: something in it is wrong; all faults at once.
    """
    tree = read_tree(path)
    if overrides:
        tree = overridden(tree, overrides)
    context = {
        "source": tree.source,
        "datasets": _names(tree.value, "datasets"),
        "models": _names(tree.value, "models"),
    }
    project = checked(Project, tree, context)
    faults = inconsistencies(project)
    if faults:
        raise DeclarationError(faults)
    return project


def checked[T](kind: type[T], tree: Tree, context: Mapping[str, Any] | None = None) -> T:
    """Return a tree's value as a type.

    Raises:
        DeclarationError: it does not fit the type; all faults at once, in the order of the file.
    """
    faults = list(tree.faults)
    try:
        value = TypeAdapter(kind).validate_python(tree.value, context=context)
    except ValidationError as error:
        from stanchion.config.faults import faults_of
        from stanchion.config.shape import schema_of

        faults += faults_of(error, schema_of(kind), tree)
    if faults:
        first: dict[object, Fault] = {}
        for fault in faults:
            first.setdefault((fault.where, fault.key), fault)
        raise DeclarationError(sorted(first.values(), key=_line))
    return value


def _names(value: Any, section: str) -> list[str] | None:
    """Return the names declared in a section that may be wrong in any way, or None."""
    named = value.get(section) if isinstance(value, dict) else None
    return list(named) if isinstance(named, dict) else None


def _line(fault: Fault) -> int:
    line = (fault.where or "").rpartition(":")[2]
    return int(line) if line.isdigit() else 0
