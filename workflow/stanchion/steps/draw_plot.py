"""draws.nc → one declared picture of a fit, whatever its verdict."""

from __future__ import annotations

from stanchion.draws.files import open_whole
from stanchion.errors import StepError
from stanchion.pictures.declared import draw_declared
from stanchion.pictures.style import Format, saved_as
from stanchion.plan.arguments import DrawPlot
from stanchion.plan.job import Job


def run(job: Job[DrawPlot]) -> None:
    """Draw a fit by a function of arviz_plots.

    Raises:
        StepError: it cannot be drawn; says what ArviZ says.
    """
    arguments = job.arguments
    for name, path in job.outputs.items():
        kind: Format = "svg" if name.endswith("svg") else "png"
        with open_whole(job.path("draws")) as tree, saved_as(kind):
            try:
                picture = draw_declared(arguments.function, tree, arguments.options)
            except Exception as error:
                said = " ".join(str(error).split()) or type(error).__name__
                raise StepError(
                    f"arviz_plots cannot draw {arguments.function} of this fit: {said[:300]}",
                    where=arguments.fit,
                    key="plots",
                    todo="correct its arguments, or remove it; try it on the fit's draws.nc",
                ) from error
        path.write_bytes(picture)
