"""Labels of scalars, from a table's levels and columns to the summary and to the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stanchion.draws.files import read_gated
from stanchion.steps import collect_draws
from tests.unit.datasets_cases import built, write
from tests.unit.draws_cases import job, variables, write_chains, write_json
from tests.unit.steps_cases import collecting, diagnose, read_csv

TABLE = """\
school,sex,age,education
A,f,20,1
"<b>B</b>",m,30,2
A,m,40,2
"<b>B</b>",f,50,4
"""


def summary(
    folder: Path, meta: Mapping[str, Any], parameters: str, data: Mapping[str, Any], **more: str
) -> dict[str, str]:
    """Collect draws of these parameters; return the summary's labels by Stan's names."""
    declared = variables(parameters=parameters, **more)
    names = []
    for variable in (v for block in declared.values() for v in block):
        shape = [data[size] if size in data else int(size) for size in variable.sizes]
        for index in np.ndindex(*shape[::-1]):
            names.append(".".join([variable.name, *(str(i + 1) for i in index[::-1])]))
    rng = np.random.default_rng(1)
    chains = [{name: rng.normal(size=20) for name in names} for _ in range(2)]
    inputs: dict[str, Path | list[Path]] = {
        "chains": write_chains(folder, chains),
        "data": write_json(folder / "data.json", data),
        "meta": write_json(folder / "meta.json", meta),
    }
    roles = {"observed": None, "replicated": None, "predicted": None}
    arguments = collecting(variables=declared, settings={"draws": 20}, **roles)
    outputs = {"draws": "draws.nc", "summary": "summary.csv"}
    collect_draws.run(job(folder, "collect_draws", arguments, inputs, outputs))
    rows = read_csv(folder / "summary.csv")
    assert list(rows[0])[:3] == ["variable", "label", "mean"]
    return {row["variable"]: row["label"] for row in rows}


def sizes(**labels: Sequence[str]) -> dict[str, Any]:
    """Return a meta whose sizes are columns of matrices with these labels."""
    return {"sizes": {name: {"dim": f"X_{name}", "labels": [*ls]} for name, ls in labels.items()}}


def test_design_columns_and_levels_label_the_summary_and_the_gate(tmp_path: Path) -> None:
    """A category, an interaction and the levels of a column, from the table to both ends."""
    data = built(
        write(tmp_path, "a.csv", TABLE),
        {
            "X": 'design("~ sex + education + education:age")',
            "P": "ncol(X)",
            "J": "nlevels(school)",
            "j": "index(school)",
        },
        ["int P", "real[4, P] X", "int J", "int[4] j"],
        columns={"sex": {"type": "category", "levels": ["f", "m"]}},
    )
    (tmp_path / "fit").mkdir()
    labels = summary(
        tmp_path / "fit",
        data.meta,
        "real mu; real[P] beta; real[J] theta; real[J,P] b; real[J,J] Omega; real[2] plain",
        data.values,
        transformed_parameters="real[J] slopes",
    )
    assert labels == {
        "mu": "mu",
        "beta[1]": "beta[Intercept]",
        "beta[2]": "beta[sex[T.m]]",
        "beta[3]": "beta[education]",
        "beta[4]": "beta[education:age]",
        "theta[1]": "theta[school=<b>B</b>]",
        "theta[2]": "theta[school=A]",
        **{
            f"b[{row},{column}]": f"b[school={school},{name}]"
            for row, school in enumerate(["<b>B</b>", "A"], start=1)
            for column, name in enumerate(
                ["Intercept", "sex[T.m]", "education", "education:age"], start=1
            )
        },
        "Omega[1,1]": "Omega[school=<b>B</b>,school=<b>B</b>]",
        "Omega[1,2]": "Omega[school=<b>B</b>,school=A]",
        "Omega[2,1]": "Omega[school=A,school=<b>B</b>]",
        "Omega[2,2]": "Omega[school=A,school=A]",
        "plain[1]": "plain[1]",
        "plain[2]": "plain[2]",
        "slopes[1]": "slopes[school=<b>B</b>]",
        "slopes[2]": "slopes[school=A]",
    }
    scalars = read_gated(tmp_path / "fit" / "draws.nc")
    assert dict(zip(scalars.names, scalars.labels, strict=True)) == {"lp__": "lp__", **labels}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["a", "a", "b"], ["beta[a] (beta[1])", "beta[a] (beta[2])", "beta[b]"]),
        (["2", "1", "x"], ["beta[X_P=2]", "beta[X_P=1]", "beta[x]"]),
        (["a\nb", "\x1b[31m", "ü ‮x"], ["beta[a\\nb]", "beta[\\x1b[31m]", "beta[ü \\u202ex]"]),
    ],
    ids=["twice the same", "numbers", "control characters"],
)
def test_odd_labels_stay_distinguishable(
    tmp_path: Path, columns: list[str], expected: list[str]
) -> None:
    """No two scalars share a label, none looks like another's index, none controls a terminal."""
    labels = summary(tmp_path, sizes(P=columns), "real[P] beta", {"P": 3})
    assert list(labels.values()) == expected


def test_a_verdict_says_the_labels_of_what_it_names(tmp_path: Path) -> None:
    """`where` has Stan's names, for tools, and `labels` those of these names alone."""
    meta = {"sizes": {"J": {"dim": "school", "labels": ["A", "B"], "factor": "school"}}}
    summary(tmp_path, meta, "real mu; real[J] theta", {"J": 2})
    diagnostics = diagnose(tmp_path)
    where = {name for check in diagnostics["checks"] for name in check["where"]}
    labels = {"theta[1]": "theta[school=A]", "theta[2]": "theta[school=B]"}
    assert where & labels.keys()
    assert diagnostics["labels"] == {n: labels[n] for n in sorted(where & labels.keys())}
