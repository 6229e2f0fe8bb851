"""draws.nc → one declared picture of a fit, whatever its verdict, or why there is none."""

from __future__ import annotations

import re

from stanchion.draws.files import open_whole
from stanchion.draws.labels import factors
from stanchion.pictures.catalogue import OWN_PLOTS
from stanchion.pictures.declared import draw_declared
from stanchion.pictures.style import Format, placeholder, saved_as
from stanchion.plan.arguments import DrawPlot
from stanchion.plan.job import Job
from stanchion.system.strict_json import write_json

_SET = re.compile(r"\{('[^{}]*')\}")
_LONGEST = 300
"""Characters of what a function says."""


def run(job: Job[DrawPlot]) -> None:
    """Draw a fit by the declared function; the picture says why where that cannot.

    A failure is left to `check_verdicts`, so that the report is made all the same.
    """
    arguments, because = job.arguments, None
    for name, path in job.outputs.items():
        if name == "judgement":
            continue
        kind: Format = "svg" if name.endswith("svg") else "png"
        with open_whole(job.path("draws")) as tree, saved_as(kind):
            try:
                picture = draw_declared(
                    arguments.function,
                    tree,
                    arguments.options,
                    arguments.outcome_title,
                    factors(tree),
                )
            except Exception as error:
                drawer = "Stanchion" if arguments.function in OWN_PLOTS else "arviz_plots"
                because = f"{drawer} cannot draw {arguments.function} of it: {_text(error)}"
                picture = placeholder(because, f"Not made, because {because}.")
        path.write_bytes(picture)
    judgement = {"schema": "stanchion/plot/1", "because": because}
    write_json(judgement, job.outputs["judgement"])


def _text(error: Exception) -> str:
    """Return what an error says, the same in each process: a set in it has no order of its own."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = _SET.sub(lambda match: f"{{{', '.join(sorted(match[1].split(', ')))}}}", text)
    return text[:_LONGEST].rstrip(".")
