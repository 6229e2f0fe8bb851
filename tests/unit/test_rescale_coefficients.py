"""`original_scale`: whose coefficients, when they are planned, refused, computed and shown."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stanchion.config import load
from stanchion.draws.files import read_variable
from stanchion.errors import DeclarationError
from stanchion.plan.model import Facts, Plan
from stanchion.plan.original import coefficients
from stanchion.plan.planner import make_plan
from stanchion.runs.check import check_plan
from stanchion.stan.program import Program, Variable
from stanchion.steps import collect_draws, write_report
from tests.report_inputs import Declared, FitCase, failed_checks, report_job
from tests.unit.datasets_cases import built, write
from tests.unit.draws_cases import job, variables, write_chains, write_json
from tests.unit.steps_cases import approximate, collecting, rescale

CONFIG = """\
seed: 3
datasets:
  people:
    path: data/people.csv
    columns:
      age: {type: real, transform: standardize}
      dose: {type: real, transform: center}
    stan: {N: nrow(), X: 'design("~ age * dose")', P: ncol(X), y: y}
models: {m: {program: stan/m.stan}}
analyses:
  a:
    datasets: [people]
    models: [m]
    methods:
      nuts: {chains: 2}
      advi: {}
      optimize: {}
    original_scale: true
"""
TABLE = "age,dose,y\n20,0.5,1\n31,1.5,2\n44,0.1,3\n58,2.5,1\n63,0.7,2\n"
TEXT = """\
data {
  int<lower=0> N;
  int<lower=0> P;
  matrix[N, P] X;
  vector[N] y;
}
parameters {
  vector[P] beta;
  vector<lower=0>[P] tau;
}
model {
  beta ~ normal(0, tau);
  y ~ LIKELIHOOD;
}
"""


def program(likelihood: str = "normal(X * beta, 1)") -> Program:
    """Return a regression; `tau` is of the design's columns, too."""
    count = Variable("N", "int", 0, (), "int", "0")
    vector = Variable("beta", "vector", 1, ("P",))
    return Program(
        path="stan/m.stan",
        canonical=TEXT.replace("LIKELIHOOD", likelihood),
        data=(
            count,
            replace(count, name="P"),
            Variable("X", "matrix", 2, ("N", "P")),
            Variable("y", "vector", 1, ("N",)),
        ),
        parameters=(vector, replace(vector, name="tau", lower="0")),
        transformed_parameters=(),
        generated_quantities=(),
        includes=(),
    )


FACTS = Facts(
    programs={"m": program()},
    files={"data/people.csv": "0" * 64},
    compilers={"m": {}},
    toolchain={},
    waivers={},
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    write(tmp_path / "data", "people.csv", TABLE)
    return tmp_path


def plan(folder: Path, *edits: tuple[str, str], described: Program | None = None) -> Plan:
    """Plan the declaration with edits."""
    text = CONFIG
    for before, after in edits:
        assert before in text
        text = text.replace(before, after)
    write(folder, "config.yaml", text)
    facts = replace(FACTS, programs={"m": described or program()})
    return make_plan(load(folder / "config.yaml"), facts)


NAMED = ("original_scale: true", "original_scale: [tau]")


@pytest.mark.parametrize(
    ("likelihood", "names"),
    [
        ("normal(X * beta, 1)", ["beta"]),
        ("normal(X[n] * beta, 1)", ["beta"]),
        ("normal(dot_product(X[n], beta), 1)", ["beta"]),
        ("normal_id_glm_lpdf(y | X, alpha, beta, 1)", ["beta"]),
        ("normal(X * (beta .* tau), 1)", []),
    ],
)
def test_coefficients_are_what_the_program_multiplies_by_the_design(
    folder: Path, likelihood: str, names: list[str]
) -> None:
    """A scale of as many elements is none; what is not seen to be multiplied is to be named."""
    described = program(likelihood)
    if names:
        found = coefficients(
            plan(folder, described=described).project, "a", "people", "m", described
        )
        assert [(c.variable, c.matrix, c.axis) for c in found] == [(n, "X", 0) for n in names]
        return
    with pytest.raises(DeclarationError) as caught:
        plan(folder, described=described)
    (fault,) = caught.value.faults
    assert fault.key == "analyses.a.original_scale"
    assert (fault.allowed, fault.todo) == ("beta, tau", "name them, as in `original_scale: [beta]`")
    (step, _) = _rescaling(plan(folder, NAMED, described=described))
    assert [c["variable"] for c in step.arguments["coefficients"]] == ["tau"]


def test_a_name_that_is_no_coefficient_is_refused(folder: Path) -> None:
    """Before anything runs, with those that there are."""
    with pytest.raises(DeclarationError) as caught:
        plan(folder, ("original_scale: true", "original_scale: [beta, gamma]"))
    (fault,) = caught.value.faults
    assert fault.what == "'gamma' is no parameter of a design's columns"
    assert (fault.value, fault.allowed) == ("gamma", "beta, tau")


def _rescaling(planned: Plan) -> list[Any]:
    return [step for step in planned if step.rule == "rescale_coefficients"]


def test_asking_for_it_stales_no_fit(folder: Path) -> None:
    """Only its own step, the report and what follows that; a point has no draws to bring over."""
    without = plan(folder, ("    original_scale: true\n", ""))
    keys = {step.key for step in without}
    asked = plan(folder)
    assert {step.rule for step in asked if step.key not in keys} == {
        "rescale_coefficients",
        "write_report",
        "check_verdicts",
    }
    assert sorted(s.wildcards["method"] for s in _rescaling(asked)) == ["advi", "nuts"]
    assert not _rescaling(without)


def test_check_refuses_a_design_without_a_linear_map(folder: Path) -> None:
    """In one sentence, once for all methods; what nothing asks for is no fault."""
    spline = ("~ age * dose", "~ bs(age, df=4)")
    check_plan(plan(folder))
    check_plan(plan(folder, spline, ("    original_scale: true\n", "")))
    with pytest.raises(DeclarationError) as caught:
        check_plan(plan(folder, spline))
    (fault,) = caught.value.faults
    assert fault.what == (
        "beta of model m has no original scale: `bs(age, df=4)` is not linear in column `age`, "
        "which has `transform: standardize`"
    )
    assert fault.key == "analyses.a.original_scale"


def _fit(folder: Path) -> None:
    """Collect draws of coefficients of a design."""
    data = built(
        write(folder, "people.csv", TABLE),
        {"X": 'design("~ age * dose")', "P": "ncol(X)", "G": "2"},
        ["int P", "real[5, P] X", "int G"],
        columns={
            "age": {"type": "real", "transform": "standardize"},
            "dose": {"type": "real", "transform": "center"},
        },
    )
    rng = np.random.default_rng(5)
    names = [f"beta.{i}" for i in range(1, 5)]
    names += [f"b.{g}.{i}" for i in range(1, 5) for g in (1, 2)]
    chains = [dict(zip(names, rng.normal(size=(len(names), 100)), strict=True)) for _ in range(4)]
    inputs: dict[str, Path | list[Path]] = {
        "chains": write_chains(folder, chains),
        "data": write_json(folder / "data.json", data.values),
        "meta": write_json(folder / "meta.json", data.meta),
    }
    declared = variables(parameters="real[P] beta; real[G,P] b")
    roles = {"observed": None, "replicated": None, "predicted": None}
    arguments = collecting(variables=declared, settings={"draws": 100}, **roles)
    outputs = {"draws": "draws.nc", "summary": "summary.csv"}
    collect_draws.run(job(folder, "collect_draws", arguments, inputs, outputs))


BOTH = (("beta", 0), ("b", 1))


def test_the_joint_draws_are_brought_over(tmp_path: Path) -> None:
    """Each number is that of the draws computed by hand, a label each, with its own error.

    The intercept takes the centres of all coefficients; the sd is of the joint draws, no sum of
    their own sds.
    """
    _fit(tmp_path)
    rows = {row["label"]: row for row in rescale(tmp_path, coefficients=BOTH)}
    table = np.array([line.split(",")[:2] for line in TABLE.splitlines()[1:]], dtype=float)
    age, dose = table.T
    m, s, d = age.mean(), age.std(ddof=1), dose.mean()
    one, a, c, both = np.moveaxis(
        read_variable(tmp_path / "draws.nc", "posterior", "beta").values, 2, 0
    )
    expected = {
        "beta[Intercept]": one - a * m / s - c * d + both * m * d / s,
        "beta[age]": a / s - both * d / s,
        "beta[dose]": c - both * m / s,
        "beta[age:dose]": both / s,
    }
    assert list(rows)[:4] == list(expected)
    assert list(rows)[4:] == [f"b[{g},{n[5:-1]}]" for g in (1, 2) for n in expected]
    for label, draws in expected.items():
        assert float(rows[label]["mean"]) == pytest.approx(draws.mean(), rel=1e-12)
        assert float(rows[label]["sd"]) == pytest.approx(draws.std(ddof=1), rel=1e-12)
        assert float(rows[label]["q95"]) == pytest.approx(np.quantile(draws, 0.95), rel=1e-12)
        error = draws.std(ddof=1) / np.sqrt(draws.size)
        assert float(rows[label]["mcse_mean"]) == pytest.approx(error, rel=0.25)
        assert rows[label]["variable"] == "beta"
    group = read_variable(tmp_path / "draws.nc", "posterior", "b").values
    assert float(rows["b[2,age:dose]"]["mean"]) == pytest.approx(group[:, :, 1, 3].mean() / s)


def test_resampled_draws_have_the_errors_of_their_weights(tmp_path: Path) -> None:
    """Halved coefficients have half the mean and half the error that summary.csv has of them."""
    rng = np.random.default_rng(8)
    beta = rng.normal(size=(2, 400))
    density = -0.5 * np.square(beta).sum(axis=0)
    columns = {"beta.1": beta[0], "beta.2": beta[1], "log_g__": density}
    columns["log_p__"] = density - 0.1 * beta[0]
    step = approximate(
        tmp_path,
        columns,
        variables=variables(parameters="real[2] beta"),
        observed=None,
        replicated=None,
        predicted=None,
    )
    halves = {"labels": ["a", "b"], "columns": [[[0, 0.5]], [[1, 0.5]]]}
    write_json(tmp_path / "meta.json", {"sizes": {}, "original_scale": {"X": halves}})
    with step.outputs["summary"].open(newline="") as file:
        summary = list(csv.DictReader(file))
    for row, of_summary in zip(rescale(tmp_path), summary, strict=True):
        for name in ("mean", "mcse_mean", "mcse_sd"):
            assert float(row[name]) == pytest.approx(float(of_summary[name]) / 2, rel=1e-9)
        assert float(row["ess_bulk"]) == pytest.approx(float(of_summary["ess_bulk"]))


def test_a_failed_fit_has_none(tmp_path: Path) -> None:
    """The table has no rows, whatever the draws are."""
    _fit(tmp_path)
    assert rescale(tmp_path, "fail") == []
    assert (tmp_path / "original_scale.csv").read_text() == "variable,label\n"


def _row(label: str, mean: float) -> str:
    return f'beta,"{label}",{mean},1.0,0.5,0.4,0.1,1.9,0.01,0.01,900,900,1.001\n'


HEADER = "variable,label,mean,median,sd,mad,q5,q95,mcse_mean,mcse_sd,ess_bulk,ess_tail,rhat\n"


def test_the_report_shows_them_beside_the_estimates(tmp_path: Path) -> None:
    """Of the fits that may be used, with the digits that their errors support; or why not."""
    rescaled = HEADER + _row("beta[<i>age</i>]", 1.23456) + _row("beta[dose, mg]", 7.0)
    maps = {"X": {"labels": ["age"], "columns": [[[0, 1.0]]]}}
    declared = Declared(original_scale=rescaled, meta={"original_scale": maps})
    fits = [FitCase("partial", "nuts"), FitCase("bad", "nuts", checks=failed_checks())]
    task = report_job(tmp_path, fits, declared)
    write_report.run(task)
    page = task.outputs["report"].read_text()
    section = page.split('id="estimates"')[1].split("</section>")[0]
    assert section.count("On the scale of the columns") == 1
    assert "beta[&lt;i&gt;age&lt;/i&gt;]" in section
    assert "beta[dose, mg]" in section
    assert "<td>1.23</td>" in section and "1.2346" not in section
    assert "partial/nuts/original_scale.csv" in section

    why = {"X": {"because": "`bs(age)` is not linear in column `age`"}}
    (tmp_path / "why").mkdir()
    declared = Declared(original_scale="variable,label\n", meta={"original_scale": why})
    task = report_job(tmp_path / "why", fits[:1], declared)
    write_report.run(task)
    page = task.outputs["report"].read_text()
    assert "beta has no other scale: `bs(age)` is not linear in column `age`." in page
    assert "On the scale of the columns" not in page
