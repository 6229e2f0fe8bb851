"""draws.nc → diagnostics.json and rank plots: the verdict of a fit. It always succeeds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stanchion.draws.files import (
    Scalars,
    read_gated,
    read_generated,
    read_group,
    read_messages,
)
from stanchion.stats import gate
from stanchion.stats.scan import Findings, scan
from stanchion.steps.job import Job
from stanchion.strict_json import write_json


def run(job: Job) -> None:
    """Check a fit, waive what is waived, and write the verdict."""
    told = job.arguments
    nuts = told["method"] == "nuts"
    scalars = read_gated(job.path("draws"))
    stats = read_group(job.path("draws"), "sample_stats")
    found = scan(scalars.values, scalars.variables)
    found_checks = [*_checks(told, scalars, found, stats), _generated(job.path("draws"), told)]
    checks = gate.waive(found_checks, told["waivers"])
    content = {
        "schema": "stanchion/diagnostics/1",
        "verdict": gate.verdict(checks),
        "method": told["method"],
        "checks": [check.as_json() for check in checks],
        "notes": gate.notes(scalars.names, found, unused=() if nuts else ("lp__",)),
    }
    write_json(content, job.outputs["diagnostics"])
    job.outputs["picture"].write_bytes(_picture(told, scalars, found))


def _generated(draws: Path, told: Any) -> gate.Check:
    generated = [(one.names, one.not_finite) for one in read_generated(draws)]
    return gate.generated_check(generated, used=told["uses"], messages=read_messages(draws))


def _checks(
    told: Any, scalars: Scalars, found: Findings, stats: dict[str, Any]
) -> list[gate.Check]:
    if told["method"] == "nuts":
        return gate.nuts_checks(
            scalars.names,
            found,
            gate.Sampler.of(stats),
            chains=scalars.values.shape[0],
            thresholds=told["checks"],
        )
    ratios = (stats["log_p"] - stats["log_g"]).ravel()
    return gate.approximation_checks(scalars.names, found, ratios, thresholds=told["checks"])


def _picture(told: Any, scalars: Scalars, found: Findings) -> bytes:
    """Draw the ranks of the worst of the shown parameters, worst first."""
    from stanchion import pictures

    if scalars.values.shape[0] == 1:
        return pictures.placeholder("ranks compare chains, and this fit has one")
    shown = [place for place in _shown(scalars.names, told["parameters"]) if _varies(found, place)]
    if not shown:
        return pictures.placeholder("no quantity of this fit varies")
    worst = sorted(shown, key=lambda place: -np.nan_to_num(found.rhat[place], nan=np.inf))
    places = worst[: pictures.MOST_RANKED]
    return pictures.ranks(
        [scalars.names[place] for place in places],
        np.moveaxis(scalars.values[:, :, places], 2, 0),
        found.rhat[places],
    )


def _shown(names: Sequence[str], parameters: Sequence[str] | None) -> list[int]:
    bases = [re.split(r"[\[.]", name, maxsplit=1)[0] for name in names]
    return [p for p, base in enumerate(bases) if parameters is None or base in parameters]


def _varies(found: Findings, place: int) -> bool:
    return not (found.constant[place] or found.unsound[place] or found.unfilled[place])
