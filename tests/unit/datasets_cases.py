"""A small table, its declaration and a program's `data` block, for the tests of datasets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stanchion.config import Dataset
from stanchion.datasets import NewRows, StanData, build, stan_json
from stanchion.errors import DataError, Fault
from stanchion.stan.program import Variable

SCHOOLS = """\
school,state,effect,se,size
A,NY,28,15,310
B,NY,8,10,95
C,CA,-3,16,120
D,MA,7,11,205
"""


def data_block(*declarations: str) -> list[Variable]:
    """Return variables from texts such as `int N` and `real[N, K] X`."""
    variables = []
    for text in declarations:
        match = re.fullmatch(r"(\w+)(?:\[(.*)\])? (\w+)", text)
        assert match is not None
        sizes = tuple(size.strip() for size in match[2].split(",")) if match[2] else ()
        variables.append(Variable(match[3], match[1], len(sizes), sizes))
    return variables


def write(folder: Path, name: str, text: str) -> Path:
    """Write a text, UTF-8, and return its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def built(
    path: Path,
    stan: Mapping[str, Any],
    declarations: list[str],
    *,
    others: Mapping[str, Dataset] | None = None,
    mapping: Mapping[str, Any] | None = None,
    new_rows: NewRows | None = None,
    **declared: Any,
) -> StanData:
    """Build dataset `schools` at a path, its values as Stan reads them; `mapping` overrides."""
    dataset = Dataset.model_validate({"path": str(path), "stan": dict(stan), **declared})
    others = dict(others or {})
    tables = {name: Path(str(other.path)) for name, other in others.items()}
    data = build(
        "schools",
        dataset,
        {**stan, **(mapping or {})},
        data_block(*declarations),
        {"schools": path, **tables},
        others,
        new_rows,
        where=lambda key: f"config/config.yaml:{len(key)}",
        model="pooled",
    )
    return replace(data, values=stan_json.loads(stan_json.dumps(data.values)))


def faults(
    path: Path, stan: Mapping[str, Any], declarations: list[str], **rest: Any
) -> list[Fault]:
    """Return the faults of what cannot be built."""
    with pytest.raises(DataError) as caught:
        built(path, stan, declarations, **rest)
    return list(caught.value.faults)
