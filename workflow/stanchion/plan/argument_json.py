"""Arguments as JSON: what of them enters a key, and what a step reads back from its job file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from stanchion.errors import Fault, StepError
from stanchion.plan.arguments import SPARSE, UNKEYED, Arguments

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_ADAPTERS: dict[type[Arguments], TypeAdapter[Any]] = {}
_WRONG = {"missing": "it is missing", "unexpected_keyword_argument": "the step knows no such field"}


def as_json(arguments: Arguments) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return arguments as plain JSON: those that enter the key, and those that do not."""
    from pydantic_core import to_jsonable_python

    content: dict[str, Any] = to_jsonable_python(arguments)
    unkeyed = {entry.name for entry in fields(arguments) if entry.metadata == UNKEYED}
    for entry in fields(arguments):
        if entry.metadata == SPARSE and getattr(arguments, entry.name) == entry.default:
            del content[entry.name]
    return (
        {name: value for name, value in content.items() if name not in unkeyed},
        {name: value for name, value in content.items() if name in unkeyed},
    )


def read_arguments[A: Arguments](kind: type[A], content: Mapping[str, Any], where: str) -> A:
    """Return the arguments that a job file holds.

    Raises:
        StepError: a field is missing, unknown or of another type; names each.
    """
    from pydantic import ValidationError

    try:
        arguments: A = adapter(kind).validate_json(json.dumps(content))
    except ValidationError as error:
        raise StepError(
            [
                Fault(
                    "its arguments are not those of its step: "
                    + _WRONG.get(problem["type"], problem["msg"]),
                    where=where,
                    key=".".join(map(str, problem["loc"])),
                    todo="run again, which plans it with this version of Stanchion",
                )
                for problem in error.errors(include_url=False)
            ]
        ) from error
    return arguments


def adapter(kind: type[Arguments]) -> TypeAdapter[Any]:
    """Return what reads a step's arguments; it is made once a process."""
    from pydantic import TypeAdapter

    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
