"""The whole declaration."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, PrivateAttr

from stanchion.config.analysis import Analysis
from stanchion.config.compiling import Toolchain
from stanchion.config.dataset import Dataset
from stanchion.config.model import Model
from stanchion.config.versioning import Versioning
from stanchion.errors import Fault
from stanchion.schema.fields import RESERVED, Label, Name, NotEmpty, Section, Text, distinct_names
from stanchion.schema.locations import Source, written


class Project(Section):
    """Datasets, Stan programs and analyses: `config/config.yaml`."""

    project: Text | None = Field(default=None, description="Name of the project, for the reader.")
    seed: int = Field(
        default=0,
        description="A fit's seed is made from it and the names of dataset, model and method.",
        ge=0,
        le=2**53 - 1,
    )
    about: dict[str, Label] = Field(
        default={}, description="Printed in the report as it stands: study, protocol, author, …"
    )
    toolchain: Toolchain = Field(
        default_factory=Toolchain, description="How all programs are compiled."
    )
    datasets: Annotated[dict[Name, Dataset], NotEmpty, AfterValidator(distinct_names(RESERVED))] = (
        Field(description="Tables and Stan JSON files, by name.")
    )
    models: Annotated[dict[Name, Model], NotEmpty, AfterValidator(distinct_names(RESERVED))] = (
        Field(description="Stan programs with their options, by name.")
    )
    analyses: Annotated[dict[Name, Analysis], NotEmpty, AfterValidator(distinct_names())] = Field(
        description="Questions, by name."
    )
    versioning: Versioning = Field(
        default_factory=Versioning, description="When results are tracked by DVC, and where to."
    )
    _source: Source = PrivateAttr(default_factory=Source)

    def model_post_init(self, context: Any, /) -> None:
        """Take the source from the validation's context, where there is one."""
        if context is not None:
            self._source = context["source"]

    def where(self, *key: str | int) -> str | None:
        """Return `file:line` of a key, such as `where("datasets", "schools", "path")`."""
        return self._source.where(key)

    def fault(
        self,
        what: str,
        *key: str | int,
        value: object = None,
        allowed: str | None = None,
        todo: str | None = None,
    ) -> Fault:
        """Return a fault of a key, with its place in the file."""
        return Fault(what, self.where(*key), written(key), value, allowed, todo)
