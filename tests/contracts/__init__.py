"""What our code hangs on in the words of others, asked of the installed libraries in seconds.

Each test names the module of ours to mend where an upgrade has renamed something.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

ANY = "…"
"""Stands for a value that is put into a text when it is made."""


@cache
def texts(package: str) -> str:
    """Return every text in a package's source, joined; inserted values are `ANY`."""
    spec = find_spec(package)
    assert spec is not None and spec.submodule_search_locations is not None
    paths = [path for folder in spec.submodule_search_locations for path in Path(folder).rglob("*")]
    sources = [path.read_text() for path in sorted(paths) if path.suffix == ".py"]
    trees = [ast.parse(source) for source in sources]
    return "\0".join(text for tree in trees for node in ast.walk(tree) for text in _text(node))


def _text(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else ANY for part in node.values]
        return ["".join(map(str, parts))]
    return []


def takes(function: Any, *names: str) -> bool:
    """Tell whether a function takes all these arguments by name."""
    parameters = signature(function).parameters.values()
    named = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return set(names) <= named


def mend(module: str, what: str) -> str:
    """Return the sentence for a contract that the installed library does not keep."""
    return f"the installed library has renamed or dropped what {module} hangs on: {what}"
