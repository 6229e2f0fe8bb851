"""What pydantic found wrong, as faults that name file, line, key, value and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from stanchion.config.shape import Node, part_at, parts_of, section_at, words_for
from stanchion.errors import Fault
from stanchion.methods.catalogue import METHODS
from stanchion.schema.locations import Key, nearest, written
from stanchion.schema.tree import Tree
from stanchion.stats.conjugate.families import FAMILIES
from stanchion.system.sentences import listed

_KEY = "[key]"
_LENGTH_OF_SETTING = 5
"""Of the key path `analyses.ANALYSIS.methods.NAME.SETTING`."""
_WHAT = {
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "greater_than": "out of bounds",
    "greater_than_equal": "out of bounds",
    "less_than": "out of bounds",
    "less_than_equal": "out of bounds",
    "finite_number": "not a finite number",
    "string_pattern_mismatch": "not of the form that is wanted",
}
_TODO = {"too_short": "write at least one", "string_too_short": "write it"}
_KINDS: list[tuple[type | tuple[type, ...], str]] = [
    (bool, "true or false"),
    (str, "text"),
    ((int, float), "a number"),
    (list, "a list"),
    (dict, "a mapping"),
]
_SPELT_BOOLEANS = frozenset({"yes", "no", "on", "off", "y", "n"})


def faults_of(error: ValidationError, root: Node, tree: Tree) -> list[Fault]:
    """Return a fault for each error, worded by the schema `root`."""
    return _paired([(e, _fault(e, root, tree)) for e in error.errors(include_url=False)])


def _paired(faults: Sequence[tuple[Mapping[str, Any], Fault]]) -> list[Fault]:
    """Return the faults, with an unknown key and the missing one that it stands for as one."""
    missing, unknown = (_by_section(faults, kind) for kind in ("missing", "extra_forbidden"))
    pairs = {
        section: (missing[section][0], unknown[section][0])
        for section in missing
        if len(missing[section]) == len(unknown.get(section, [])) == 1
    }
    gone = {id(lacking) for lacking, _ in pairs.values()}
    joined = {id(wrong): _joined(lacking, wrong) for lacking, wrong in pairs.values()}
    return [joined.get(id(fault), fault) for _, fault in faults if id(fault) not in gone]


def _by_section(
    faults: Sequence[tuple[Mapping[str, Any], Fault]], kind: str
) -> dict[Key, list[Fault]]:
    sections: dict[Key, list[Fault]] = {}
    for details, fault in faults:
        if details["type"] == kind:
            sections.setdefault(details["loc"][:-1], []).append(fault)
    return sections


def _joined(lacking: Fault, wrong: Fault) -> Fault:
    name = str(lacking.key).rsplit(".", 1)[-1]
    todo = f"write {name} in its place, or add it and remove the other"
    return replace(wrong, what=f"{wrong.what}, and {lacking.what}", todo=todo)


def _fault(details: Mapping[str, Any], root: Node, tree: Tree) -> Fault:
    key = _key(details["loc"])
    kind = details["type"]
    if kind == "refused":
        context = details["ctx"]
        return _placed(
            tree,
            (*key, *context["at"]),
            context["what"],
            value=context["value"],
            allowed=context["allowed"],
            todo=context["todo"],
        )
    tell: Callable[[Mapping[str, Any], Key, Node, Tree], Fault] = _TOLD.get(kind, _not_allowed)
    return tell(details, key, root, tree)


def _key(location: Iterable[str | int]) -> Key:
    """Return the key path of pydantic's location, which also names the member of a union."""
    key = [part for part in location if part != _KEY]
    if key[:1] == ["analyses"] and key[2:3] == ["methods"]:
        del key[4:5]
    if key[:1] == ["models"] and key[3:4] and key[3] in FAMILIES:
        del key[3]
    return tuple(key)


def _placed(tree: Tree, key: Key, what: str, **rest: Any) -> Fault:
    return Fault(what, tree.source.where(key), written(key) or None, **rest)


def _missing(details: Mapping[str, Any], key: Key, root: Node, tree: Tree) -> Fault:
    node = part_at(root, tree.value, key)
    return _placed(
        tree,
        key,
        f"{key[-1]!r} is missing",
        allowed=words_for(root, node) if node else None,
        todo=f"add {key[-1]}",
    )


def _unknown(details: Mapping[str, Any], key: Key, root: Node, tree: Tree) -> Fault:
    names = list(section_at(root, tree.value, key[:-1])["properties"])
    if others := _methods_with(key):
        return _placed(
            tree,
            key,
            f"{key[-1]!r} is a setting of {listed(others)}",
            allowed=", ".join(names),
            todo=f"remove it, or use `method: {others[0]}`",
        )
    return _not_one_of(f"unknown key {key[-1]!r}", str(key[-1]), names, key, tree)


def _methods_with(key: Key) -> list[str]:
    """Return the methods that have a setting which another one was given."""
    if key[:1] != ("analyses",) or key[2:3] != ("methods",) or len(key) != _LENGTH_OF_SETTING:
        return []
    return [
        name
        for name, method in METHODS.items()
        if key[-1] in {field.alias or n for n, field in method.model_fields.items()}
    ]


def _not_a_choice(details: Mapping[str, Any], key: Key, root: Node, tree: Tree) -> Fault:
    if details["loc"][-1] == _KEY:
        node = part_at(root, tree.value, key[:-1])
        names = next(p for p in parts_of(root, node or {}))["propertyNames"]["enum"]
        return _not_one_of(f"unknown key {key[-1]!r}", str(key[-1]), names, key, tree)
    value = details["input"]
    node = part_at(root, tree.value, key) or {}
    names = [c for part in parts_of(root, node) for c in part.get("enum", [part.get("const")])]
    return _not_one_of(f"{value!r} is not a choice", str(value), names, key, tree)


def _no_method(details: Mapping[str, Any], key: Key, root: Node, tree: Tree) -> Fault:
    if _is_conjugate(key):
        what, names = "'family' is missing", ", ".join(FAMILIES)
        return _placed(tree, key, what, allowed=names, todo="add family")
    name = str(key[-1])
    todo = f"add `method: {nearest(name, METHODS) or next(iter(METHODS))}`"
    what = f"{name!r} is not itself a method, and does not say which one it is"
    return _placed(tree, key, what, allowed=", ".join(METHODS), todo=todo)


def _bad_method(details: Mapping[str, Any], key: Key, root: Node, tree: Tree) -> Fault:
    value = details["ctx"]["tag"]
    if _is_conjugate(key):
        return _not_one_of(f"{value!r} is not a family", value, FAMILIES, (*key, "family"), tree)
    return _not_one_of(f"{value!r} is not a method", value, METHODS, (*key, "method"), tree)


def _is_conjugate(key: Key) -> bool:
    return key[:1] == ("models",)


def _not_one_of(what: str, word: str, choices: Iterable[str], key: Key, tree: Tree) -> Fault:
    names = list(choices)
    suggestion = nearest(word, names)
    return _placed(
        tree,
        key,
        what if suggestion is None else f"{what}; the nearest is {suggestion!r}",
        allowed=", ".join(names),
        todo="remove or correct it" if suggestion is None else f"write {suggestion}",
    )


def _not_allowed(details: Mapping[str, Any], key: Key, root: Node, tree: Tree) -> Fault:
    value = details["input"]
    node = part_at(root, tree.value, key) or {}
    kind = details["type"]
    wrong_type = kind.endswith("_type") or kind == "int_from_float"
    return _placed(
        tree,
        key,
        f"wrong type: {_kind_of(value)}" if wrong_type else _WHAT.get(kind, "not allowed"),
        value=value if isinstance(value, str | int | float | list) else None,
        allowed=words_for(root, node) or None,
        todo=_hint(value, {str(p.get("type")) for p in parts_of(root, node)})
        if wrong_type
        else _TODO.get(kind),
    )


def _hint(value: Any, types: set[str]) -> str | None:
    if "array" in types and isinstance(value, str | int | float):
        return f"write [{value}]"
    if "boolean" in types and str(value).lower() in _SPELT_BOOLEANS:
        return "write true or false"
    number = _number(value)
    if number is not None and types & {"integer", "number"}:
        if isinstance(value, str):
            return f"write {number}, without quotes"
        return f"write {number}" if isinstance(number, int) else None
    return "write it in quotes" if number is not None and "string" in types else None


def _kind_of(value: Any) -> str:
    return next((words for kind, words in _KINDS if isinstance(value, kind)), "no value")


def _number(value: Any) -> int | float | None:
    """Return the number that a value says or is; a whole one as an integer."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if isinstance(value, bool) or not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number


_TOLD = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "literal_error": _not_a_choice,
    "union_tag_not_found": _no_method,
    "union_tag_invalid": _bad_method,
}
