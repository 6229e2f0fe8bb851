"""YAML → plain values and the line of every key.

Scalars follow YAML 1.2's core schema: only `true` and `false` are booleans, `1e-3` is a number,
dates stay text. A number with leading zeros stays text too: YAML 1.1 and 1.2 disagree on it.
Keys are always text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from stanchion.errors import DeclarationError, Fault
from stanchion.schema.locations import Key, Source, written
from stanchion.system.files import read_bounded

_TAG = "tag:yaml.org,2002:"
_MERGE = "<<"
MOST_BYTES, MOST_LEVELS, MOST_DIGITS = 50_000_000, 100, 400
MOST_REPEATED = 50_000
"""How many values aliases may repeat; ten lines of them can stand for a billion."""
_PATTERNS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
}
_SCALARS = {name: re.compile(f"^(?:{pattern})$") for name, pattern in _PATTERNS.items()}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012


for _name, _regexp in _SCALARS.items():
    _Loader.add_implicit_resolver(_TAG + _name, _regexp, None)


@dataclass(frozen=True)
class Tree:
    """What a YAML file says; `faults` are those that left something out of `value`."""

    value: Any
    source: Source
    faults: tuple[Fault, ...] = ()


@dataclass
class _Builder:
    path: str
    lines: dict[Key, int | None] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    open: set[int] = field(default_factory=set)
    visited: set[int] = field(default_factory=set)
    repeated: int = 0

    def value(self, node: yaml.Node, key: Key) -> Any:
        self.count(node)
        self.lines.setdefault(key, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, key)
        if id(node) in self.open:
            self.fault("an alias within its own anchor", node, key)
            return None
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*key, i)) for i, item in enumerate(node.value)]
            return self.mapping(node, key)
        finally:
            self.open.discard(id(node))

    def count(self, node: yaml.Node) -> None:
        self.repeated += id(node) in self.visited
        self.visited.add(id(node))
        if self.repeated > MOST_REPEATED:
            raise DeclarationError(
                f"aliases repeat more than {MOST_REPEATED} values",
                where=f"{self.path}:{node.start_mark.line + 1}",
                todo="write out what is meant",
            )

    def mapping(self, node: yaml.Node, key: Key) -> dict[str, Any]:
        values: dict[str, Any] = {}
        names: dict[str, yaml.Node] = {}
        merged: list[yaml.Node] = []
        for name, item in node.value:
            if not isinstance(name, yaml.ScalarNode):
                self.fault("a key must be text", name, key)
            elif name.value == _MERGE and not name.style:
                merged += item.value if isinstance(item, yaml.SequenceNode) else [item]
            elif name.value in names:
                first = names[name.value].start_mark.line + 1
                todo = f"remove this one or the one in line {first}"
                self.fault("a key stands twice", name, (*key, name.value), todo=todo)
            else:
                names[name.value] = name
                self.lines.setdefault((*key, name.value), name.start_mark.line + 1)
                values[name.value] = self.value(item, (*key, name.value))
        for other in merged:
            if not isinstance(other, yaml.MappingNode):
                self.fault("'<<' merges mappings only", other, key)
                continue
            inherited = self.value(other, key)
            values |= {name: item for name, item in (inherited or {}).items() if name not in values}
        return values

    def scalar(self, node: yaml.ScalarNode, key: Key) -> Any:
        name = node.tag.removeprefix(_TAG)
        if name in ("int", "float") and len(node.value) > MOST_DIGITS:
            self.fault(f"a number of {len(node.value)} digits", node, key)
            return None
        try:
            return _READ[name](node.value)
        except (KeyError, ValueError):
            self.fault(f"the tag {node.tag} cannot be read", node, key, todo="remove the tag")

    def fault(self, what: str, node: yaml.Node, key: Key, todo: str | None = None) -> None:
        where = f"{self.path}:{node.start_mark.line + 1}"
        self.faults.append(Fault(what, where, written(key) or None, todo=todo))


def _read_float(text: str) -> float:
    return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))


def _read_bool(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


_READ: dict[str, Any] = {
    "null": lambda text: None,
    "bool": _read_bool,
    "int": lambda text: int(text, 0),
    "float": _read_float,
    "str": str,
}


def read_tree(path: Path) -> Tree:
    """Read a YAML file.

    Raises:
        DeclarationError: there is no such file, or it is not YAML.
    """
    try:
        content = read_bounded(path, MOST_BYTES)
    except OSError as error:
        what = f"{path}: {error.strerror or error}".lower()
        raise DeclarationError(what, todo="name the file that declares the analyses") from error
    try:
        _require_shallow(path, content)
        loader = _Loader(content)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DeclarationError(_syntax_fault(path, content, error)) from error
    if node is None:
        raise DeclarationError("the file is empty", where=str(path), todo="declare something")
    builder = _Builder(str(path))
    value = builder.value(node, ())
    return Tree(value, Source(str(path), builder.lines), tuple(builder.faults))


def _require_shallow(path: Path, content: bytes) -> None:
    """Refuse nesting of which reading alone would take all memory, before any of it is kept."""
    depth = 0
    for event in yaml.parse(content, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_LEVELS and event.start_mark is not None:
            what = f"more than {MOST_LEVELS} levels within one another"
            raise DeclarationError(what, where=f"{path}:{event.start_mark.line + 1}")


def _syntax_fault(path: Path, content: bytes, error: Exception) -> Fault:
    if not isinstance(error, yaml.MarkedYAMLError):
        return Fault("not plain text in UTF-8", str(path), todo="save the file as UTF-8")
    mark = error.problem_mark or error.context_mark
    what = ", ".join(part for part in (error.context, error.problem) if part)
    if mark is None:
        return Fault(f"not YAML: {what}", str(path))
    line = b"".join(content.splitlines()[mark.line : mark.line + 1])
    tabbed = b"\t" in line[: len(line) - len(line.lstrip())]
    todo = "indent with spaces, not tabs" if tabbed else None
    return Fault(f"not YAML: {what}", f"{path}:{mark.line + 1}", todo=todo)


def overridden(tree: Tree, overrides: Mapping[str, Any]) -> Tree:
    """Lay values over a tree; mappings are merged, everything else is replaced.

    Text is read as YAML reads it: Snakemake hands on what stands inside `--config` as text.
    """
    lines = dict(tree.source.lines)
    value = _merged(tree.value, overrides, (), lines)
    return Tree(value, Source(tree.source.path, lines), tree.faults)


def _merged(old: Any, new: Any, key: Key, lines: dict[Key, int | None]) -> Any:
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        changed = {
            str(n): _merged(old.get(n), item, (*key, str(n)), lines) for n, item in new.items()
        }
        return {**old, **changed}
    for stale in [k for k in lines if k[: len(key)] == key]:
        del lines[stale]
    lines[key] = None
    return _plain(new)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _resolved(value) if isinstance(value, str) else value


def _resolved(text: str) -> Any:
    patterns = _SCALARS if len(text) <= MOST_DIGITS else {}
    name = next((name for name, pattern in patterns.items() if pattern.match(text)), "str")
    return _READ[name](text)
