"""The JSON Schema of the declaration, and words for its parts: messages and the docs share them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from stanchion.methods.catalogue import METHODS
from stanchion.schema.locations import Key

Node = Mapping[str, Any]
TAGS = ("method", "family")
"""Keys that say which of several sections a mapping is."""

_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "object": "a mapping",
}
_LIMITS = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
_POWERS = {2**31 - 1: "2³¹ − 1", 2**32 - 1: "2³² − 1", 2**53 - 1: "2⁵³ − 1"}


class _Generator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave out titles that only repeat the key: ours say what a value may be."""
        return False


def schema_of(kind: Any) -> dict[str, Any]:
    """Return the JSON Schema of a pydantic type."""
    schema = TypeAdapter(kind).json_schema(schema_generator=_Generator)
    sections = {"": schema, **schema.get("$defs", {})}
    if "Analysis" in sections:
        _tell_methods_by_name(sections["Analysis"]["properties"]["methods"])
    for section in sections.values():
        for entry in section.get("properties", {}).values():
            if "patternProperties" in entry:
                entry["additionalProperties"] = False
    return schema


def _tell_methods_by_name(methods: dict[str, Any]) -> None:
    """Replace pydantic's union, which takes `{draws: 1000}` for two methods at once."""
    (pattern,) = methods["patternProperties"]
    references = {name: {"$ref": f"#/$defs/{kind.__name__}"} for name, kind in METHODS.items()}
    methods["properties"] = {
        name: {"anyOf": [reference, {"type": "null"}]} for name, reference in references.items()
    }
    others = f"^(?!(?:{'|'.join(METHODS)})$){pattern.removeprefix('^')}"
    methods["patternProperties"] = {
        others: {"required": ["method"], "anyOf": list(references.values())}
    }


def parts_of(root: Node, node: Node) -> Iterator[Node]:
    """Yield a schema node's alternatives, references resolved, `null` left out."""
    if "$ref" in node:
        yield from parts_of(root, root["$defs"][node["$ref"].rsplit("/", 1)[1]])
    elif "anyOf" in node or "oneOf" in node:
        for alternative in (*node.get("anyOf", ()), *node.get("oneOf", ())):
            yield from parts_of(root, alternative)
    elif node.get("type") != "null":
        yield node


def part_at(root: Node, value: Any, key: Key) -> Node | None:
    """Return the schema node of a key path in a value, or None where no such key is known."""
    node: Node | None = root
    for part in key:
        if node is None:
            return None
        nodes = (_inside(section, part) for section in _suiting(root, node, value))
        node = next((inner for inner in nodes if inner is not None), None)
        value = _item(value, part)
    return node


def section_at(root: Node, value: Any, key: Key) -> Node:
    """Return the closed mapping at a key path."""
    node = part_at(root, value, key) or {}
    for part in key:
        value = _item(value, part)
    return next(section for section in _suiting(root, node, value) if "properties" in section)


def _suiting(root: Node, node: Node, value: Any) -> list[Node]:
    """Return a node's alternatives; of several methods or families, the one that is named."""
    parts = list(parts_of(root, node))
    named = [p for p in parts for tag in TAGS if _tag(p, tag) and _tag(p, tag) == _item(value, tag)]
    return named or parts


def _tag(section: Node, name: str) -> str | None:
    tag = section.get("properties", {}).get(name, {}).get("const")
    return str(tag) if tag is not None else None


def _item(value: Any, part: str | int) -> Any:
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        return None


def _inside(node: Node, part: str | int) -> Node | None:
    if isinstance(part, int):
        items: Node | None = node.get("items")
        return items
    if part in node.get("properties", {}):
        inner: Node = node["properties"][part]
        return inner
    rest = (*node.get("patternProperties", {}).values(), node.get("additionalProperties"))
    return next((entry for entry in rest if isinstance(entry, Mapping)), None)


def words_for(root: Node, node: Node) -> str:
    """Return what a value may be, such as `a whole number ≥ 1`."""
    if "title" in node and "properties" not in node:
        return str(node["title"])
    return ", or ".join(dict.fromkeys(_words(root, part) for part in parts_of(root, node)))


def _words(root: Node, part: Node) -> str:
    if "const" in part or "enum" in part:
        return ", ".join(str(value) for value in part.get("enum", [part.get("const")]))
    if "title" in part and "properties" not in part:
        return str(part["title"])
    kind = part.get("type", "")
    if kind == "array":
        choice = "one of " if "enum" in part["items"] else ""
        return f"a list, each item {choice}{words_for(root, part['items'])}"
    limits = [f"{sign} {_shown(part[name])}" for name, sign in _LIMITS.items() if name in part]
    return f"{_WORDS.get(kind, 'any value')} {' and '.join(limits)}".rstrip()


def _shown(limit: float) -> str:
    return _POWERS.get(int(limit), f"{limit:g}")
