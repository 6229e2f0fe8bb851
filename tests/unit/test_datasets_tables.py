"""Tables as arrays: what stands in the file, exactly, and no loop over rows."""

from __future__ import annotations

import csv
import datetime as dt
import io
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stanchion.config import Dataset
from stanchion.datasets import build
from stanchion.datasets import faults as fault_module
from stanchion.datasets.read import read_columns
from stanchion.datasets.stan_json import dumps
from stanchion.errors import DataError
from stanchion.stan.program import Variable
from tests.unit.datasets_cases import built, faults, write

N_Y = {"N": "nrow()", "y": "y"}
DATA = ["int N", "real[N] y"]
REAL = {"y": {"type": "real"}}
CELLS = st.text(st.one_of(st.sampled_from(',;"\n\r\t a\u00a0é'), st.characters(codec="utf-8")))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=6),
    st.sampled_from([("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL), ("\r", csv.QUOTE_ALL)]),
    st.booleans(),
)
def test_cells_and_lines_are_those_of_pythons_reader(
    tmp_path: Path, rows: list[list[str]], form: tuple[str, Any], mark: bool
) -> None:
    """Whatever text is quoted in a file, cells and line numbers are what `csv` finds in it."""
    text = io.StringIO()
    csv.writer(text, lineterminator=form[0], quoting=form[1]).writerows([["a", "b", "c"], *rows])
    path = tmp_path / "a.csv"
    path.write_bytes(("\ufeff" * mark + text.getvalue()).encode())
    reader = csv.reader(io.StringIO(text.getvalue(), newline=""))
    lines, records, line = [], [], 1
    for record in reader:
        lines.append(line)
        records.append([cell.strip() for cell in record])
        line = reader.line_num + 1
    raw = read_columns(path, ["c", "a"], [""])
    assert raw.lines.tolist() == lines[1:]
    assert raw.cells["c"].to_pylist() == [record[2] or None for record in records[1:]]
    assert raw.cells["a"].to_pylist() == [record[0] or None for record in records[1:]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.floats(allow_nan=False, allow_infinity=False).map(repr),
            st.decimals(-(10**20), 10**20, allow_nan=False).map(lambda d: f"{d:f}"),
            st.from_regex(r"[0-9]{1,30}\.[0-9]{0,40}([eE][+-]?[0-9]{1,2})?", fullmatch=True),
        ),
        min_size=1,
    ),
    st.booleans(),
)
def test_numbers_are_the_nearest_doubles(tmp_path: Path, texts: list[str], declared: bool) -> None:
    """Each number is the double nearest to its text, as Python reads it, declared or not."""
    path = write(tmp_path, "a.csv", "y\n" + "\n".join(texts) + "\n")
    columns = REAL if declared else {}
    data = Dataset.model_validate({"path": str(path), "columns": columns})
    result = build("d", data, {"y": "y"}, [Variable("y", "real", 1, ("",))], {"d": path}, {})
    expected = [float(text) for text in texts]
    assert result.values["y"].tolist() == expected


@pytest.mark.parametrize("columns", [{}, {"y": {"type": "int"}}])
def test_integers_are_exact_whatever_their_size(tmp_path: Path, columns: dict[str, Any]) -> None:
    """Integers beyond 2⁵³ and beyond 64 bits stand in the data digit by digit, and sort so."""
    numbers = [2**53 + 1, -(2**63) - 1, 2**53, 10**30, 7]
    path = write(tmp_path, "a.csv", "y\n" + "\n".join(map(str, numbers)) + "\n")
    result = built(path, N_Y, DATA, columns=columns, sort=["y"])
    assert result.values["y"] == sorted(numbers)
    small = write(tmp_path, "b.csv", f"y\n{2**53}\n{2**53 + 1}\n")
    data = Dataset.model_validate({"path": str(small), "columns": columns})
    block = [Variable("y", "real", 1, ("",), "", "", f"{2**53}")]
    with pytest.raises(DataError, match=rf"holds {2**53 + 1} at y\[2\]"):
        build("d", data, {"y": "y"}, block, {"d": small}, {})


def test_an_integer_beyond_any_double_is_refused(tmp_path: Path) -> None:
    """A whole number that no double can hold is a fault of its line, declared or not."""
    path = write(tmp_path, "a.csv", "y\n1\n" + "1" * 400 + "\n")
    for columns in ({}, {"y": {"type": "int"}}, REAL):
        (fault,) = faults(path, N_Y, DATA, columns=columns)
        assert fault.where == f"{path}:3"


def test_integers_beside_real_numbers_stay_as_written(tmp_path: Path) -> None:
    """A matrix of an integer and a real column holds integers as integers."""
    path = write(tmp_path, "a.csv", "n,x\n1,2\n3,4.5\n")
    columns = {"x": {"type": "real"}, "n": {"type": "int"}}
    data = Dataset.model_validate({"path": str(path), "columns": columns})
    block = [Variable("X", "real", 2, ("", ""))]
    result = build("d", data, {"X": ["n", "x"]}, block, {"d": path}, {})
    assert dumps(result.values) == '{\n"X": [[1, 2.0], [3, 4.5]]\n}\n'


@pytest.mark.parametrize(
    ("cells", "value", "allowed"),
    [
        ("1.0\n-1.50\n", "-1.50", "at least 0"),
        ("1.0\n+Inf\n", "+Inf", "a finite number, with a decimal point"),
        ("1.0\n1e999\n", "1e999", "a finite number, with a decimal point"),
        ("1.0\n0x1F\n", "0x1F", "a finite number, with a decimal point"),
        ("1.0\nNULL\n", "NULL", "a finite number, with a decimal point"),
    ],
)
def test_a_bad_number_is_shown_as_written(
    tmp_path: Path, cells: str, value: str, allowed: str
) -> None:
    """A cell of a column that is read as numbers is shown as it stands in the file."""
    path = write(tmp_path, "a.csv", "y\n" + cells)
    (fault,) = faults(path, N_Y, DATA, columns={"y": {"type": "real", "lower": 0}})
    assert (fault.where, fault.value, fault.allowed) == (f"{path}:3", value, allowed)


def test_missing_values_beside_blanks_are_missing(tmp_path: Path) -> None:
    """A text for a missing value counts with blanks around it, in quotes, and as a number."""
    path = write(tmp_path, "a.csv", 'y\n1.5\n NA\n"-99"\n -99 \n-99.0\n')
    data = built(path, N_Y, DATA, columns=REAL, na=["NA", "-99"], missing="drop")
    assert data.values == {"N": 2, "y": [1.5, -99.0]}
    assert [drop["row"] for drop in data.meta["dropped"]] == [3, 4, 5]
    plain = write(tmp_path, "b.csv", "y\n1.5\n-99\n-99.0\n")
    data = built(plain, N_Y, DATA, columns=REAL, na=["-99"], missing="drop")
    assert [drop["row"] for drop in data.meta["dropped"]] == [3]


def test_a_header_over_two_lines_and_lone_returns(tmp_path: Path) -> None:
    """Rows are counted from the header's end, and a lone return ends a line."""
    path = tmp_path / "a.csv"
    path.write_bytes(b'"a\nb",y\r1,2\r\r3,x\r')
    (fault,) = faults(path, N_Y, DATA)
    assert (fault.where, fault.value) == (f"{path}:5", "x")


def test_a_long_cell_is_read(tmp_path: Path) -> None:
    """A cell of more than a megabyte is one message or a value, never a crash."""
    long = "x" * 3_000_000
    path = write(tmp_path, "a.csv", f"g,y\n{long},1\n")
    (fault,) = faults(path, {**N_Y, "g": "index(g)"}, [*DATA, "int[N] g"])
    assert "field larger than field limit" in fault.what


PARQUET: list[tuple[pa.Array, dict[str, Any], object]] = [
    (pa.array([3, None, 2**62], pa.int64()), {}, [3, 2**62]),
    (pa.array([3, None, 2**63], pa.uint64()), {}, [3, 2**63]),
    (pa.array([3, None, 4], pa.int8()), {"type": "real"}, [3.0, 4.0]),
    (pa.array([1.0, float("nan"), 3.0]), {"type": "int"}, [1, 3]),
    (pa.array([0.5, None, 0.1], pa.float32()), {}, [0.5, 0.10000000149011612]),
    (pa.array([Decimal("1.50"), None, Decimal("2.25")]), {}, [1.5, 2.25]),
    (pa.array([" 7 ", "NA", "8.5"]).dictionary_encode(), {}, [7.0, 8.5]),
    (pa.array(["7", None, "8"], pa.large_string()), {"type": "int"}, [7, 8]),
    (pa.array([True, None, False]), {"type": "bool"}, [1, 0]),
]


@pytest.mark.parametrize(("cells", "declared", "expected"), PARQUET)
def test_types_of_parquet(
    tmp_path: Path, cells: pa.Array, declared: dict[str, Any], expected: object
) -> None:
    """Nullable, dictionary, decimal and narrow types give the numbers that they hold."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"y": cells}), path)
    columns = {"y": declared} if declared else {}
    data = built(path, N_Y, DATA, columns=columns, missing="drop")
    assert data.values["y"] == expected
    assert [drop["row"] for drop in data.meta["dropped"]] == [2]


def test_levels_and_faults_of_parquet(tmp_path: Path) -> None:
    """Labels are the texts that a .csv would hold; a bad value names its row; `na` counts."""
    path = tmp_path / "a.parquet"
    days = [dt.datetime(2026, 1, 2), dt.datetime(2026, 1, 1)]
    table = {"g": [3.0, 1e16], "n": [-9, 4], "day": days, "y": [1.5, float("inf")]}
    pq.write_table(pa.table(table), path)
    columns = {"g": {"type": "category"}, "day": {"type": "date"}}
    data = built(
        path, {"J": "nlevels(g)", "d": "index(day)"}, ["int J", "int[2] d"], columns=columns
    )
    assert data.meta["sizes"]["J"]["labels"] == ["1e+16", "3.0"]
    assert data.values["d"] == [2, 1]
    (fault,) = faults(path, N_Y, DATA, columns={"y": {"type": "real"}})
    assert (fault.where, fault.value) == (f"{path}, row 2", "inf")
    data = built(path, {"N": "nrow()", "y": "n"}, DATA, na=["-9"], missing="drop")
    assert data.values == {"N": 1, "y": [4]}


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    """A file whose pages are damaged is one message."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"y": [float(n) for n in range(1000)]}), path)
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        built(path, N_Y, DATA)


def _table(folder: Path, rows: int, suffix: str) -> Path:
    values = {
        "y": [n / 7 for n in range(1, rows + 1)],
        "k": list(range(rows)),
        "g": [f"g{n % 5}" for n in range(rows)],
        "u": [n / 3 for n in range(rows)],
    }
    path = folder / f"t{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.table(values), path)
    else:
        lines = [",".join(map(str, row)) for row in zip(*values.values(), strict=True)]
        path.write_text("\n".join(["y,k,g,u", *lines]) + "\n")
    return path


def _steps(work: Callable[[], object]) -> int:
    """Count Python's own steps: calls, and jumps, of which each turn of a loop is one."""
    events, count = sys.monitoring.events, 0

    def step(*_: object) -> None:
        nonlocal count
        count += 1

    tool = sys.monitoring.PROFILER_ID
    sys.monitoring.use_tool_id(tool, "steps")
    for event in (events.PY_START, events.PY_RESUME, events.JUMP):
        sys.monitoring.register_callback(tool, event, step)
    sys.monitoring.set_events(tool, events.PY_START | events.PY_RESUME | events.JUMP)
    try:
        work()
    finally:
        sys.monitoring.set_events(tool, 0)
        sys.monitoring.free_tool_id(tool)
    return count


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_no_python_loop_runs_over_rows(tmp_path: Path, suffix: str) -> None:
    """Ten times the rows take no more of Python's own steps, from the file to the JSON."""
    columns = {
        "y": {"type": "real", "lower": 0, "transform": "standardize"},
        "k": {"type": "int", "lower": 0, "unique": True},
        "g": {"type": "category", "levels": [f"g{n}" for n in range(5)]},
    }
    stan = {"N": "nrow()", "y": "y", "k": "k", "g": "index(g)", "X": ["y", "u"]}
    block = [Variable(n, "int", 1, ("N",), "", "0", "") for n in ("k", "g")]
    block += [Variable("N", "int", 0, ()), Variable("y", "real", 1, ("N",), "", "-10", "N")]
    block += [Variable("X", "real", 2, ("N", "2"))]

    def work(rows: int) -> Callable[[], object]:
        path = _table(tmp_path, rows, suffix)
        declared = {
            "path": str(path),
            "columns": columns,
            "sort": ["g", "k"],
            "where": {"g": ["g1"]},
        }
        data = Dataset.model_validate(declared)
        return lambda: dumps(build("d", data, stan, block, {"d": path}, {}).values)

    work(50)()  # what is imported and cached once
    few, many = _steps(work(800)), _steps(work(8000))
    assert many < few + 500


def test_faults_of_every_row_are_counted_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column that is wrong in thousands of rows makes as many faults as are shown."""
    results: list[object] = []
    real = fault_module.at_rows

    def counting(rows: Any, fault: Any, alike: Any = lambda _: None) -> Any:
        return real(rows, lambda row: results.append(row) or fault(row), alike)

    monkeypatch.setattr("stanchion.datasets.rules.at_rows", counting)
    path = write(tmp_path, "a.csv", "y\n" + "x\n" * 3000)
    (fault,) = faults(path, N_Y, DATA, columns=REAL)
    assert fault.what == "column `y` holds 'x'; 2999 more: line 3, line 4, line 5, …"
    assert len(results) <= 2 * (fault_module.PLACES + 1)


def test_blanks_in_labels_leave_numbers_numbers(tmp_path: Path) -> None:
    """Columns that are declared real are read as numbers beside labels of any text."""
    path = write(tmp_path, "a.csv", "g,y\nNew York,1.5\nSão Paulo, 2.5 \n")
    raw = read_columns(path, ["g", "y"], ["", "NA"], ["y"])
    assert raw.cells["g"].to_pylist() == ["New York", "São Paulo"]
    assert (raw.cells["y"].type, raw.cells["y"].to_pylist()) == (pa.float64(), [1.5, 2.5])
    data = built(path, N_Y, DATA, columns=REAL, na=["2.5"], missing="drop")
    assert data.values == {"N": 1, "y": [1.5]}


def test_rows_are_counted_without_any_column(tmp_path: Path) -> None:
    """A mapping that takes no column counts the rows, and needs them to be whole."""
    path = write(tmp_path, "a.csv", 'g,y\na,1\n\n"b",2\n')
    assert built(path, {"N": "nrow()"}, ["int N"]).values == {"N": 2}
    bad = write(tmp_path, "b.csv", "g,y\na,1\nb\n")
    (fault,) = faults(bad, {"N": "nrow()"}, ["int N"])
    assert (fault.where, fault.what) == (f"{bad}:3", "the row has 1 cells")
