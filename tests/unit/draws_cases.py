"""Stan CSV files, declarations and jobs for the tests of draws and of what is made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_jsonable_python

from stanchion.draws.stan_csv import Chains, read_chains
from stanchion.plan.argument_json import read_arguments
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import Job
from stanchion.stan.program import Variable
from stanchion.stan.rows import Rows

SAMPLE = """\
# method = sample (Default)
#   sample
#     num_samples = {draws}
#     num_warmup = 1000 (Default)
#     save_warmup = false (Default)
#     thin = 1 (Default)
#           max_depth = 10 (Default)
# id = 1 (Default)
"""
VARIATIONAL = "# method = variational\n#     output_samples = {draws}\n"
FOOTER = """\
#
#  Elapsed Time: 0.017 seconds (Warm-up)
#                0.007 seconds (Sampling)
#                0.024 seconds (Total)
#
"""
SAMPLER = {
    "lp__": -5.5,
    "accept_stat__": 0.9,
    "stepsize__": 0.5,
    "treedepth__": 3.0,
    "n_leapfrog__": 7.0,
    "divergent__": 0.0,
}
Columns = Mapping[str, NDArray[np.float64]]


def nuts_text(columns: Columns, seed: int = 1, **sampler: Any) -> str:
    """Return a chain's Stan CSV; energy and log density move, so that no check stumbles on them."""
    draws = len(next(iter(columns.values())))
    rng = np.random.default_rng(seed)
    moving = {"lp__": rng.normal(size=draws), "energy__": rng.normal(size=draws)}
    filled = {**SAMPLER, **moving, **sampler}
    stats = {name: np.broadcast_to(value, draws) for name, value in filled.items()}
    return SAMPLE.format(draws=draws) + table({**stats, **columns}) + FOOTER


def advi_text(columns: Columns) -> str:
    """Return an approximation's Stan CSV; the first row is the mean."""
    draws = len(next(iter(columns.values()))) - 1
    return VARIATIONAL.format(draws=draws) + table(columns)


def table(columns: Columns) -> str:
    """Return header and rows, each number as the shortest text that reads back the same."""
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(repr, row)) for row in rows)]) + "\n"


def write_chains(folder: Path, chains: Sequence[Columns], **sampler: Any) -> list[Path]:
    """Write a chain a file."""
    paths = [folder / f"chain_{number}.csv" for number in range(1, len(chains) + 1)]
    for seed, (path, columns) in enumerate(zip(paths, chains, strict=True), start=1):
        path.write_text(nuts_text(columns, seed, **sampler))
    return paths


def read_whole(paths: Sequence[Path], keep: Sequence[str] = ()) -> Chains:
    """Read files that hold the rows that the first one's header says."""
    text = paths[0].read_text()
    output = dict(re.findall(r"#\s*(\w+) = (\w+)", text))
    if output["method"] == "variational":
        return read_chains(paths, Rows(int(output["output_samples"]), before=1, footer=False), keep)
    warmup, draws = (
        -(-int(output[f"num_{n}"]) // int(output["thin"])) for n in ("warmup", "samples")
    )
    return read_chains(paths, Rows(draws, before=warmup * (output["save_warmup"] == "true")), keep)


def variables(**blocks: str) -> dict[str, tuple[Variable, ...]]:
    """Return declarations from texts such as `parameters="real mu, real[J] theta"`."""
    declared: dict[str, tuple[Variable, ...]] = {}
    for block in ("parameters", "transformed_parameters", "generated_quantities"):
        texts = [text for text in blocks.get(block, "").split("; ") if text]
        declared[block] = tuple(_variable(*text.split(" ", 1)) for text in texts)
    return declared


def _variable(kind: str, name: str) -> Variable:
    base, _, inside = kind.rstrip("]").partition("[")
    sizes = [size for size in inside.split(",") if size]
    return Variable(name, base, len(sizes), tuple(sizes))


def job(
    folder: Path,
    step: str,
    arguments: Mapping[str, Any],
    inputs: Mapping[str, Path | list[Path]],
    outputs: Mapping[str, str],
) -> Job[Any]:
    """Return a step's job that writes into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    staged = {name: folder / file for name, file in outputs.items()}
    typed = read_arguments(STEPS[step].arguments, to_jsonable_python(arguments), step)
    return Job(step, "0" * 64, typed, inputs, staged, folder / "log")


def write_json(path: Path, content: Any) -> Path:
    """Write JSON and return the path."""
    path.write_text(json.dumps(content))
    return path
