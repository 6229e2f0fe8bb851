"""The steps of declared pictures: one a picture and fit."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.config import Analysis
from stanchion.config.plots import Plot
from stanchion.pictures.catalogue import OWN_PLOTS
from stanchion.plan.arguments import DrawPlot
from stanchion.plan.builder import Planner
from stanchion.plan.fits import titles_of
from stanchion.plan.model import Fit, Step


def plot_steps(planner: Planner, fit: Fit) -> None:
    """Add a step for each picture that a fit has: a point has none, for it has no draws."""
    analysis = planner.project.analyses[fit.analysis]
    if analysis.methods[fit.method].is_point:
        return
    draws, (title, _) = planner.known(fit, "collect_draws"), titles_of(planner, fit)
    for name, plot in named_plots(analysis):
        if all(map(planner.program_of(fit).has, plot.variables)):
            planner.add(
                "draw_plot",
                {**fit.wildcards, "plot": name},
                arguments=DrawPlot(
                    function=plot.plot,
                    options=plot.options,
                    outcome_title=title if plot.plot in OWN_PLOTS else None,
                    svg=analysis.has_svg,
                ),
                inputs={"draws": draws.outputs["draws"]},
                upstream=[draws],
            )


def planned_plots(planner: Planner, fit: Fit) -> list[Step]:
    """Return a fit's steps of declared pictures, in the order of declaration."""
    names = [name for name, _ in named_plots(planner.project.analyses[fit.analysis])]
    steps = [planner.planned("draw_plot", {**fit.wildcards, "plot": name}) for name in names]
    return [step for step in steps if step is not None]


def named_plots(analysis: Analysis) -> Iterator[tuple[str, Plot]]:
    """Yield each declared picture under the name of its file: the second of a function is _2."""
    numbers: dict[str, int] = {}
    for plot in analysis.plots:
        number = numbers[plot.plot] = numbers.get(plot.plot, 0) + 1
        yield plot.plot if number == 1 else f"{plot.plot}_{number}", plot
