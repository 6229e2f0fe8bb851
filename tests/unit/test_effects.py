"""Conditional effects: the grid, the numbers on it, what is refused, and what runs again."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from stanchion.config import Dataset, load
from stanchion.datasets import GridRequest, NewRows, StanData, build
from stanchion.errors import DataError, DeclarationError, Fault
from stanchion.plan.catalogue import STEPS
from stanchion.plan.model import Facts, Plan
from stanchion.plan.planner import make_plan
from stanchion.runs.check import check_plan
from stanchion.stan.program import Program, Variable
from tests.unit.pictures_cases import figures_of
from tests.unit.steps_cases import read_csv, summarise

RNG = np.random.default_rng(20261121)
ROWS = 37
TABLE = pd.DataFrame(
    {
        "age": RNG.uniform(18, 80, ROWS),
        "dose": RNG.uniform(0, 20, ROWS),
        "visits": RNG.choice([1, 2, 3, 5, 8, 13], ROWS),
        "party": RNG.choice(["dem", "ind", "rep"], ROWS),
        "smokes": RNG.choice(["true", "false"], ROWS),
        "y": RNG.normal(size=ROWS),
    }
)
COLUMNS = {
    "dose": {"type": "real", "transform": "standardize"},
    "smokes": {"type": "bool"},
}
MAPPING = {
    "N": "nrow()",
    "X": 'design("~ dose * party + bs(age, df=5) + smokes")',
    "P": "ncol(X)",
    "n": "visits",
    "y": "y",
    "N_new": "new.N",
    "X_new": "new.X",
    "n_new": "new.n",
}
BLOCK = (
    Variable("N", "int", 0, ()),
    Variable("P", "int", 0, ()),
    Variable("X", "matrix", 2, ("N", "P")),
    Variable("y", "vector", 1, ("N",)),
    Variable("N_new", "int", 0, ()),
    Variable("X_new", "matrix", 2, ("N_new", "P")),
    Variable("n_new", "int", 1, ("N_new",)),
)


def grid_data(
    folder: Path,
    *of: str,
    table: pd.DataFrame = TABLE,
    outcome: str | None = "y",
    mapping: dict[str, str] | None = None,
    columns: dict[str, Any] | None = None,
    variables: Sequence[Variable] = BLOCK,
    over: dict[str, dict[str, Any]] | None = None,
) -> StanData:
    """Return the data of a program on the grid of these effects."""
    path = folder / "points.csv"
    table.to_csv(path, index=False)
    declared = Dataset.model_validate(
        {"path": str(path), "columns": COLUMNS if columns is None else columns}
    )
    spans = {column: {**WHOLE, **span} for column, span in (over or {}).items()}
    new = NewRows("new", taken=False, grid=GridRequest(of, outcome, over=spans))
    stan = MAPPING if mapping is None else mapping
    return build("points", declared, stan, variables, {"points": path}, {}, new)


WHOLE = {"lower": None, "upper": None, "values": None}


def spline(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the B-splines of age, by their definition: cubic, inner knots at the terciles.

    The first one is left out, as an intercept stands beside them.
    """
    age = TABLE["age"].to_numpy()
    inner = np.quantile(age, [1 / 3, 2 / 3])
    knots = np.concatenate([[age.min()] * 4, inner, [age.max()] * 4])
    return BSpline.design_matrix(values, knots, 3).toarray()[:, 1:]


def design(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return the design of rows, computed here from the fitted table."""
    dose = (rows["dose"] - TABLE["dose"].mean()) / TABLE["dose"].std()
    parties = [(rows["party"] == level).to_numpy(float) for level in ("ind", "rep")]
    smokes = rows["smokes"].to_numpy(float)
    dose = dose.to_numpy()
    columns = {
        "Intercept": np.ones(len(rows)),
        "dose": dose,
        "party[T.ind]": parties[0],
        "party[T.rep]": parties[1],
        "smokes": smokes,
        "dose:party[T.ind]": dose * parties[0],
        "dose:party[T.rep]": dose * parties[1],
    }
    return np.column_stack([*columns.values(), spline(rows["age"].to_numpy())])


def declared_order(data: StanData) -> list[int]:
    """Return where the columns of `design` stand in the program's matrix."""
    labels = data.meta["sizes"]["P"]["labels"]
    plain = ["Intercept", "dose", "party[T.ind]", "party[T.rep]", "dose:party[T.ind]"]
    names = [*plain[:4], "smokes", "dose:party[T.ind]", "dose:party[T.rep]"]
    splines = [label for label in labels if label.startswith("bs(")]
    smokes = next(label for label in labels if label.startswith("smokes"))
    return [labels.index(n) for n in (smokes if n == "smokes" else n for n in (*names, *splines))]


HELD = {
    "age": TABLE["age"].mean(),
    "dose": TABLE["dose"].mean(),
    "party": "dem",
    "smokes": 0,
}


def test_a_grid_is_the_design_of_its_rows(tmp_path: Path) -> None:
    """A spline, a standardised column, an interaction and levels; the others are held.

    Means and reference levels are those of the fitted rows, and so are scales and knots.
    """
    data = grid_data(tmp_path, "age", "dose:party", "smokes")
    age = np.linspace(TABLE["age"].min(), TABLE["age"].max(), 50)
    dose = np.linspace(TABLE["dose"].min(), TABLE["dose"].max(), 50)
    rows = [{**HELD, "age": value} for value in age]
    rows += [{**HELD, "dose": v, "party": p} for p in ("dem", "ind", "rep") for v in dose]
    rows += [{**HELD, "smokes": value} for value in (0, 1)]
    assert data.values["N_new"] == len(rows) == 202
    made = np.asarray(data.values["X_new"])[:, declared_order(data)]
    np.testing.assert_allclose(made, design(pd.DataFrame(rows)), rtol=1e-9, atol=1e-9)
    median = sorted(TABLE["visits"])[(ROWS - 1) // 2]
    assert set(data.values["n_new"]) == {median}
    held = {entry["column"]: (entry["value"], entry["how"]) for entry in data.meta["grid"]["held"]}
    assert held["party"] == ("dem", "reference level")
    assert held["smokes"] == ("false", "first level") or held["smokes"][1] == "reference level"
    assert held["visits"] == (median, "median")
    assert held["dose"][0] == pytest.approx(TABLE["dose"].mean(), rel=1e-12)


def test_the_fitted_rows_are_those_of_the_fit(tmp_path: Path) -> None:
    """A grid changes nothing of the data that the fit has, and the outcome stands beside it."""
    data = grid_data(tmp_path, "age")
    expected = design(TABLE.assign(smokes=TABLE["smokes"] == "true"))
    np.testing.assert_allclose(
        np.asarray(data.values["X"])[:, declared_order(data)], expected, rtol=1e-9, atol=1e-9
    )
    observed = data.meta["grid"]["observed"]
    assert observed["outcome"] == "y" and observed["values"] == TABLE["y"].tolist()
    assert observed["columns"] == {"age": TABLE["age"].tolist()}


LINKS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "identity": lambda eta: eta,
    "exp": np.exp,
    "logit": lambda eta: 1 / (1 + np.exp(-eta)),
}


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize(
    ("intervals", "tails"),
    [(None, (0.05, 0.95)), ({"prob": 0.8, "kind": "equal_tailed"}, (0.1, 0.9))],
)
def test_a_band_is_that_of_the_draws(
    tmp_path: Path, link: str, intervals: dict[str, Any] | None, tails: tuple[float, float]
) -> None:
    """Mean and ends equal those of the link of X_grid β over the posterior draws, to 1e-9."""
    data = grid_data(tmp_path, "age", "dose:party")
    matrix = np.asarray(data.values["X_new"])
    beta = np.random.default_rng(5).normal(0, 0.4, size=(4, 250, matrix.shape[1]))
    drawn = LINKS[link](beta @ matrix.T)
    content = summarise(tmp_path, data.meta["grid"], drawn, intervals=intervals)
    flat = drawn.reshape(-1, drawn.shape[2])
    low, high = np.quantile(flat, tails, axis=0)
    numbers = np.array(
        [
            [row["mean"], row["lower"], row["upper"]]
            for effect in content["effects"]
            for line in effect["lines"]
            for row in line["rows"]
        ]
    )
    assert numbers.shape == (200, 3)
    expected = np.stack([flat.mean(axis=0), low, high], axis=1)
    np.testing.assert_allclose(numbers, expected, rtol=1e-9, atol=1e-9)
    table = read_csv(tmp_path / "effects.csv")
    columns = ["predictor", "value", "by", "by_value", "mean", "lower", "upper"]
    assert list(table[0]) == columns
    written = [[float(row[name]) for name in ("mean", "lower", "upper")] for row in table]
    np.testing.assert_array_equal(written, numbers)
    assert [row["by_value"] for row in table[50:]] == ["dem"] * 50 + ["ind"] * 50 + ["rep"] * 50
    assert {row["by"] for row in table[:50]} == {""}
    np.testing.assert_array_equal(
        [float(row["value"]) for row in table[:50]],
        np.linspace(TABLE["age"].min(), TABLE["age"].max(), 50),
    )


def test_lines_of_the_prior_stand_beside_the_band(tmp_path: Path) -> None:
    """Each line has what draws of the prior give at its own rows; what is no number is empty."""
    data = grid_data(tmp_path, "age", "dose:party")
    rng = np.random.default_rng(6)
    drawn, prior = rng.normal(size=(2, 50, 200)), rng.normal(size=(25, 200))
    prior[3, 60] = np.inf
    content = summarise(tmp_path, data.meta["grid"], drawn, prior=prior)
    lines = [line["prior"] for effect in content["effects"] for line in effect["lines"]]
    assert [len(line) for line in lines] == [25] * 4
    assert lines[1][3][10] is None
    joined = np.concatenate([np.array(line, np.float64) for line in lines], axis=1)
    prior[3, 60] = np.nan
    np.testing.assert_array_equal(joined, prior)
    assert content["prior_because"] is None
    without = summarise(tmp_path, data.meta["grid"], drawn)
    assert without["prior_because"] is None
    assert all("prior" not in line for effect in without["effects"] for line in effect["lines"])
    assert len(read_csv(tmp_path / "effects.csv")) == 200


def test_lines_of_the_prior_that_are_not_drawn_say_why(tmp_path: Path) -> None:
    """That the program stopped at a draw of it, or that an axis cannot hold them."""
    data = grid_data(tmp_path, "age", "dose:party")
    drawn = np.random.default_rng(6).normal(size=(2, 50, 200))
    grid = data.meta["grid"]
    stopped = summarise(tmp_path / "stopped", grid, drawn, prior_because="x must be finite")
    far = summarise(tmp_path / "far", grid, drawn, prior=np.full((25, 200), 1e306))
    assert stopped["prior_because"] == "x must be finite"
    assert far["prior_because"] == "its values are too far from zero to be drawn"
    none = summarise(tmp_path / "none", grid, drawn, prior=np.full((25, 200), np.nan))
    assert none["prior_because"] == "it has no finite value at any draw of the prior"


def test_effects_whose_prior_lines_are_not_drawn_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One effect that an axis cannot hold leaves the others their panels, and is the one named."""
    data = grid_data(tmp_path, "age", "dose:party")
    rng = np.random.default_rng(6)
    drawn, prior = rng.normal(size=(2, 50, 200)), rng.normal(size=(25, 200))
    size = len(data.meta["grid"]["effects"][0]["values"])
    prior[:, :size] = 1e306
    figures = figures_of(monkeypatch)
    content = summarise(tmp_path, data.meta["grid"], drawn, prior=prior)
    because = "of age, its values are too far from zero to be drawn"
    assert content["prior_because"] == because
    titles = [axis.get_title("left") for axis in figures[-1].axes]
    (title,) = [title for title in titles if title.endswith("of the prior")]
    assert title.startswith("dose:party: ")


@pytest.mark.parametrize(
    ("more", "because"),
    [
        ({"verdict": "fail"}, "the fit failed its checks: R-hat"),
        ({"because": "optimize gives a point"}, "optimize gives a point"),
    ],
)
def test_what_has_no_effects_says_why(tmp_path: Path, more: dict[str, str], because: str) -> None:
    """A failed fit and a point: nothing is computed, and the reason stands in file and picture."""
    data = grid_data(tmp_path, "age")
    content = summarise(tmp_path, data.meta["grid"], None, **more)
    assert content == {"schema": "stanchion/effects/1", "made": False, "because": because}
    assert (tmp_path / "effects.csv").read_text().count("\n") == 1
    assert (tmp_path / "effects.png").stat().st_size > 1000


def test_an_outcome_is_no_data_beside_a_density_of_it(tmp_path: Path) -> None:
    """Where the predictor is the outcome itself, points would lie on a diagonal: only ticks do."""
    grid = dict(grid_data(tmp_path, "age").meta["grid"])
    drawn = np.random.default_rng(2).normal(size=(2, 50, 50))
    assert summarise(tmp_path, grid, drawn)["observed"] == grid["observed"]
    ages = grid["observed"]["columns"]["age"]
    grid["observed"] = {**grid["observed"], "values": list(ages)}
    observed = summarise(tmp_path, grid, drawn)["observed"]
    assert observed == {"outcome": None, "values": None, "columns": {"age": ages}}


def test_a_row_without_a_value_has_no_numbers(tmp_path: Path) -> None:
    """NaN in one draw of one point: that point is empty, and how often it was is said."""
    data = grid_data(tmp_path, "smokes")
    drawn = np.random.default_rng(1).normal(size=(2, 50, 2))
    drawn[0, 0, 1] = np.nan
    content = summarise(tmp_path, data.meta["grid"], drawn)
    first, second = content["effects"][0]["lines"][0]["rows"]
    assert second == {"value": "true", "mean": None, "lower": None, "upper": None}
    assert first["mean"] == pytest.approx(drawn[:, :, 0].mean(), rel=1e-12)
    assert content["because"] == "mu_new has no finite value in 1 % of the draws"
    assert read_csv(tmp_path / "effects.csv")[1]["mean"] == ""


def test_whole_numbers_take_values_that_occur(tmp_path: Path) -> None:
    """Over its range and as a second predictor: a program may index by them."""
    data = grid_data(tmp_path, "visits", "age:visits")
    by_count, by_age = data.meta["grid"]["effects"]
    occurring = sorted(set(TABLE["visits"].tolist()))
    assert by_count["values"] == occurring and by_count["kind"] == "number"
    assert len(by_age["by_values"]) == 3 and set(by_age["by_values"]) <= set(occurring)
    mean, sd = TABLE["visits"].mean(), TABLE["visits"].std()
    for line, goal in zip(by_age["by_values"], (mean - sd, mean, mean + sd), strict=True):
        assert abs(line - goal) == min(abs(value - goal) for value in occurring)


def test_a_number_as_second_predictor_has_three_lines(tmp_path: Path) -> None:
    """At its mean less and plus a standard deviation, on the scale of the table."""
    (effect,) = grid_data(tmp_path, "age:dose").meta["grid"]["effects"]
    mean, sd = TABLE["dose"].mean(), TABLE["dose"].std()
    np.testing.assert_allclose(effect["by_values"], [mean - sd, mean, mean + sd], rtol=1e-12)


def test_a_declared_reference_is_held(tmp_path: Path) -> None:
    """The level that `Treatment` names, not the first one."""
    mapping = {**MAPPING, "X": "design(\"~ dose + C(party, Treatment('ind')) + age + smokes\")"}
    held = grid_data(tmp_path, "age", mapping=mapping).meta["grid"]["held"]
    assert {e["column"]: e for e in held}["party"] == {
        "column": "party",
        "value": "ind",
        "how": "reference level",
    }


def test_dates_go_over_their_range(tmp_path: Path) -> None:
    """A date is a number of days to a program, and a date to the reader."""
    table = pd.DataFrame({"day": ["2026-01-01", "2026-01-31", "2026-01-11"], "y": [1.0, 2, 3]})
    mapping = {"t": "days(day, '2026-01-01')", "y": "y", "N_new": "new.nrow()", "t_new": "new.t"}
    data = grid_data(
        tmp_path,
        "day",
        table=table,
        mapping=mapping,
        columns={"day": {"type": "date"}},
        variables=[BLOCK[4], Variable("t_new", "int", 1, ("N_new",))],
    )
    (effect,) = data.meta["grid"]["effects"]
    assert effect["kind"] == "date"
    assert (effect["values"][0], effect["values"][-1]) == ("2026-01-01", "2026-01-31")
    assert list(data.values["t_new"]) == list(range(31))
    assert data.meta["grid"]["held"][0]["value"] == "2026-01-11"


DAYS = pd.DataFrame({"day": ["2026-01-01", "2026-01-31"], "x": [2.0, 6.0], "y": [1.0, 2.0]})
SPANNED: dict[str, Any] = {
    "table": DAYS,
    "mapping": {
        "t": "days(day, '2026-01-01')",
        "x": "x",
        "y": "y",
        "N_new": "new.nrow()",
        "t_new": "new.t",
        "x_new": "new.x",
    },
    "columns": {"day": {"type": "date"}, "x": {"type": "real", "transform": "center"}},
    "variables": [
        BLOCK[4],
        Variable("t_new", "int", 1, ("N_new",)),
        Variable("x_new", "vector", 1, ("N_new",)),
    ],
}


def test_a_declared_range_goes_beyond_the_fitted_rows(tmp_path: Path) -> None:
    """Of numbers and dates, in as many values as declared; an end that is not given stays.

    The other predictor is held where the fitted rows hold it, and transforms keep their constants.
    """
    over = {"x": {"upper": 10.0, "values": 5}, "day": {"lower": "2025-12-31", "values": 33}}
    data = grid_data(tmp_path, "x", "day", over=over, **SPANNED)
    numbers, dates = data.meta["grid"]["effects"]
    assert numbers["values"] == [2, 4, 6, 8, 10]
    assert list(data.values["x_new"][:5]) == [-2, 0, 2, 4, 6]
    assert list(data.values["t_new"][:5]) == [0] * 5
    assert (dates["values"][0], dates["values"][-1]) == ("2025-12-31", "2026-01-31")
    assert list(data.values["t_new"][5:]) == list(range(-1, 31)) and len(dates["values"]) == 32
    fine = grid_data(tmp_path, "x", over={"x": {"values": 200}}, **SPANNED)
    assert len(fine.meta["grid"]["effects"][0]["values"]) == 200


@pytest.mark.parametrize(
    ("over", "what", "key"),
    [
        ({"x": {"upper": 2.0}}, "ends where it begins", "effects.over.x"),
        ({"x": {"upper": "2026-01-01"}}, "holds numbers", "effects.over.x.upper"),
        ({"day": {"lower": 3.0}}, "holds dates", "effects.over.day.lower"),
        ({"day": {"lower": "2026-02-01"}}, "ends where it begins", "effects.over.day"),
    ],
)
def test_a_range_that_a_predictor_cannot_have_is_refused(
    tmp_path: Path, over: dict[str, dict[str, Any]], what: str, key: str
) -> None:
    """With the key of the end that is wrong."""
    with pytest.raises(DataError) as caught:
        grid_data(tmp_path, "x", "day", over=over, **SPANNED)
    (fault,) = caught.value.faults
    assert what in fault.what and fault.key == key


@pytest.mark.parametrize("column", ["party", "visits"])
def test_levels_and_whole_numbers_go_over_no_range(tmp_path: Path, column: str) -> None:
    """A program may index by them: it knows those that occur, and no others."""
    with pytest.raises(DataError) as caught:
        grid_data(tmp_path, column, over={column: {"upper": 20.0}})
    (fault,) = caught.value.faults
    assert "goes over the values that occur" in fault.what
    assert fault.key == f"effects.over.{column}"


def fault_of(folder: Path, *of: str, table: pd.DataFrame = TABLE) -> Fault:
    with pytest.raises(DataError) as caught:
        grid_data(folder, *of, table=table)
    (fault,) = caught.value.faults
    return fault


def test_what_is_no_column_of_the_new_rows_is_refused(tmp_path: Path) -> None:
    """With the nearest name; a column that only the fit uses is none."""
    fault = fault_of(tmp_path, "age:pary")
    assert fault.what == "'pary' is no column that the new rows are made of"
    assert (fault.key, fault.todo) == ("effects.of", "did you mean `party`?")
    assert "'y' is no column" in fault_of(tmp_path, "y").what


def test_a_range_may_have_more_values_than_levels_can_be_seen(tmp_path: Path) -> None:
    """A line through a hundred and one values is one line."""
    data = grid_data(tmp_path, "x", over={"x": {"values": 101}}, **SPANNED)
    assert len(data.meta["grid"]["effects"][0]["values"]) == 101


def test_more_levels_than_can_be_seen_are_refused(tmp_path: Path) -> None:
    """Thirteen lines, or sixty-one levels along an axis."""
    many = pd.concat([TABLE] * 2, ignore_index=True)
    parties = many.assign(party=[f"p{row % 13}" for row in range(len(many))])
    assert (
        "13 levels, too many to be seen as lines"
        in fault_of(tmp_path, "age:party", table=parties).what
    )
    parties = many.assign(party=[f"p{row % 61}" for row in range(len(many))])
    assert "61 levels, too many to be seen along" in fault_of(tmp_path, "party", table=parties).what


CONFIG = """\
seed: 3
datasets:
  points:
    path: data/points.csv
    stan: {N: nrow(), x: x, y: y, N_new: new.N, x_new: new.x}
  new: {path: data/new.csv}
models: {m: {program: stan/m.stan}}
analyses:
  a:
    datasets: [points]
    models: [m]
    methods:
      nuts: {chains: 2}
      advi: {}
      optimize: {}
    posterior_predictive: {observed: y, replicated: y_rep}
    effects: {variable: mu_new, of: [x]}
"""
N, X = Variable("N", "int", 0, ()), Variable("x", "vector", 1, ("N",))
PROGRAM = Program(
    path="stan/m.stan",
    canonical="parameters {\n  real mu;\n}\nmodel {\n  x ~ normal(mu, 1);\n}\n",
    data=(
        N,
        X,
        replace(X, name="y"),
        replace(N, name="N_new"),
        replace(X, name="x_new", sizes=("N_new",)),
    ),
    parameters=(Variable("mu", "real", 0, ()),),
    transformed_parameters=(),
    generated_quantities=(
        replace(X, name="y_rep"),
        Variable("mu_new", "vector", 1, ("N_new",)),
        Variable("p_new", "vector", 2, ("N_new", "3")),
    ),
    includes=(),
)
FORECAST = replace(
    PROGRAM, path="stan/f.stan", generated_quantities=(Variable("z", "real", 0, ()),)
)
FACTS = Facts(
    programs={"m": PROGRAM},
    files={"data/points.csv": "0" * 64, "data/new.csv": "1" * 64},
    compilers={"m": {}},
    toolchain={},
    waivers={},
    own_programs={"stan/f.stan": FORECAST},
)
Planned = Callable[..., Plan]


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planned:
    """Plan the declaration, a text of it exchanged, with another program."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/points.csv").write_text("x,y\n4,1\n8,2\n")
    (tmp_path / "data/new.csv").write_text("x\n7\n")

    def make(old: str = "", new: str = "", program: Program = PROGRAM) -> Plan:
        assert old in CONFIG
        (tmp_path / "config.yaml").write_text(CONFIG.replace(old, new, 1) if old else CONFIG)
        facts = replace(FACTS, programs={"m": program})
        return make_plan(load(tmp_path / "config.yaml"), facts)

    return make


OWN = {"prepare_quantities_data", "generate_effects", "summarise_effects"}
DECLARED = "    effects: {variable: mu_new, of: [x]}\n"


@pytest.mark.parametrize(
    ("new", "stale"),
    [
        ("", set()),
        ("    effects: {variable: mu_new, of: [x, y]}\n", OWN),
        ("    effects: {variable: z_new, of: [x]}\n", OWN - {"prepare_quantities_data"}),
        ("    effects: {variable: mu_new, of: [x], over: {x: {upper: 9}}}\n", OWN),
    ],
)
def test_an_edit_of_effects_stales_their_own_steps(
    planned: Planned, new: str, stale: set[str]
) -> None:
    """And the report with what follows it: nothing is sampled, collected or judged anew."""
    more = (*PROGRAM.generated_quantities, Variable("z_new", "vector", 1, ("N_new",)))
    program = replace(PROGRAM, generated_quantities=more)
    before = {step.key for step in planned(program=program)}
    after = planned(DECLARED, new, program=program)
    changed = {step.rule for step in after if step.key not in before}
    assert changed == stale | {"write_report", "check_verdicts"}


def test_the_last_step_reads_the_effects_of_each_fit(planned: Planned) -> None:
    """In the order of its fits, so that effects without numbers are said of the right one."""
    (last,) = [step for step in planned() if step.rule == "check_verdicts"]
    methods = [fit["method"] for fit in last.arguments["fits"]]
    assert len(methods) > 1
    assert last.inputs["effects"] == [f"results/a/points/m/{m}/effects.json" for m in methods]
    (without,) = [s for s in planned(DECLARED, "") if s.rule == "check_verdicts"]
    assert "effects" not in without.inputs


def test_the_rule_of_the_last_step_names_all_that_it_reads(planned: Planned) -> None:
    """So that Snakemake runs it after what it reads, by the files and not by keys alone."""
    (last,) = [step for step in planned() if step.rule == "check_verdicts"]
    rules = (Path(__file__).parents[2] / "workflow/rules/report.smk").read_text()
    named = re.findall(r"^ {8}(\w+)=ancient", rules.split("rule check_verdicts:")[1], re.MULTILINE)
    assert set(named) == set(last.inputs)


def test_a_unit_stales_no_draw(planned: Planned) -> None:
    """What a column is called decides the picture of its effect, and no number."""
    old = "    stan: {N: nrow()"
    one, other = (
        planned(old, f"    columns: {{x: {{type: real, transform: center, unit: {u}}}}}\n{old}")
        for u in ("mm", "cm")
    )
    keys = {step.key for step in one}
    changed = [step for step in other if step.key not in keys]
    assert {step.rule for step in changed} == {
        "summarise_effects",
        "write_report",
        "check_verdicts",
    }
    assert {str(s.arguments.get("titles")) for s in changed} == {"{'x': 'x (cm)'}", "None"}


def test_what_a_fits_effects_are_made_of(planned: Planned) -> None:
    """Its draws and verdict and the one grid of its model; a point has a reason in their place."""
    plan = planned()
    (prepared,) = [s for s in plan if s.rule == "prepare_quantities_data"]
    assert prepared.outputs["data"] == "results/a/points/m/data.effects.json"
    assert prepared.inputs == {"points": "data/points.csv"}
    assert prepared.arguments["grid"] == {"of": ["x"], "outcome": "y"}
    generating = {s.wildcards["method"]: s for s in plan if s.rule == "generate_effects"}
    assert set(generating) == {"nuts", "advi"}
    for method, step in generating.items():
        fit = f"results/a/points/m/{method}"
        assert step.inputs["source"] == f"{fit}/draws.nc"
        assert step.inputs["diagnostics"] == f"{fit}/diagnostics.json"
        assert step.inputs["data"] == prepared.outputs["data"]
    summarised = {s.wildcards["method"]: s for s in plan if s.rule == "summarise_effects"}
    assert summarised["optimize"].arguments["because"] == "optimize gives a point"
    assert set(summarised["optimize"].inputs) == {"diagnostics"}
    assert summarised["nuts"].drop == ("results/a/points/m/nuts/chains/effects.npz",)
    assert STEPS["generate_effects"].keep == "csv"
    check_plan(plan)


def test_draws_of_another_fit_have_effects_too(planned: Planned) -> None:
    """By the program that generates from them; one that has no such quantity says so."""
    plan = planned(
        "      advi: {}\n",
        "      again: {method: gq, of: nuts}\n"
        "      forecast: {method: gq, of: nuts, program: stan/f.stan}\n",
    )
    generating = {s.wildcards["method"]: s for s in plan if s.rule == "generate_effects"}
    assert set(generating) == {"nuts", "again"}
    assert generating["again"].inputs["source"] == "results/a/points/m/again/draws.nc"
    because = {
        s.wildcards["method"]: s.arguments["because"] for s in plan if s.rule == "summarise_effects"
    }
    assert because["forecast"] == "stan/f.stan has no `mu_new`" and because["again"] is None


def test_check_names_the_key_of_a_wrong_predictor(planned: Planned) -> None:
    """With its place in the file and the nearest column."""
    with pytest.raises(DeclarationError) as caught:
        check_plan(planned("of: [x]", "of: [xx]"))
    (fault,) = caught.value.faults
    assert fault.what == "'xx' is no column that the new rows are made of"
    assert fault.key == "analyses.a.effects.of" and str(fault.where).endswith("config.yaml:17")
    assert (fault.allowed, fault.todo) == ("x", "did you mean `x`?")
    with pytest.raises(DeclarationError) as caught:
        check_plan(planned("of: [x]", "of: [x], over: {x: {upper: 1}}"))
    (fault,) = caught.value.faults
    assert fault.key == "analyses.a.effects.over.x" and str(fault.where).endswith("config.yaml:17")


@pytest.mark.parametrize(
    ("old", "new", "what", "todo"),
    [
        ("mu_new", "mu_neu", "stan/m.stan has no 'mu_neu'", "write mu_new"),
        ("mu_new", "y_rep", "'y_rep' of stan/m.stan is of N, and not one number", "declare it"),
        ("mu_new", "p_new", "'p_new' of stan/m.stan is of N_new, 3, and not one", "write mu_new"),
        (", N_new: new.N, x_new: new.x", ", N_new: 1, x_new: [1]", "is given no new rows", "map"),
        ("of: [x]", "of: ['x:x']", "'x:x' is no effect", ""),
        ("of: [x]", "of: ['x:y:z']", "'x:y:z' is no effect", ""),
        ("of: [x]", "of: [x], over: {y: {upper: 9}}", "'y' is no predictor whose effect", ""),
        ("of: [x]", "of: [x], over: {x: {}}", "the range says nothing", ""),
        ("of: [x]", "of: [x], over: {x: {upper: soon}}", "'soon' is no date", ""),
    ],
)
def test_what_cannot_have_effects_is_refused(
    planned: Planned, old: str, new: str, what: str, todo: str
) -> None:
    """Before anything runs: no such quantity, one of another size, a mapping without new rows."""
    with pytest.raises(DeclarationError) as caught:
        planned(old, new)
    (fault,) = caught.value.faults
    assert what in fault.what and str(fault.key).startswith("analyses.a.effects")
    assert todo in (fault.todo or "")


def test_a_program_that_fits_with_new_rows_is_refused(planned: Planned) -> None:
    """A parameter a new row: no grid can stand in for rows that were sampled with."""
    text = PROGRAM.canonical.replace("real mu;", "real mu;\n  vector[N_new] f;")
    with pytest.raises(DeclarationError) as caught:
        planned(program=replace(PROGRAM, canonical=text))
    (fault,) = caught.value.faults
    assert "stan/m.stan uses N_new for more than generated quantities" in fault.what
