"""The values of a column declared unique name the rows, from the table to summary and page."""

from __future__ import annotations

import csv
import io
import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.config import Dataset
from stanchion.datasets import NewRows
from stanchion.draws.files import labels_of, read_gated, read_variable
from stanchion.plan.report_arguments import Pair
from stanchion.report.data import mapped
from tests.unit.datasets_cases import built, write
from tests.unit.test_labels import summary

PUPILS = "pupil,class,day,score\nAnn,2,2026-01-03,7\nBob,1,2026-01-01,8\nCy,3,2026-01-02,5\n"
BY_ROW = {"N": "nrow()", "y": "score"}
DATA = ["int N", "real[N] y"]


def labels(path: Path, columns: dict[str, Any], **declared: Any) -> Any:
    """Return the meta's size of the rows of a table."""
    return built(path, BY_ROW, DATA, columns=columns, **declared).meta["sizes"]["N"]


@pytest.mark.parametrize(
    ("columns", "factor", "expected"),
    [
        ({"pupil": {"type": "category", "unique": True}}, "pupil", ["Ann", "Bob", "Cy"]),
        ({"class": {"type": "int", "unique": True}}, "class", ["2", "1", "3"]),
        (
            {"day": {"type": "date", "unique": True}},
            "day",
            ["2026-01-03", "2026-01-01", "2026-01-02"],
        ),
        (
            {
                "class": {"type": "int", "unique": True},
                "pupil": {"type": "category", "unique": True},
            },
            "class",
            ["2", "1", "3"],
        ),
    ],
)
def test_the_first_unique_column_names_the_rows(
    tmp_path: Path, columns: dict[str, Any], factor: str, expected: list[str]
) -> None:
    """Categories, whole numbers and dates name rows, as they stand in the file."""
    path = write(tmp_path, "a.csv", PUPILS)
    assert labels(path, columns) == {"dim": "obs", "labels": expected, "factor": factor}


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"pupil": {"type": "category"}},
        {"score": {"type": "real", "unique": True}},
        {"class": {"type": "int", "unique": True, "transform": "center"}},
    ],
)
def test_no_other_column_names_rows(tmp_path: Path, columns: dict[str, Any]) -> None:
    """Neither what may repeat, nor real numbers, nor what is transformed."""
    path = write(tmp_path, "a.csv", PUPILS)
    assert labels(path, columns) == {"dim": "obs", "labels": None}


def test_labels_follow_their_rows(tmp_path: Path) -> None:
    """Rows that are sorted, selected and dropped keep their names."""
    table = PUPILS + "Di,4,2026-01-04,\nEd,5,2026-01-05,6\n"
    columns = {"pupil": {"type": "category", "unique": True}}
    declared = {"sort": ["score"], "missing": "drop", "where": {"class": [1, 2, 4, 5]}}
    found = labels(write(tmp_path, "a.csv", table), columns, **declared)
    assert found["labels"] == ["Ed", "Ann", "Bob"]


def test_new_rows_have_names_of_their_own(tmp_path: Path) -> None:
    """New rows are named by their own dataset's column; a row that stands in has no name."""
    columns = {"pupil": {"type": "category", "unique": True}}
    new = write(tmp_path, "new.csv", "pupil,score\nZoe,1\nYan,2\n")
    for taken, expected in ((True, ["Zoe", "Yan"]), (False, None)):
        data = built(
            write(tmp_path, "a.csv", PUPILS),
            {**BY_ROW, "M": "new.N", "x": "new.y"},
            [*DATA, "int M", "real[M] x"],
            columns=columns,
            others={"new": Dataset.model_validate({"path": str(new), "columns": columns})},
            new_rows=NewRows("new", taken),
        )
        assert data.meta["sizes"]["M"]["labels"] == expected
        assert data.meta["sizes"]["N"]["labels"] == ["Ann", "Bob", "Cy"]


def test_names_of_rows_reach_summary_gate_and_log_likelihood(tmp_path: Path) -> None:
    """Whatever has an element a row says of which row it is."""
    columns = {"pupil": {"type": "category", "unique": True}}
    data = built(write(tmp_path, "a.csv", PUPILS), BY_ROW, DATA, columns=columns)
    fit = tmp_path / "fit"
    fit.mkdir()
    shown = summary(
        fit,
        data.meta,
        "real mu; real[N] theta; real[N,N] K",
        data.values,
        generated_quantities="real[N] log_lik",
    )
    assert shown["theta[2]"] == "theta[pupil=Bob]"
    assert shown["K[1,3]"] == "K[pupil=Ann,pupil=Cy]"
    gated = read_gated(fit / "draws.nc")
    assert dict(zip(gated.names, gated.labels, strict=True))["theta[3]"] == "theta[pupil=Cy]"
    likelihood = read_variable(fit / "draws.nc", "log_likelihood", "log_lik")
    assert labels_of(likelihood) == ["Ann", "Bob", "Cy"]


_NAMES = st.lists(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(
        lambda text: text == text.strip() and text != "NA"
    ),
    min_size=2,
    max_size=6,
    unique=True,
)


@settings(deadline=None, max_examples=60)
@given(_NAMES)
def test_any_text_is_a_safe_and_distinct_label(names: list[str]) -> None:
    """Whatever the cells hold, the labels of rows are distinct, in order, one line of a CSV each,
    and no character in them controls a terminal or turns the text after it."""
    with TemporaryDirectory() as folder:
        sheet = io.StringIO()
        csv.writer(sheet, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
            [("who", "score"), *((name, index) for index, name in enumerate(names))]
        )
        path = Path(folder) / "a.csv"
        path.write_bytes(sheet.getvalue().encode())
        data = built(path, BY_ROW, DATA, columns={"who": {"type": "category", "unique": True}})
        assert data.meta["sizes"]["N"]["labels"] == names
        shown = summary(Path(folder), data.meta, "real[N] theta", data.values)
    assert list(shown) == [f"theta[{index}]" for index in range(1, len(names) + 1)]
    assert len(set(shown.values())) == len(names)
    for (scalar, label), name in zip(shown.items(), names, strict=True):
        if name.isascii() and name.isprintable():
            assert label.removesuffix(f" ({scalar})") == f"theta[who={name}]"
        unsafe = {"Cc", "Cs", "Zl", "Zp"}
        assert not any(unicodedata.category(c) in unsafe for c in label)
        assert not any("\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" for c in label)


def test_columns_whose_names_are_no_words_are_described(tmp_path: Path) -> None:
    """A formula with names in backquotes can be read, and its levels and scaling are known."""
    path = write(tmp_path, "odd.csv", "my sex,my age,y\nf,20,1\nm,30,2\nf,50,3\n")
    stan = {"X": 'design("~ `my sex` + scale(`my age`)")', "P": "ncol(X)"}
    data = built(path, stan, ["int P", "real[3,P] X"])
    sex, age = data.meta["columns"]
    assert sex == {
        "column": "my sex",
        "type": "category",
        "levels": ["f", "m"],
        "reference": ["f"],
    }
    (scaling,) = age["scaling"]
    assert scaling["by"] == "scale(`my age`)"
    assert scaling["center"] == pytest.approx(100 / 3)
    assert scaling["scale"] == pytest.approx((700 / 3) ** 0.5)


def test_what_is_looked_up_in_another_table_is_described(tmp_path: Path) -> None:
    """The levels of the column that looks up, and the constants of the other table's column."""
    path = write(tmp_path, "a.csv", "g,y\na,1\nb,2\nb,3\n")
    other = write(tmp_path, "g.csv", "g,u\na,1\nb,5\nc,3\n")
    columns = {"u": {"type": "real", "transform": "standardize"}}
    data = built(
        path,
        {"u": "other.u(g)", "G": "nlevels(g)", "y": "y"},
        ["int G", "real[G] u", "real[3] y"],
        others={"other": Dataset.model_validate({"path": str(other), "columns": columns})},
    )
    assert data.meta["columns"][0] == {"column": "g", "type": "category", "levels": ["a", "b"]}
    assert data.meta["transforms"] == {"other.u": {"kind": "standardize", "center": 3, "scale": 2}}
    pair = Pair(dataset="d", model="m")
    view = mapped(pair, {}, {**data.meta, "dropped": []}, data.values)
    assert view.transforms == ("other.u: standardize (center 3, scale 2)",)
