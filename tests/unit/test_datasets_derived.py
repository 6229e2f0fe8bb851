"""Derived columns, dates, row numbers and missing values in `stan:`."""

from __future__ import annotations

import json
import math
import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stanchion.config import Dataset
from stanchion.datasets import NewRows, StanData, build
from stanchion.datasets.derived import Columns
from stanchion.datasets.expressions import Derived, Names, parse
from stanchion.datasets.frame import Frame
from stanchion.errors import DataError
from stanchion.expressions.catalogue import FUNCTIONS
from stanchion.stan.program import Variable
from tests.unit.datasets_cases import SCHOOLS, built, data_block, faults, write

VISITS = """\
who,day,dose,smokes,score,ok
a,2020-01-31,2.5,yes,3,true
b,2020-03-01,0.5,no,NA,false
a,2019-12-31,4,no,-1,true
c,2021-01-01,1,yes,,true
"""
COLUMNS = {"day": {"type": "date"}, "ok": {"type": "bool"}, "who": {"type": "category"}}


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    """Four visits; two have no score."""
    return write(tmp_path, "visits.csv", VISITS)


@pytest.fixture
def schools(tmp_path: Path) -> Path:
    """Four schools."""
    return write(tmp_path, "schools.csv", SCHOOLS)


def test_derived_columns(visits: Path) -> None:
    """Arithmetic, functions, comparisons, counts and reductions give one value a row or in all."""
    stan = {
        "x": "log(dose)",
        "r": "dose / (dose + 1)",
        "s": "smokes == 'yes'",
        "both": "smokes == 'yes' and ok",
        "i": "row()",
        "z": "(dose - mean(dose)) / sd(dose)",
        "last": "nrow() - 1",
        "K": "nlevels(who) * 2",
        "g": "index(who) - 1",
        "t": "days(day, '2020-01-01')",
        "late": "day >= '2020-02-01'",
        "gap": "days('2021-01-01', day) / 365.25",
        "q": "max(dose)",
        "neg": "-dose",
    }
    block = ["real[4] x", "real[4] r", "int[4] s", "int[4] both", "int[4] i", "real[4] z"]
    block += ["int last", "int K", "int[4] g", "int[4] t", "int[4] late", "real[4] gap"]
    block += ["real q", "real[4] neg"]
    data = built(visits, stan, block, columns=COLUMNS)
    dose = [2.5, 0.5, 4.0, 1.0]
    days = [date.fromisoformat(d) for d in ("2020-01-31", "2020-03-01", "2019-12-31", "2021-01-01")]
    assert data.values["x"] == [math.log(x) for x in dose]
    assert data.values["r"] == [x / (x + 1) for x in dose]
    assert data.values["z"] == pytest.approx((dose - np.mean(dose)) / np.std(dose, ddof=1))
    assert data.values["t"] == [(day - date(2020, 1, 1)).days for day in days] == [30, 60, -1, 366]
    assert data.values["gap"] == [(date(2021, 1, 1) - day).days / 365.25 for day in days]
    exact = {name: data.values[name] for name in ("s", "both", "i", "last", "K", "g", "late")}
    assert exact == {
        "s": [1, 0, 0, 1],
        "both": [1, 0, 0, 1],
        "i": [1, 2, 3, 4],
        "last": 3,
        "K": 6,
        "g": [0, 1, 0, 2],
        "late": [0, 1, 0, 1],
    }
    assert (data.values["q"], data.values["neg"]) == (4, [-x for x in dose])
    assert data.meta["origins"] == {"t": ["2020-01-01"], "gap": ["2021-01-01"]}
    assert data.meta["sizes"] == {}
    json.dumps(data.meta)


def test_row_numbers_follow_the_order_that_is_declared(visits: Path) -> None:
    """`row()` counts the rows that are left, as they are sorted."""
    stan = {"i": "row()", "t": "days(day, day)", "x": "dose"}
    block = ["int[3] i", "int[3] t", "real[3] x"]
    data = built(visits, stan, block, columns=COLUMNS, sort=["dose"], where={"ok": [True]})
    assert data.values == {"i": [1, 2, 3], "t": [0, 0, 0], "x": [1, 2.5, 4]}


MISSING = {
    "N": "nrow()",
    "N_obs": "nobserved(score)",
    "N_mis": "nmissing(score)",
    "ii_obs": "observed(score)",
    "ii_mis": "missing(score)",
    "score_obs": "values(score)",
}
MISSING_BLOCK = ["int N", "int N_obs", "int N_mis", "int[N_obs] ii_obs", "int[N_mis] ii_mis"]
MISSING_BLOCK += ["int[N_obs] score_obs"]


@pytest.mark.parametrize("missing", ["error", "drop"])
@pytest.mark.parametrize("declared", [{}, {"score": {"type": "int", "lower": -1, "unique": True}}])
def test_missing_values_as_a_model_wants_them(
    visits: Path, missing: str, declared: dict[str, Any]
) -> None:
    """Positions with and without a value, and the values: no row is lost, whatever `missing:`."""
    data = built(visits, MISSING, MISSING_BLOCK, missing=missing, columns=declared)
    assert data.values == {
        "N": 4,
        "N_obs": 2,
        "N_mis": 2,
        "ii_obs": [1, 3],
        "ii_mis": [2, 4],
        "score_obs": [3, -1],
    }
    assert data.meta["dropped"] == []


def test_positions_are_those_after_dropping_and_sorting(tmp_path: Path) -> None:
    """A row that another column drops is counted by none of them; transforms take what there is."""
    path = write(tmp_path, "a.csv", "x,y\n3,9\n1,NA\nNA,5\n2,4\n0,NA\n")
    stan = {"x": "x", "o": "observed(y)", "m": "missing(y)", "y": "values(y)"}
    block = ["int[4] x", "int[2] o", "int[2] m", "real[2] y"]
    columns = {"y": {"type": "real", "transform": "center"}}
    data = built(path, stan, block, missing="drop", sort=["x"], columns=columns)
    assert data.values == {"x": [0, 1, 2, 3], "o": [3, 4], "m": [1, 2], "y": [-2.5, 2.5]}
    assert data.meta["transforms"]["y"]["center"] == 6.5
    assert [drop["row"] for drop in data.meta["dropped"]] == [4]


def test_a_transform_of_what_is_all_missing_is_refused(tmp_path: Path) -> None:
    """There is no mean of no value; new rows have that of the fitted ones."""
    empty = write(tmp_path, "empty.csv", "k,y\na,NA\nb,NA\n")
    path = write(tmp_path, "a.csv", "k,y\na,2\nb,4\n")
    stan = {"y": "values(y)", "m": "missing(y)"}
    columns = {"y": {"type": "real", "transform": "standardize"}}
    (fault,) = faults(empty, stan, ["real[0] y"], columns=columns)
    assert fault.what == "column `y` has no value in any row, and cannot be transformed"
    new = {"new": Dataset.model_validate({"path": str(empty)})}
    stan |= {"y_new": "new.y", "m_new": "new.m"}
    block = ["real[2] y", "real[0] y_new", "int[2] m_new"]
    data = built(path, stan, block, columns=columns, others=new)
    assert (data.values["y_new"], data.values["m_new"]) == ([], [1, 2])


def test_none_missing_and_all_missing(tmp_path: Path) -> None:
    """An empty list is a list: a program's loop over no missing value runs."""
    for cells, observed, missing in (("12", [1, 2], []), (("NA", "NA"), [], [1, 2])):
        path = write(tmp_path, "a.csv", "\n".join(["score,k", *(f"{c},k" for c in cells), ""]))
        data = built(path, MISSING, MISSING_BLOCK)
        assert (data.values["ii_obs"], data.values["ii_mis"]) == (observed, missing)


@pytest.mark.parametrize(
    "other", ["score", "score + 1", "score > 0", "index(score)", "observed(score) + 0 * score"]
)
def test_any_other_use_needs_every_value(visits: Path, other: str) -> None:
    """A column that is used in another way too stays an error where it has no value."""
    refusals = faults(visits, {**MISSING, "z": other}, [*MISSING_BLOCK, "real[4] z"])
    assert refusals[0].what == "column `score` has no value; once more: line 5"
    assert refusals[0].where == f"{visits}:3"
    assert refusals[0].key == "datasets.schools.stan.z"
    assert "observed()" in str(refusals[0].todo)


def test_an_observed_value_names_the_row_that_it_stands_in(visits: Path) -> None:
    """Not its position among the values: a third row stands on the fourth line."""
    (fault,) = faults(visits, {"y": "log(values(score))"}, ["real[2] y"])
    assert (fault.where, fault.value) == (f"{visits}:4", -1)
    (fault,) = faults(visits, {"y": "values(score) / 2"}, ["int[2] y"])
    assert (fault.where, fault.value) == (f"{visits}:2", 1.5)
    (fault,) = faults(visits, {"y": "values(score) + 2147483647"}, ["int[2] y"])
    assert (fault.where, fault.value) == (f"{visits}:2", 2147483650)


def test_a_column_to_sort_by_has_every_value(visits: Path) -> None:
    """Rows without a value have no order."""
    (fault,) = faults(visits, MISSING, MISSING_BLOCK, sort=["score"])
    assert fault.what == "column `score` has no value; once more: line 5"


def test_new_rows_by_the_same_expressions(tmp_path: Path, schools: Path) -> None:
    """Each expression is applied; what is settled over rows is that of the fitted ones."""
    new = write(tmp_path, "new.csv", "state,effect,size,day\nMA,10,NA,x\nNY,20,50,x\nCA,1,70,x\n")
    stan = {
        "z": "effect - mean(effect)",
        "i": "row()",
        "ny": "state == 'NY'",
        "o": "observed(size)",
        "v": "values(size)",
        "z_new": "new.z",
        "i_new": "new.i",
        "ny_new": "new.ny",
        "o_new": "new.o",
        "v_new": "new.v",
    }
    block = ["real[4] z", "real[3] z_new", "int[3] i_new", "int[3] ny_new", "int[2] o_new"]
    block += ["int[2] v_new", "int[4] v"]
    others = {"new": Dataset.model_validate({"path": str(new)})}
    data = built(schools, stan, block, others=others, new_rows=NewRows("new"))
    assert data.values == {
        "z": [18, -2, -13, -3],
        "z_new": [0, 10, -9],
        "i_new": [1, 2, 3],
        "ny_new": [0, 1, 0],
        "o_new": [2, 3],
        "v": [310, 95, 120, 205],
        "v_new": [50, 70],
    }


def test_a_level_that_only_new_rows_have_is_no_silent_zero(tmp_path: Path, schools: Path) -> None:
    """A text that no fitted row has is most often another spelling: it is named."""
    new = write(tmp_path, "new.csv", "state\nNY\nny\n")
    stan = {"a": "state == 'NY'", "a_new": "new.a"}
    others = {"new": Dataset.model_validate({"path": str(new)})}
    (fault,) = faults(schools, stan, ["int[4] a", "int[2] a_new"], others=others)
    assert (fault.where, fault.value) == (f"{new}:3", "ny")
    assert fault.todo == "did you mean `NY`?"


def test_dates_need_no_declaration_to_be_counted(tmp_path: Path) -> None:
    """A column that `days` takes is read as dates, in new rows too; what is none names its row."""
    path = write(tmp_path, "a.csv", "day\n2026-01-03\n2025-12-31\n")
    new = write(tmp_path, "new.csv", "day\n2026-02-01\n")
    stan = {"t": "days(day, '2026-01-01')", "t_new": "new.t"}
    others = {"new": Dataset.model_validate({"path": str(new)})}
    data = built(path, stan, ["int[2] t", "int[1] t_new"], others=others)
    assert data.values == {"t": [2, -1], "t_new": [31]}
    write(tmp_path, "new.csv", "day\n01/02/2026\n")
    (fault,) = faults(path, stan, ["int[2] t", "int[1] t_new"], others=others)
    assert (fault.where, fault.value) == (f"{new}:2", "01/02/2026")


@pytest.mark.parametrize(
    ("expression", "row", "says", "value"),
    [
        ("log(effect)", 4, "`log(effect)` has no finite value where `effect` is -3", -3),
        ("se / (effect - 8)", 3, "where `se` is 10 and `(effect - 8)` is 0", 0),
        ("1 + sqrt(effect)", 4, "`sqrt(effect)` has no finite value where `effect` is -3", -3),
        ("exp(size * 3)", 2, "`exp(size * 3)` has no finite value where `size * 3` is 930", 930),
        ("effect ^ 0.5", 4, "`effect ^ 0.5` has no finite value where `effect` is -3", -3),
    ],
)
def test_a_value_that_is_not_finite_names_its_row(
    schools: Path, expression: str, row: int, says: str, value: int
) -> None:
    """Before anything runs: file, line, the operation, and what it was given."""
    (fault,) = faults(schools, {"y": expression}, ["real[4] y"])
    assert (fault.where, fault.key) == (f"{schools}:{row}", "datasets.schools.stan.y")
    assert says in fault.what and fault.value == value
    assert fault.allowed


def test_a_value_after_its_transform_is_said_to_be_one(schools: Path) -> None:
    """No such number stands in the file, so that a person would look for it in vain."""
    columns = {"se": {"type": "real", "transform": "center"}}
    (fault,) = faults(schools, {"y": "log(se)"}, ["real[4] y"], columns=columns)
    assert "`se` is -" in fault.what and "`transform: center`" in (fault.todo or "")
    (fault,) = faults(schools, {"y": "log(effect)"}, ["real[4] y"], columns=columns)
    assert fault.todo is None


def test_integers_stay_integers_where_the_program_wants_them(schools: Path) -> None:
    """Sums and products of integers are; a quotient is real, and is a fault at its row."""
    stan, block = {"a": "effect - se", "b": "2 * effect + 1"}, ["int[4] a", "int[4] b"]
    assert built(schools, stan, block).values == {"a": [13, -2, -19, -4], "b": [57, 17, -5, 15]}
    real = {"effect / 2": (4, -1.5), "effect * 1.0": (2, 28.0), "size ^ 0.5": (2, 310**0.5)}
    for expression, (row, number) in real.items():
        (fault,) = faults(schools, {"a": expression}, ["int[4] a"])
        assert (fault.where, fault.value) == (f"{schools}:{row}", number)
        assert fault.what == f"`a` is declared int and holds {number}, expression `{expression}`"


@pytest.mark.parametrize(
    ("expression", "row", "says"),
    [
        ("size * 10000000", 2, "holds 3100000000, more than Stan's int can"),
        ("size * size * 100000000000", 2, "`size * size * 100000000000` is too large"),
    ],
)
def test_an_integer_too_large_is_said(schools: Path, expression: str, row: int, says: str) -> None:
    """Beyond 2^31 − 1 at the row where the program's int ends; beyond 2^53 for any program."""
    (fault,) = faults(schools, {"a": expression}, ["int[4] a"])
    assert fault.where == f"{schools}:{row}" and says in fault.what


def test_a_bound_is_held_for_derived_values(schools: Path) -> None:
    """What the program declares of a variable holds for an expression, and names the row."""
    bounded = [Variable("a", "real", 1, ("4",), "real", "0")]
    declared = Dataset.model_validate({"path": str(schools), "stan": {"a": "effect / se"}})
    with pytest.raises(DataError) as caught:
        build("schools", declared, declared.stan, bounded, {"schools": schools}, {})
    (fault,) = caught.value.faults
    assert fault.where == f"{schools}:4" and fault.value == -3 / 16
    assert fault.what == "`a` holds -0.1875 at a[3], expression `effect / se`"


@pytest.mark.parametrize(
    ("expression", "says", "todo"),
    [
        ("stat == 'NY'", "there is no column `stat` at character 1", "did you mean `state`?"),
        ("state == 'ny'", "`state` has no level 'ny' at character 10", "did you mean `NY`?"),
        ("state + 1", "`state` holds texts, not numbers at character 1", None),
        ("state < 'NY'", "texts have no order", "declare dates as `type: date`"),
        ("effect == 'NY'", "`effect` (whole numbers) cannot be compared with `'NY'`", None),
        ("days(effect, '2020-01-01')", "column `effect` holds", None),
        ("days(state, '2020')", "`state` holds texts, not dates at character 6", None),
        ("state == index(state)", "cannot be compared with `index(state)`", None),
        ("values(size) + se", "do not have the same shape at character 16", None),
        ("observed(size) + missing(se)", "do not have the same shape", None),
        ("values(state) + 1", "column `state` is a category, not a number", None),
        ("nobserved(sise)", "there is no column `sise` at character 11", "did you mean `size`?"),
        ("sd(nrow())", "is one number, and sd() is of several", None),
        ("mean(values(size)) < 'x'", "cannot be compared with", None),
        ("ncol(Z) + 1", "`Z` is no Stan variable of this mapping", None),
        ("state", "column `state` is a category, not a number", None),
    ],
)
def test_what_does_not_fit_the_table(
    schools: Path, expression: str, says: str, todo: str | None
) -> None:
    """Names, levels, types and shapes are held to the table, with the nearest that is right."""
    columns = {"state": {"type": "category"}}
    refusals = faults(schools, {"y": expression}, ["real[4] y"], columns=columns)
    assert says in refusals[0].what
    assert refusals[0].key == "datasets.schools.stan.y"
    if todo:
        assert refusals[0].todo == todo


@pytest.mark.parametrize(
    "text", ["x-y", "a%b", "2nd", "größe", "log", "and", "x y", "a.b", "new.z"]
)
def test_a_columns_own_name_comes_first(tmp_path: Path, text: str) -> None:
    """However odd, as it stands alone, as the only argument, and elsewhere in backquotes."""
    path = write(tmp_path, "a.csv", f"{text},x\n4,1\n7,2\n")
    stan = {"a": text, "g": f"index({text})", "n": f"nlevels( {text} )", "d": f"`{text}` * 2"}
    if " " in text:
        stan |= {"g": f'index("{text}")', "n": f"nlevels(`{text}`)"}
    others = {"new": Dataset.model_validate({"path": str(path)})}
    data = built(path, stan, ["int[2] a", "int[2] g", "int n", "int[2] d"], others=others)
    assert data.values == {"a": [4, 7], "g": [1, 2], "n": 2, "d": [8, 14]}


def test_a_dataset_with_a_hyphen_is_no_difference() -> None:
    """`new-rows.X` is the mapping applied where there is such a dataset."""
    names = Names({"new", "rows.X"}, {"new-rows"})
    assert not isinstance(parse("new-rows.X", names), Derived)
    assert isinstance(parse("new-rows.X", Names({"new", "rows.X"}, set())), Derived)


def test_the_example_of_the_page_is_right(tmp_path: Path) -> None:
    """What the reference page shows gives a program its data."""
    page = (Path(__file__).parents[2] / "config/README.md").read_text(encoding="utf-8")
    text = page.partition("## Expressions")[2].partition("```\n")[2].partition("```")[0]
    stan = yaml.safe_load(text)["stan"]
    head = "dose,smokes,visit,score\n"
    path = write(tmp_path, "a.csv", head + "1,yes,2026-01-02,NA\n3,no,2025-12-31,7\n")
    new = write(tmp_path, "new.csv", head + "1,yes,2026-01-01,1\n")
    data = built(
        path,
        stan,
        [f"int {name}" for name in stan if name.startswith("N")],
        columns={"visit": {"type": "date"}},
        others={"new": Dataset.model_validate({"path": str(new)})},
    )
    assert data.values == {"N": 2, "N_obs": 1, "N_mis": 1}
    assert set(data.meta["unused"]) == stan.keys() - data.values.keys()
    assert data.meta["origins"] == {"t": ["2026-01-01"]}


def test_rows_that_follow_are_derived_as_one_table(tmp_path: Path) -> None:
    """Row numbers go on and values are those of one table; positions of missing values are not."""
    whole = write(tmp_path, "whole.csv", "x\n1\n2\n4\n8\n")
    parts = {name: write(tmp_path, f"{name}.csv", f"x\n{text}") for name, text in BATCHES.items()}
    stan = {"N": "nrow()", "i": "row()", "y": "log(x) * 2", "one": "x >= 4"}
    block = data_block("int N", "int[N] i", "real[N] y", "int[N] one")

    def of(path: Path, updates: list[str], stan: dict[str, str]) -> StanData:
        others = {name: Dataset.model_validate({"path": str(parts[name])}) for name in updates}
        dataset = Dataset.model_validate({"path": str(path), "stan": stan})
        tables = {"first": path} | {name: parts[name] for name in updates}
        return build("first", dataset, stan, block, tables, others, updates=updates)

    batched = of(parts["january"], ["february", "march"], stan).values
    at_once = of(whole, [], stan).values
    assert {name: np.asarray(value).tolist() for name, value in batched.items()} == {
        name: np.asarray(value).tolist() for name, value in at_once.items()
    }
    with pytest.raises(DataError, match="do not go with `update`"):
        of(parts["january"], ["february"], {**stan, "ii": "observed(x)"})


BATCHES = {"january": "1\n", "february": "2\n4\n", "march": "8\n"}


def test_a_constant_of_the_fitted_rows_is_that_of_no_other(tmp_path: Path) -> None:
    """A reduction over rows that have no value to give names the fitted file, not the new one."""
    path = write(tmp_path, "fitted.csv", "x\n-1\n4\n")
    new = write(tmp_path, "new.csv", "x\n1\n2\n")
    stan = {"z": "x - mean(log(x))", "z_new": "new.z"}
    others = {"new": Dataset.model_validate({"path": str(new)})}
    refusals = faults(path, stan, ["real[2] z", "real[2] z_new"], others=others)
    assert {fault.where for fault in refusals} == {f"{path}:2"}


def test_a_derived_column_takes_one_call_a_number() -> None:
    """A function is called once a number; arithmetic and comparisons are of whole columns."""
    size, count = 10_000, 0
    values = np.linspace(1, 2, size)
    frame = Frame(
        "a", Path("a.csv"), pd.DataFrame({"x": values}), {"x": "real"}, {"x": None}, [], {}
    )
    columns = Columns(frame, frame, "key", lambda _: (), lambda _: 0)
    derived = parse("log(x) / 2 > 0.1 and x < mean(x)", Names({"x"}, set()))
    assert isinstance(derived, Derived)

    def profile(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_globals["__name__"].startswith("stanchion.")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        result = columns.value(derived)
    finally:
        sys.setprofile(before)
    assert size <= count < 1.1 * size
    np.testing.assert_array_equal(result, (np.log(values) / 2 > 0.1) & (values < values.mean()))


WORDS = (
    *("effect", "state", "score", "`effect`", "'NY'", "'2020-01-01'", "1", "0.5", "zz", "new.a"),
    *("+", "-", "*", "/", "^", "<", "==", "!=", "and", "or", "not", "(", ")", ",", "[1]", "a"),
    *(f"{name}(" for name in FUNCTIONS),
    *(
        "index(state)",
        "values(score)",
        "observed(score)",
        "row()",
        "nrow()",
        "ncol(a)",
        "others.u(",
    ),
)


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=9))
@settings(max_examples=400)
@example(["ncol(", "a", ")", "+", "1"])
@example(["design(", "effect", ")", "+", "1"])
@example(["mean(", "values(score)", ")"])
def test_nothing_but_faults_comes_out_of_a_mapping(words: list[str]) -> None:
    """Words in any order, of a table with missing values and for new rows: values or faults."""
    with TemporaryDirectory() as folder:
        path = write(Path(folder), "a.csv", "effect,state,score\n1,NY,2.5\n-2,CA,NA\n3,NY,4\n")
        stan = {"a": " ".join(words), "a_new": "new.a"}
        dataset = Dataset.model_validate({"path": str(path), "stan": stan})
        others = {"new": dataset, "others": dataset}
        tables = {"first": path, "new": path, "others": path}
        try:
            data = build("first", dataset, stan, data_block(), tables, others)
        except DataError as error:
            assert all(fault.what for fault in error.faults)
        else:
            assert data.meta["unused"] == ["a", "a_new"]
