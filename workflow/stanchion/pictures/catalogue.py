"""The catalogue of pictures: one row a picture, with who draws it and where it is shown.

It loads nothing that draws, for the plan reads it too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from stanchion.pictures.style import Format

type Section = Literal["estimates", "prior", "predictive", "predictions", "effects", "chains"]
"""A section of the report, by the name of its template."""


@dataclass(frozen=True, kw_only=True)
class PictureRow:
    """What is known of a picture beside its code."""

    name: str
    step: str
    """The step that draws it: once a fit, or once a model for the prior's."""
    file: str
    """Its path within the step's folder."""
    draw: str
    """`module.function` of this room, from what the step has at hand to the bytes of a PNG."""
    shown: Mapping[Section, str]
    """What it says to those who do not see it, by where it stands; `{path}` is the fit's.

    What is seen in it stands in the file, and follows.
    """
    folded: bool = False
    """Whether the report shows it only to those who ask for it."""

    @property
    def input(self) -> str:
        """The name under which the report gets it."""
        return f"{self.name}_pictures"

    @property
    def module(self) -> str:
        """The module that draws it."""
        return f"stanchion.pictures.{self.draw.partition('.')[0]}"

    def drawn(self, subject: object, kind: Format = "png") -> bytes:
        """Draw it of what its step has at hand."""
        from stanchion.pictures.style import saved_as

        function = getattr(import_module(self.module), self.draw.partition(".")[2])
        with saved_as(kind):
            picture: bytes = function(subject)
        return picture


_ROWS = (
    PictureRow(
        name="prior_predictive",
        step="sample_prior",
        file="prior_predictive.png",
        draw="replications.prior_predictive",
        shown={"prior": "Data drawn from the prior of {path} and the observed"},
    ),
    PictureRow(
        name="ranks",
        step="diagnose_fit",
        file="plots/ranks.png",
        draw="ranks.ranks",
        shown={"chains": "Rank plots of {path}, worst R-hat first"},
    ),
    PictureRow(
        name="densities",
        step="diagnose_fit",
        file="plots/densities.png",
        draw="densities.densities",
        shown={"estimates": "Posterior densities of {path}"},
    ),
    PictureRow(
        name="trace",
        step="diagnose_fit",
        file="plots/trace.png",
        draw="trace.trace",
        shown={"chains": "Traces of {path}, worst R-hat first"},
        folded=True,
    ),
    PictureRow(
        name="pair",
        step="diagnose_fit",
        file="plots/pair.png",
        draw="pair.pair",
        shown={"chains": "A pair of parameters of {path}"},
        folded=True,
    ),
    PictureRow(
        name="energy",
        step="diagnose_fit",
        file="plots/energy.png",
        draw="energy.energy",
        shown={"chains": "Energies of {path}"},
        folded=True,
    ),
    PictureRow(
        name="autocorrelation",
        step="diagnose_fit",
        file="plots/autocorrelation.png",
        draw="autocorrelation.autocorrelation",
        shown={"chains": "Autocorrelations of {path}, worst R-hat first"},
        folded=True,
    ),
    PictureRow(
        name="posterior_predictive",
        step="predict_outcomes",
        file="plots/posterior_predictive.png",
        draw="outcomes.posterior_predictive",
        shown={
            "predictive": "Replicated data of {path} against the observed; "
            "the table gives the statistics",
            "predictions": "Predictions of {path}; the table gives the numbers",
        },
    ),
    PictureRow(
        name="khat",
        step="predict_outcomes",
        file="plots/khat.png",
        draw="khat.khat",
        shown={"predictive": "Pareto k̂ of each observation of {path}"},
        folded=True,
    ),
    PictureRow(
        name="conditional_effects",
        step="summarise_effects",
        file="plots/effects.png",
        draw="effects.effects",
        shown={"effects": "Conditional effects of {path}"},
    ),
)

PICTURES: Mapping[str, PictureRow] = {row.name: row for row in _ROWS}
"""Every picture by name, in the order of a section."""


def pictures_of(step: str) -> dict[str, str]:
    """Return the pictures that a step draws: paths within its folder, by name."""
    return {name: row.file for name, row in PICTURES.items() if row.step == step}


OWN_PLOTS: Mapping[str, str] = {"plot_bands": "bands.plot_bands"}
"""What `plots:` may name that arviz_plots has not: `module.function` of this room, from a tree, its
keyword arguments and what the outcome is called to the bytes of a picture."""


def draw(step: str, subject: object, outputs: Collection[str]) -> dict[str, bytes]:
    """Draw a step's pictures of what it has at hand, by name; as SVG where that is an output."""
    rows = {name: row for name, row in PICTURES.items() if row.step == step}
    drawn = {name: row.drawn(subject) for name, row in rows.items()}
    vectors = {name: svg_name(name) for name in rows if svg_name(name) in outputs}
    return drawn | {svg: rows[name].drawn(subject, "svg") for name, svg in vectors.items()}


def svg_name(name: str) -> str:
    """Return the name of the output that is a picture as SVG."""
    return f"{name}_svg"


def with_svg(paths: Mapping[str, str]) -> dict[str, str]:
    """Return outputs with an SVG beside each PNG."""
    drawn = {name: path for name, path in paths.items() if path.endswith(".png")}
    beside = {svg_name(name): f"{path.removesuffix('.png')}.svg" for name, path in drawn.items()}
    return {**paths, **beside}
