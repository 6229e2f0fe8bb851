"""A dataset: a table or a Stan JSON file, how it comes about and is mapped to Stan's data."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlparse

from pydantic import BeforeValidator, Field, model_validator

from stanchion.config.column import Column
from stanchion.methods.external import FilePath, refuse_repeated
from stanchion.methods.fields import Duration
from stanchion.methods.script import Setting
from stanchion.schema.fields import (
    Distinct,
    Label,
    NotEmpty,
    Scalar,
    Section,
    Seed,
    StanName,
    Text,
    is_number,
    refused,
    titled,
)

SUFFIXES = (".csv", ".tsv", ".parquet", ".json")
EXPRESSION_WORDS = "an expression, a number, a list of numbers, or a list of columns"
_TABLE_ONLY = ("columns", "missing", "na", "where", "sort")
_OF_SCRIPT = ("sources", "inputs", "python", "lock", "settings", "seed", "time_limit")
MADE_BY = frozenset({"script", *_OF_SCRIPT})
"""What says how a table is made: it is no part of how the table is read."""


def _expression(value: object) -> object:
    if isinstance(value, bool):
        raise refused("Stan has no true and false", value=value, todo="write 1 or 0")
    if not (isinstance(value, str) or is_number(value) or _is_list(value)):
        raise refused("not an expression", value=value, allowed=EXPRESSION_WORDS)
    if isinstance(value, str) and not value.strip():
        raise refused("an empty expression", allowed=EXPRESSION_WORDS)
    return value


def _is_list(value: object) -> bool:
    if not isinstance(value, list):
        return False
    return all(isinstance(item, str) for item in value) or _is_array(value)


def _is_array(value: object) -> bool:
    if isinstance(value, list):
        return all(_is_array(item) for item in value)
    return is_number(value)


Expression = Annotated[
    Any,
    BeforeValidator(_expression, json_schema_input_type=str | float | list[str] | list[Any]),
]
StanMapping = Annotated[
    dict[StanName, Expression], titled("a mapping of Stan variables to expressions")
]


class Dataset(Section):
    """A table, or a file in Stan's JSON form; `path`, or `url` with `sha256`, says where it lies.

    A `script` of your own may make the table: it is run as a step, before the data are prepared,
    and leaves a CSV (docs/scripts.md).

    In `stan`, a bare word is a column, `[a, b]` a matrix of columns, a number or a list of numbers
    a constant. There are `nrow()`, `ncol(X)`, `nlevels(c)`, `index(c)` (from 1, in the order of
    the levels), `design("~ x + z")` (a design matrix by formula), `counties.uranium(county)` (one
    value a level, from another dataset) and `new.X` (this dataset's mapping applied to another).
    Anything else, such as `log(x) / 2` or `x == 'yes'`, is an [expression](#expressions).

    A formula is made of columns (odd names in backquotes), numbers, `+ - * : / ** |` as formulaic
    has them, arithmetic and comparisons within brackets, and these functions: `log`, `log10`,
    `log2`, `exp`, `sqrt`, `I`, `center`, `scale`, `standardize`, `poly`, `bs`, `cr`, `cs`, `cc`,
    `C`, with the contrasts `Treatment`, `Sum`, `Helmert`, `Diff`, `Poly` and `contr.treatment`,
    `.SAS`, `.sum`, `.helmert`, `.diff`, `.poly`, `.custom`. Anything else is refused unread.
    """

    path: Text | None = Field(
        default=None, description="The file, from the folder that the run starts in."
    )
    url: Annotated[str, titled("an address, http:// or https://", r"^https?://\S+$")] | None = (
        Field(
            default=None,
            description="Where the file is fetched from, once: up to 4 GiB, within an hour. "
            "`.stanchion/downloads` keeps it by its SHA-256; without a network it is put there by "
            "hand.",
        )
    )
    sha256: Annotated[str, titled("64 hexadecimal digits, lower case", "^[0-9a-f]{64}$")] | None = (
        Field(default=None, description="The SHA-256 that the fetched file must have.")
    )
    script: FilePath | None = Field(
        default=None, description="The program, in Python, that makes the table."
    )
    sources: Annotated[list[FilePath], Distinct] = Field(
        default=[],
        description="Files that the script imports. They lie beside it as they do in the project, "
        "and nothing else of the project does.",
    )
    inputs: Annotated[list[FilePath], Distinct] = Field(
        default=[], description="Files that the script makes the table of, in this order."
    )
    python: Annotated[str, titled("the path of a Python")] | None = Field(
        default=None,
        description="The Python that runs the script; without it, Stanchion's own. It enters no "
        "key.",
    )
    lock: FilePath | None = Field(
        default=None,
        description="Lines `name==version`: the packages that must be installed for that Python, "
        "in these versions. A script needs one.",
    )
    settings: dict[Annotated[str, Field(min_length=1)], Setting] = Field(
        default={}, description="What else the script is to know, as JSON in a file."
    )
    seed: Seed | None = Field(
        default=None, description="A seed for the script, where it draws at random."
    )
    time_limit: Duration | None = Field(
        default=None,
        description="Time that the script may take, such as 90s, 30m or 2h. It enters no key.",
    )
    columns: dict[str, Column] = Field(
        default={}, description="Columns to check, by name; others are read as found."
    )
    missing: Literal["error", "drop"] = Field(
        default="error",
        description="A missing value in a column that is used stops the run, or drops its "
        "row; dropped rows are counted and recorded.",
    )
    na: list[Label] = Field(default=["", "NA"], description="What stands for a missing value.")
    where: dict[str, Annotated[list[Scalar], NotEmpty]] = Field(
        default={}, description="Keep the rows whose column holds one of these values."
    )
    sort: Annotated[list[Text], Distinct] = Field(
        default=[], description="Columns to sort the rows by, the first one first."
    )
    stan: StanMapping = Field(
        default={}, description="Stan variable ← expression. A table that is fitted needs it."
    )

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        named = [key for key in ("path", "url", "script") if getattr(self, key) is not None]
        if not named:
            todo = "add path, or url with sha256, or script with lock"
            raise refused("a dataset needs 'path', 'url' or 'script'", todo=todo)
        if len(named) > 1:
            what = f"{named[0]!r} and {named[1]!r} exclude each other"
            raise refused(what, at=[named[1]], todo="remove one")
        if self.url is not None and self.sha256 is None:
            todo = "add the SHA-256 of the file, as `sha256sum` prints it"
            raise refused("'url' needs 'sha256'", at=["url"], value=self.url, todo=todo)
        if self.url is None and self.sha256 is not None:
            raise refused("'sha256' goes with 'url'", at=["sha256"], todo="remove it")
        return self

    @model_validator(mode="after")
    def _is_makeable(self) -> Self:
        if self.script is None:
            misplaced = [key for key in _OF_SCRIPT if getattr(self, key) != _default(key)]
            if misplaced:
                what = f"{misplaced[0]!r} goes with 'script'"
                raise refused(what, at=[misplaced[0]], todo="remove it, or declare the script")
            return self
        if self.lock is None:
            raise refused(
                "'script' needs 'lock'",
                at=["script"],
                value=self.script,
                todo="write what is installed for its Python with `pip freeze`, and name that file",
            )
        refuse_repeated([self.script, *self.sources, self.lock])
        return self

    @model_validator(mode="after")
    def _is_readable(self) -> Self:
        source = "path" if self.path is not None else "url"
        if self.suffix not in SUFFIXES:
            raise refused(
                f"a file {self.suffix or 'without a suffix'} cannot be read",
                at=[source],
                value=self.path or self.url,
                allowed=", ".join(SUFFIXES),
            )
        misplaced = [key for key in _TABLE_ONLY if getattr(self, key) != _default(key)]
        if misplaced and not self.is_table:
            what = f"{misplaced[0]!r} goes with a table, not with .json"
            raise refused(what, at=[misplaced[0]], todo="remove it")
        return self

    @property
    def suffix(self) -> str:
        """The lower-case suffix of the file, such as `.csv`, which is what a script leaves."""
        if self.script is not None:
            return SUFFIXES[0]
        return PurePosixPath(self.path or urlparse(self.url or "").path).suffix.lower()

    @property
    def is_table(self) -> bool:
        """Whether the file has rows and columns, rather than Stan's variables."""
        return self.suffix != ".json"

    @property
    def made_from(self) -> dict[str, list[str]]:
        """The files of the project that a table is made from, by setting; none of other tables."""
        if self.script is None or self.lock is None:
            return {}
        return {
            "script": [self.script],
            "sources": self.sources,
            "lock": [self.lock],
            "inputs": self.inputs,
        }


def _default(key: str) -> object:
    return Dataset.model_fields[key].default
