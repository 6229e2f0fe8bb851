"""Pictures that an analysis declares beside those that are always drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue

from stanchion.schema.fields import Section

VARIABLES = "var_names"
"""The keyword argument that names variables of the program."""


class Plot(Section):
    """A function that is drawn of each fit; its further keys are its arguments."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]

    plot: Annotated[str, Field(pattern="^plot_[a-z_]+$")] = Field(
        description="A function of arviz_plots whose first argument is a DataTree, such as "
        "`plot_pair`, or `plot_bands`, which is Stanchion's. Its keyword arguments stand beside it "
        "as plain YAML: `var_names: [mu, tau]`."
    )

    @property
    def options(self) -> Mapping[str, JsonValue]:
        """The keyword arguments, in the order of their names."""
        return dict(sorted((self.__pydantic_extra__ or {}).items()))

    @property
    def variables(self) -> list[str]:
        """The variables that it names: not those that are left out by a ~, or that are patterns."""
        named = self.options.get(VARIABLES)
        names = named if isinstance(named, list) else [named]
        texts = [name for name in names if isinstance(name, str) and not name.startswith("~")]
        return [] if "filter_vars" in self.options else texts
