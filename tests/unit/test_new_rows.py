"""New rows: a fit has none of them, its generated quantities have them afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stanchion.config import load
from stanchion.datasets import NewRows
from stanchion.datasets.expressions import SIGNATURES
from stanchion.draws.files import read_group
from stanchion.draws.naming import Declared
from stanchion.draws.quantities import Quantities, with_quantities, write_parameters
from stanchion.draws.stan_csv import Chains
from stanchion.errors import DeclarationError
from stanchion.plan.model import Facts, Plan, Step
from stanchion.plan.planner import make_plan
from stanchion.runs.check import check_plan, notes_of
from stanchion.schema.references import FUNCTIONS
from stanchion.stan.blocks import used_before_quantities
from stanchion.stan.program import Program, Variable
from tests.unit.datasets_cases import SCHOOLS, built, faults, write
from tests.unit.steps_cases import approximate, chain, collect
from tests.unit.test_approximations import drawn

CONFIG = """\
seed: 3
datasets:
  points:
    path: data/points.csv
    columns: {x: {type: real, transform: center}}
    stan: {N: nrow(), x: x, N_new: new.N, x_new: new.x}
  new: {path: data/new.csv}
models: {m: {program: stan/m.stan}}
analyses:
  a:
    datasets: [points]
    models: [m]
    methods:
      nuts: {chains: 2}
      advi: {}
    prior_predictive: {draws: 100}
    posterior_predictive: {observed: x, replicated: x_rep}
    predict: {variable: y_new, dataset: new}
"""
TEXT = """\
data {
  int<lower=0> N;
  vector[N] x;
  int<lower=0> N_new;
  vector[N_new] x_new;
  int<lower=0, upper=1> prior_only;
}
transformed data {
  int M = N + N_new;
  real centre = mean(x);
  vector[N_new] shifted;
  for (n in 1 : N_new) {
    shifted[n] = x_new[n] - centre;
  }
}
parameters {
  real mu;PARAMETER
}
model {
  mu ~ normal(centre, 1);
  print("without N_new and x_new");
  if (!prior_only) {
    x ~ normal(mu, 1);
  }
}
generated quantities {
  vector[N] x_rep = x;
  array[N_new] real y_new = normal_rng(mu + shifted, 1);
}
"""


def program(parameter: str = "", upper: str = "") -> Program:
    n = Variable("N", "int", 0, (), "int", "0")
    x = Variable("x", "vector", 1, ("N",))
    return Program(
        path="stan/m.stan",
        canonical=TEXT.replace("PARAMETER", parameter),
        data=(
            n,
            x,
            replace(n, name="N_new"),
            replace(x, name="x_new", sizes=("N_new",), upper=upper),
            replace(n, name="prior_only"),
        ),
        parameters=(Variable("mu", "real", 0, ()),),
        transformed_parameters=(),
        generated_quantities=(replace(x, name="x_rep"), Variable("y_new", "real", 1, ("N_new",))),
        includes=(),
    )


FACTS = Facts(
    programs={"m": program()},
    files={"data/points.csv": "0" * 64, "data/new.csv": "1" * 64},
    compilers={"m": {}},
    toolchain={},
    waivers={},
)
Planned = Callable[..., Plan]


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planned:
    """Plan the declaration with another program, or with other new rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    write(tmp_path / "data", "points.csv", "x\n4\n8\n")
    write(tmp_path / "data", "new.csv", "x\n7\n")

    def make(described: Program | None = None, new: str = "1" * 64, **edits: str) -> Plan:
        text = CONFIG
        for old, changed in edits.items():
            text = text.replace(old, changed)
        write(tmp_path, "config.yaml", text)
        files = {**FACTS.files, "data/new.csv": new, "new.py": new, "new.lock": "2" * 64}
        facts = replace(FACTS, programs={"m": described or program()}, files=files)
        return make_plan(load(tmp_path / "config.yaml"), facts)

    return make


def test_an_edit_of_the_new_rows_stales_no_chain(planned: Planned) -> None:
    """Their data, the quantities, the draws and what follows: no fit's data, chain or prior."""
    keys = {step.key for step in planned()}
    assert {step.rule for step in planned(new="2" * 64) if step.key not in keys} == {
        "prepare_quantities_data",
        "generate_quantities",
        "collect_draws",
        "diagnose_fit",
        "predict_outcomes",
        "write_report",
        "check_verdicts",
    }


def test_a_script_that_makes_new_rows_stales_no_chain(planned: Planned) -> None:
    """An edit of it makes their table anew, then the quantities, as an edit of the rows does."""
    by_script = {"{path: data/new.csv}": "{script: new.py, lock: new.lock}"}
    plan = planned(**by_script)
    keys = {step.key for step in plan}
    assert {s.rule for s in planned(new="3" * 64, **by_script) if s.key not in keys} == {
        "make_table",
        "prepare_quantities_data",
        "generate_quantities",
        "collect_draws",
        "diagnose_fit",
        "predict_outcomes",
        "write_report",
        "check_verdicts",
    }
    (note,) = notes_of(plan)
    assert "the table of dataset new is not made yet" in note
    check_plan(plan)


def test_each_step_reads_the_data_that_it_is_of(planned: Planned) -> None:
    """Chains and prior read data without new rows; quantities, draws and report those with them."""
    fitted, whole = "results/a/points/data.m.json", "results/a/points/m/data.new.json"
    read = {
        rule: {path for s in planned() if s.rule == rule for path in _paths(s)}
        for rule in ("sample_chain", "sample_prior", "generate_quantities", "collect_draws")
    }
    assert all(fitted in read[rule] and whole not in read[rule] for rule in list(read)[:2])
    assert all(whole in read[rule] and fitted not in read[rule] for rule in list(read)[2:])
    (prepared,) = [s for s in planned() if s.rule == "prepare_data"]
    assert prepared.inputs == {"points": "data/points.csv"}


def _paths(step: Step) -> list[str]:
    return [p for v in step.inputs.values() for p in (v if isinstance(v, list) else [v])]


@pytest.mark.parametrize(
    ("parameter", "upper", "named"),
    [
        ("\n  vector[N_new] f;", "", "N_new"),
        ("\n  vector[M] f;", "", "M"),
        ("\n  vector<offset=shifted[1]>[N] f;", "", "shifted"),
        ("", "max(x)", "x_new"),
    ],
)
def test_a_program_that_fits_with_new_rows_has_them(
    planned: Planned, parameter: str, upper: str, named: str
) -> None:
    """Sizes, and bounds that a fitted row may not keep: the fit takes them, and `check` says so."""
    plan = planned(program(parameter, upper))
    assert not [step for step in plan if step.rule == "generate_quantities"]
    (prepared,) = [step for step in plan if step.rule == "prepare_data"]
    assert set(prepared.inputs) == {"points", "new"}
    (note,) = notes_of(plan)
    assert f"uses {named}" in note and "an edit of dataset new samples its chains anew" in note
    assert notes_of(planned()) == []


def test_data_are_derived_through_transformed_data_only() -> None:
    """What is computed from other data, or said in a text, is no use of the new rows."""
    assert (
        used_before_quantities(TEXT.replace("PARAMETER", ""), frozenset({"N_new", "x_new"})) == ()
    )


def test_a_lookup_in_the_new_rows_dataset_is_read_for_the_fit(planned: Planned) -> None:
    """A value a level comes from its rows whoever predicts them."""
    plan = planned(**{"N: nrow(),": "N: nrow(), u: new.x(x),"})
    (prepared,) = [step for step in plan if step.rule == "prepare_data"]
    assert set(prepared.inputs) == {"points", "new"}
    assert set(SIGNATURES) == FUNCTIONS


def test_the_first_fitted_row_stands_in(tmp_path: Path) -> None:
    """After sorting, by every kind of expression; the file of the new rows is not looked at."""
    path = write(tmp_path, "schools.csv", SCHOOLS)
    data = built(
        path,
        {
            "J": "nlevels(state)",
            "x": "effect",
            "g": "index(state)",
            "M": ["effect", "se"],
            "X": 'design("~ 1 + scale(se)")',
            "N_new": "new.nrow()",
            "J_new": "new.J",
            "x_new": "new.x",
            "g_new": "new.g",
            "M_new": "new.M",
            "X_new": "new.X",
        },
        [
            "int N_new",
            "int J_new",
            "real[N_new] x_new",
            "int[N_new] g_new",
            "real[N_new, 2] M_new",
            "real[4, 2] X",
            "real[N_new, 2] X_new",
        ],
        columns={"effect": {"type": "real", "transform": "center"}},
        sort=["effect"],
        new_rows=NewRows("new", taken=False),
    )
    values = data.values
    first = {"N_new": 1, "J_new": 3, "x_new": [-13], "g_new": [1], "M_new": [[-13, 16]]}
    assert {name: values[name] for name in first} == first
    assert values["X_new"] == values["X"][:1]


@pytest.mark.parametrize("block", ["real[2] x_new", "real[N_new] x_new"])
def test_a_program_that_refuses_the_stand_in(tmp_path: Path, block: str) -> None:
    """A fixed number of rows, or a bound that it does not keep: one sentence says what to do."""
    path = write(tmp_path, "schools.csv", SCHOOLS)
    bounded = {"x_new": Variable("x_new", "real", 1, ("N_new",), "real", "40")}
    (fault,) = (
        faults(path, MAPPING, ["int N_new", block], new_rows=NewRows("new", taken=False))
        if "2" in block
        else _bounded_faults(path, bounded["x_new"])
    )
    assert fault.key == "datasets.schools.stan.x_new"
    assert fault.todo is not None and "its first row stands in" in fault.todo


MAPPING = {"x": "effect", "N_new": "new.nrow()", "x_new": "new.x"}


def _bounded_faults(path: Path, variable: Variable) -> Any:
    from stanchion.config import Dataset
    from stanchion.datasets import build
    from stanchion.errors import DataError

    declared = Dataset.model_validate({"path": str(path), "stan": MAPPING})
    with pytest.raises(DataError) as caught:
        build(
            "schools", declared, MAPPING, [variable], {"schools": path}, {}, NewRows("new", False)
        )
    return caught.value.faults


def test_check_looks_at_the_new_rows_too(planned: Planned, tmp_path: Path) -> None:
    """Data without them are in order, those with them are not: the fault names the new file."""
    plan = planned()
    check_plan(plan)
    write(tmp_path / "data", "new.csv", "x\nmany\n")
    with pytest.raises(DeclarationError) as caught:
        check_plan(plan)
    (fault,) = caught.value.faults
    assert fault.where == "data/new.csv:2"


Y_NEW = {
    "a": Declared("a", "parameters", "real", ()),
    "y": Declared("y", "generated_quantities", "real", ()),
}


def test_quantities_take_the_place_of_those_of_the_chains() -> None:
    """All of them, with their messages; of the warm-up what there is stays."""
    chains = Chains(("lp__", "a", "y.1"), np.arange(12.0).reshape(2, 2, 3), 10, ("old",), "2.39.0",
                    warmup=np.arange(6.0).reshape(2, 1, 3))  # fmt: skip
    quantities = Quantities(("y.1", "y.2"), -np.arange(8.0).reshape(2, 2, 2), ("new",))
    joined = with_quantities(chains, quantities, Y_NEW)
    assert joined.columns == ("lp__", "a", "y.1", "y.2") and joined.messages == ("new",)
    np.testing.assert_array_equal(joined.values[:, :, :2], chains.values[:, :, :2])
    np.testing.assert_array_equal(joined.values[:, :, 2:], quantities.values)
    assert joined.warmup is not None
    np.testing.assert_array_equal(joined.warmup[0, 0], [0, 1, 2, np.nan])


def test_quantities_are_written_the_same_and_read_as_they_were(tmp_path: Path) -> None:
    """Values with NaN and infinities, names and messages; the bytes hold no clock."""
    values = np.array([[[1.5, np.nan, np.inf]]])
    quantities = Quantities(("y", "z.1", "z.2"), values, ("chain 1, once: µ",))
    for name in ("one", "two"):
        quantities.write(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    again = Quantities.read(tmp_path / "one")
    assert (again.columns, again.messages) == (quantities.columns, quantities.messages)
    np.testing.assert_array_equal(again.values, values)


def test_parameters_are_written_to_the_last_bit(tmp_path: Path) -> None:
    """What is read back is what was drawn."""
    drawn = np.random.default_rng(1).normal(size=(50, 3)) * 10.0 ** np.arange(-150, 151, 150)
    write_parameters(["a", "b.1", "b.2"], drawn, tmp_path / "fitted.csv")
    read = np.loadtxt(tmp_path / "fitted.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(read, drawn)


def test_predictions_of_a_fit_are_those_generated(tmp_path: Path) -> None:
    """Of each chain its own, under their group."""
    chains = [chain(seed) for seed in (1, 2)]
    collect(tmp_path, chains)
    before = read_group(tmp_path / "draws.nc", "posterior")["mu"]
    columns = [
        name for name in chains[0] if name.partition(".")[0] in ("log_lik", "y_rep", "y_new")
    ]
    values = np.stack([np.stack([c[name] + 100 for name in columns], axis=1) for c in chains])
    Quantities(tuple(columns), values).write(tmp_path / "quantities.npz")
    collect(tmp_path, chains, quantities=tmp_path / "quantities.npz")
    predicted = read_group(tmp_path / "draws.nc", "predictions")["y_new"]
    expected = [np.stack([c["y_new.1"], c["y_new.2"]], axis=1) + 100 for c in chains]
    np.testing.assert_array_equal(predicted, expected)
    np.testing.assert_array_equal(read_group(tmp_path / "draws.nc", "posterior")["mu"], before)


def test_predictions_of_an_approximation_are_resampled_as_its_draws(tmp_path: Path) -> None:
    """A draw and its prediction keep together, in the posterior and in the proposal."""
    columns = drawn()
    names = [name for name in columns if name.partition(".")[0] in ("log_lik", "y_rep", "y_new")]
    generated = {name: columns["mu"] * 7 if "y_new" in name else columns[name] for name in names}
    values = np.stack(list(generated.values()), axis=1)[None]
    Quantities(tuple(names), values).write(tmp_path / "quantities.npz")
    approximate(tmp_path, columns, quantities=tmp_path / "quantities.npz")
    mu = read_group(tmp_path / "draws.nc", "posterior")["mu"]
    predicted = read_group(tmp_path / "draws.nc", "predictions")["y_new"]
    np.testing.assert_array_equal(predicted[:, :, 1], 7 * mu)
    assert len(np.unique(mu)) < mu.size
    raw = read_group(tmp_path / "draws.nc", "proposal")
    np.testing.assert_array_equal(raw["y_new"][:, :, 0], 7 * raw["mu"])
