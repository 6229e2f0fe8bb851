"""Tables: separators, encodings, rows and cells as they stand in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanchion.datasets.read import Raw, read_columns, read_header
from stanchion.errors import DataError
from tests.unit.datasets_cases import built, faults, write

N_Y = {"N": "nrow()", "y": "y"}
DATA = ["int N", "real[N] y"]


def cells(raw: Raw) -> dict[str, list[object]]:
    """Return cells by column."""
    return {name: column.to_pylist() for name, column in raw.cells.items()}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "x,y\n1,2\n3,4\n"),
        ("a.CSV", "x;y\n1;2\n3;4\n"),
        ("a.csv", '"x,1;";y;z\n1;2;0\n3;4;0\n'),
        ("a.tsv", "x\ty\n1\t2\n3\t4\n"),
        ("a.csv", "\ufeffy,x\r\n2,1\r\n\r\n 4 ,3\r\n"),
    ],
)
def test_separators_marks_blanks_and_line_ends(tmp_path: Path, name: str, text: str) -> None:
    """Commas, semicolons by the header, tabs in .tsv, a byte order mark and blanks all read."""
    data = built(write(tmp_path, name, text), N_Y, DATA)
    assert data.values == {"N": 2, "y": [2, 4]}


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    """A quoted line break and a blank line before a row do not shift its line number."""
    path = write(tmp_path, "a.csv", 'name,y\n"two\nlines",1\n\nplain,2\n')
    raw = read_columns(path, ["name", "y"], [""])
    assert raw.lines.tolist() == [2, 5]
    assert cells(raw) == {"name": ["two\nlines", "plain"], "y": ["1", "2"]}
    assert raw.location(1) == f"{path}:5"


def test_a_ragged_row_names_its_line(tmp_path: Path) -> None:
    """Rows with more or fewer cells than the header are faults, all of them."""
    path = write(tmp_path, "a.csv", "x,y\n1,2\n3\n4,5,6\n")
    refusals = faults(path, N_Y, DATA)
    assert [fault.where for fault in refusals] == [f"{path}:3", f"{path}:4"]
    assert refusals[0].allowed == "2 cells, as in the header"


def test_a_column_that_stands_there_twice(tmp_path: Path) -> None:
    """A column is refused where two bear its name, and only if it is used."""
    path = write(tmp_path, "a.csv", "x,y,y,z,z\n1,2,3,4,5\n")
    assert "more than one column `y`" in str(faults(path, N_Y, DATA)[0])
    assert built(path, {"N": "nrow()", "y": "x"}, DATA).values["y"] == [1]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"y\n\xff\n", "is not UTF-8"),
        ("a.csv", b"y\n", "has no rows"),
        ("a.csv", b'y\n"1', "cannot be read"),
        ("a.parquet", b"nothing of the kind", "cannot be read as Parquet"),
        ("a.xlsx", b"y", "is not a table"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    """A file that cannot be read says why, in one message."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        if name.endswith(".xlsx"):
            read_header(path)
        built(path, N_Y, DATA)


def test_a_missing_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(DataError, match=r"gone\.csv: No such file"):
        read_header(tmp_path / "gone.csv")


def test_parquet_reads_as_the_same_table_in_text_would(tmp_path: Path) -> None:
    """Numbers, text, truth, dates and missing values come out of Parquet as out of a .csv."""
    from datetime import date

    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    columns = {
        "y": pa.array([0.1, float("nan"), 3.0, 4.5]),
        "g": pa.array(["b", "a", None, "b"]).dictionary_encode(),
        "ok": pa.array([True, False, True, False]),
        "day": pa.array([date(2026, 1, d) for d in (1, 2, 3, 4)]),
    }
    pq.write_table(pa.table(columns), path)
    data = built(
        path,
        {**N_Y, "g": "index(g)", "ok": "ok", "day": "index(day)"},
        [*DATA, "int[N] g", "int[N] ok", "int[N] day"],
        columns={"ok": {"type": "bool"}, "day": {"type": "date", "upper": "2026-01-04"}},
        missing="drop",
    )
    assert data.values == {"N": 2, "y": [0.1, 4.5], "g": [1, 1], "ok": [1, 0], "day": [1, 2]}
    assert [(drop["row"], drop["column"]) for drop in data.meta["dropped"]] == [(2, "y"), (3, "g")]
    assert read_columns(path, [], []).lines.tolist() == [1, 2, 3, 4]


def test_the_real_tables_are_read(shared: Path) -> None:
    """The semicolon-separated tables with quotes and empty cells read, and count right."""
    frogs = built(
        shared / "data" / "reedfrogs.csv",
        {"N": "nrow()", "s": "surv", "n": "density", "J": "nlevels(pred)", "p": "index(pred)"},
        ["int N", "int[N] s", "int[N] n", "int J", "int[N] p"],
        columns={"surv": {"type": "int", "lower": 0}, "pred": {"type": "category"}},
    )
    lines = (shared / "data" / "reedfrogs.csv").read_text().splitlines()[1:]
    assert frogs.values["N"] == len(lines)
    assert frogs.values["s"] == [int(line.split(";")[3]) for line in lines]
    assert frogs.meta["sizes"]["J"]["labels"] == ["no", "pred"]
    rugged = built(
        shared / "data" / "rugged.csv",
        {"N": "nrow()", "y": "rgdppc_2000", "x": "rugged"},
        ["int N", "real[N] y", "real[N] x"],
        columns={"rgdppc_2000": {"type": "real", "transform": "log"}},
        missing="drop",
        where={"cont_africa": [1]},
    )
    assert rugged.values["N"] + len(rugged.meta["dropped"]) == 57
