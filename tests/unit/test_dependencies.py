"""What pyproject.toml declares, held to what the package imports."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workflow/stanchion"
NOT_IMPORTED = {"h5py": "h5netcdf, which does not require it, reads and writes HDF5 by it"}
"""Declared without an import in the package, each with the reason."""


def test_declared_dependencies_are_those_that_are_imported() -> None:
    """All of those and no other, but for the few that stand here with a reason."""
    distributions = packages_distributions()
    imported = {normal(name) for module in imports() for name in distributions[module]}
    assert not imported & NOT_IMPORTED.keys()
    assert declared() == imported | NOT_IMPORTED.keys()


def test_what_is_declared_is_locked() -> None:
    """Each dependency stands in the lock with its hashes."""
    lock = (ROOT / "workflow/requirements.lock").read_text()
    locked = {
        normal(name) for name in re.findall(r"^([\w.-]+)==\S+ (?:;.* )?\\\n +--hash=", lock, re.M)
    }
    assert declared() <= locked


def test_the_extra_engines_is_locked() -> None:
    """The lock pins with hashes what the extra names, in versions that it allows, and each once.

    It names no host, and shares no package in another version with the lock of the project.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / "scripts/gallery/engines.lock").read_text()
    pins = re.findall(r"^([\w.-]+)==(\S+) (?:;.* )?\\\n +--hash=sha256:", text, re.M)
    versions = {normal(name): version for name, version in pins}
    assert len(versions) == len(pins) == len(re.findall(r"^[\w.-]+==", text, re.M))
    assert "://" not in text
    for requirement in map(Requirement, project["optional-dependencies"]["engines"]):
        assert versions[normal(requirement.name)] in requirement.specifier
    locked = (ROOT / "workflow/requirements.lock").read_text()
    ours = dict(re.findall(r"^([\w.-]+)==(\S+) ", locked, re.M))
    shared = {normal(name): version for name, version in ours.items()}.items()
    assert all(versions[name] == version for name, version in shared if name in versions)


def imports() -> set[str]:
    """Return the top-level modules that the package imports, without its own and Python's."""
    modules: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module)
    return {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - {"stanchion"}


def declared() -> set[str]:
    """Return the names of the distributions that pyproject.toml declares."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = (re.match(r"[\w.-]+", line) for line in project["dependencies"])
    return {normal(name.group()) for name in names if name}


def normal(name: str) -> str:
    """Return a distribution's name as packaging normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()
