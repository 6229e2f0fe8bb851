"""What every section shares: a frozen pydantic model, names, and values as a person writes them."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from stanchion.schema.locations import nearest

NAME_WORDS = "a letter, then letters, digits, _ or -, at most 64 in all"
STAN_NAME_WORDS = "the name of a Stan variable"
SCALAR_WORDS = "text, a number, true or false"
DATE_WORDS = "a date such as 2026-11-21"
BOUND_WORDS = f"a number, or {DATE_WORDS}"
RESERVED = frozenset({"records"})
"""Folders of the results that a dataset, model or method of the same name would fall into."""

_RUN = frozenset("$`\\\"';|&<>#*?(){}!,")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_REPETITIVE = re.compile(r"(.+)\1{19}$")
"""Snakemake takes a name that ends in 20 times the same for a rule that runs in circles."""
_STAN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Section(BaseModel):
    """A part of the declaration: frozen, closed to unknown keys, strict about types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def refused(
    what: str,
    *,
    at: Iterable[str | int] = (),
    value: object = None,
    allowed: str | None = None,
    todo: str | None = None,
) -> PydanticCustomError:
    """Return the error of a rule of ours; `at` leads from the checked value to the key at fault."""
    details = {"what": what, "at": tuple(at), "value": value, "allowed": allowed, "todo": todo}
    return PydanticCustomError("refused", "{what}", details)


def is_number(value: object) -> bool:
    """Tell whether a value is a number that canonical JSON can hold: finite, integers below 2⁵³."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 2**53 if isinstance(value, int) else math.isfinite(value)


def titled(words: str, pattern: str | None = None) -> Any:
    """Return the field that names a kind of value in the schema, in messages and in the docs."""
    return Field(pattern=pattern, json_schema_extra={"title": words})


def _plain_path(path: str) -> str:
    """Refuse a path that make and the shell, through which it goes, would not take as it stands."""
    odd = next((sign for sign in path if sign in _RUN or not sign.isprintable()), None)
    if odd is not None:
        what = f"the path of a program goes through make and the shell, and holds {odd!r}"
        raise refused(what, value=path, todo="rename the file or the folder")
    return path


ProgramPath = Annotated[
    str, titled("the path of a .stan file", r"^\S.*\.stan$"), AfterValidator(_plain_path)
]


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise refused(f"{value!r} cannot be a name", allowed=NAME_WORDS)
    if _REPETITIVE.search(value):
        what = f"{value!r} cannot be a name: it ends in 20 times the same"
        raise refused(what, todo="choose another")
    return value


def _stan_name(value: str) -> str:
    if not _STAN_NAME.fullmatch(value) or value.endswith("__"):
        raise refused(f"{value!r} cannot be a Stan variable", allowed=STAN_NAME_WORDS)
    return value


def _label(value: object) -> object:
    if isinstance(value, bool | float):
        raise refused("text is wanted", value=value, todo="write it in quotes")
    return str(value) if isinstance(value, int) else value


def _bound(value: object) -> object:
    if not (isinstance(value, str) or is_number(value)):
        raise refused("a bound is wanted", value=value, allowed=BOUND_WORDS)
    return value


def _scalar(value: object) -> object:
    if not (isinstance(value, str | bool) or is_number(value)):
        raise refused("one value is wanted", value=value, allowed=SCALAR_WORDS)
    return value


def read_date(value: object) -> dt.date | None:
    """Return the date that a text says as YYYY-MM-DD, or None."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        return None


def one_of_a_kind(values: list[Any]) -> list[Any]:
    """Refuse a list that says something twice."""
    for position, value in enumerate(values):
        if value in values[:position]:
            raise refused(f"{value!r} stands twice", at=[position], todo="remove one")
    return values


def distinct_names(
    reserved: Iterable[str] = (),
) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Return a validator of names that become folders, also where file systems ignore case."""

    def check(named: Mapping[str, Any]) -> Mapping[str, Any]:
        first_of: dict[str, str] = {}
        for name in named:
            if name.lower() in reserved:
                raise refused(f"the name {name!r} is taken", at=[name], todo="choose another")
            first = first_of.setdefault(name.lower(), name)
            if first != name:
                what = f"{name!r} and {first!r} differ only in case"
                raise refused(what, at=[name], todo="choose another name")
        return named

    return check


def declared(kind: str) -> Callable[[str, ValidationInfo], str]:
    """Return a validator of references to a declared thing of a kind ("datasets", "models").

    The names are those of the validation's context; without one nothing is refused.
    """

    def check(value: str, info: ValidationInfo) -> str:
        names = (info.context or {}).get(kind)
        if names is not None and value not in names:
            what = f"{kind.removesuffix('s')} {value!r} is not declared"
            suggestion = nearest(value, names)
            todo = (
                f"write {suggestion}"
                if suggestion
                else f"declare it under {kind}, or correct the name"
            )
            raise refused(what, value=value, allowed=", ".join(names), todo=todo)
        return value

    return check


Distinct = AfterValidator(one_of_a_kind)
NotEmpty = Field(min_length=1)
Name = Annotated[
    str,
    AfterValidator(_name),
    Field(json_schema_extra={"pattern": f"^{_NAME.pattern}$", "title": NAME_WORDS}),
]
StanName = Annotated[
    str,
    AfterValidator(_stan_name),
    Field(json_schema_extra={"pattern": f"^{_STAN_NAME.pattern}$", "title": STAN_NAME_WORDS}),
]
DatasetName = Annotated[str, AfterValidator(declared("datasets")), titled("the name of a dataset")]
ModelName = Annotated[str, AfterValidator(declared("models")), titled("the name of a model")]
Text = Annotated[str, Field(min_length=1)]
Label = Annotated[str, BeforeValidator(_label, json_schema_input_type=str | int)]
"""Text as it stands in a file: a whole number counts as its digits."""
Scalar = Annotated[
    str | int | float | bool,
    BeforeValidator(_scalar, json_schema_input_type=str | float | bool),
]
Bound = Annotated[
    float | str,
    BeforeValidator(_bound, json_schema_input_type=float | Annotated[str, titled(DATE_WORDS)]),
]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
Positive = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
