"""tables.docx: read back, and held to the files that it is of."""

from __future__ import annotations

import csv
import hashlib
import math
import re
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import docx
import pytest
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.config import load
from stanchion.plan.planner import make_plan
from stanchion.report.answers import read_answers
from stanchion.report.numbered import NumberedTable
from stanchion.report.tables import Tables
from stanchion.report.word import render
from stanchion.steps.write_tables import run
from tests.report_inputs import Declared, FitCase, failed_checks, tables_job
from tests.unit.test_plan import CONFIG, FACTS, changed

MADE_IN = {
    "run": "20261121T090000Z-1a2b",
    "git": {"commit": "c0ffee" * 6 + "c0de", "dirty": True, "diff_sha256": "ab" * 32},
}
FITS = [
    FitCase("partial", "nuts"),
    FitCase("partial", "advi", kind="advi"),
    FitCase("pooled", "nuts"),
]
POINT = FitCase(
    "partial",
    "map",
    estimate="MAP",
    summary=[{"variable": "mu", "estimate": 4.3219, "se": 1.2345}],
)


def written(
    folder: Path,
    fits: Sequence[FitCase] = FITS,
    declared: Declared | None = None,
    answers: Mapping[str, Any] | None = None,
) -> docx.document.Document:
    """Write the tables of fits, and return the document as python-docx reads it."""
    job = replace(tables_job(folder, fits, declared, answers), made_in=MADE_IN)
    run(job)
    return docx.Document(str(job.outputs["tables"]))


def cells(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def paragraphs(document: docx.document.Document, style: str) -> list[str]:
    return [p.text for p in document.paragraphs if p.style is not None and p.style.name == style]


def summary(folder: Path, fit: FitCase) -> dict[str, dict[str, str]]:
    with (folder / fit.path / "summary.csv").open(newline="") as file:
        return {row["variable"]: row for row in csv.DictReader(file)}


def value_and_place(cell: str) -> tuple[float, int]:
    """Return the number in a cell, and the power of ten of its last digit."""
    plain = cell.replace("\N{MINUS SIGN}", "-")
    return float(plain), -len(plain.partition(".")[2])


COLUMNS = {
    "mean": "mean", "sd": "sd", "median": "median", "5 %": "q5", "95 %": "q95",
    "MCSE": "mcse_mean", "bulk ESS": "ess_bulk", "tail ESS": "ess_tail", "R-hat": "rhat",
}  # fmt: skip


def test_every_cell_is_that_of_the_summary(tmp_path: Path) -> None:
    """Each number is the file's, rounded to its last digit; no number is missing or added."""
    document = written(tmp_path)
    tables = [cells(table) for table in document.tables]
    by_table = [FITS[:2], FITS[2:]]
    assert len(tables) == len(by_table)
    for rows, fits in zip(tables, by_table, strict=True):
        headings, *body = rows
        files = {fit.method: summary(tmp_path, fit) for fit in fits}
        if len(files) == 1:
            headings, body = (
                ["quantity", "method", *headings[1:]],
                [[r[0], *files, *r[1:]] for r in body],
            )
        assert headings == ["quantity", "method", *COLUMNS]
        assert [tuple(row[:2]) for row in body] == [
            (name, method) for name in files["nuts"] for method in files
        ]
        for name, method, *numbers in body:
            row = files[method][name]
            for heading, cell in zip(COLUMNS, numbers, strict=True):
                exact = row[COLUMNS[heading]]
                if not exact:
                    assert cell == "–"
                    continue
                value, place = value_and_place(cell)
                error = 1.0 if heading.endswith("ESS") else 0.5
                assert abs(value - float(exact)) <= error * 10.0**place * (1 + 1e-9)


def test_a_mean_has_no_digit_that_its_error_does_not_support(tmp_path: Path) -> None:
    """Its last digit stands where the Monte Carlo error has its first."""
    headings, *body = cells(written(tmp_path).tables[0])
    file = summary(tmp_path, FITS[0])
    for row in body:
        if row[1] == "nuts":
            error = float(file[row[0]]["mcse_mean"])
            _, place = value_and_place(row[headings.index("mean")])
            assert place == math.floor(math.log10(error))


def test_the_question_comes_first_and_the_verdict_next(tmp_path: Path) -> None:
    """Before any number."""
    document = written(tmp_path)
    first, second = document.paragraphs[:2]
    assert (first.text, first.style.name) == (Declared().question, "Heading 1")
    assert second.text == "3 fits: 2 passed, 1 in which k̂ found no fault."


def test_a_failed_fit_has_no_number_but_the_reason(tmp_path: Path) -> None:
    """Stopped or flagged, alone in its table or beside another fit."""
    bad = failed_checks()
    fits = [
        FitCase("pooled", "nuts", checks=bad),
        FitCase("partial", "nuts"),
        FitCase("partial", "again", checks=bad, on_fail="flag"),
    ]
    document = written(tmp_path, fits)
    assert document.paragraphs[1].text == "3 fits: 2 failed, 1 passed."
    reason = (
        "R-hat 1.124 (allowed: ≤ 1.01) at tau; bulk ESS 38 (allowed: ≥ 400) at tau; "
        "divergences 57 (allowed: none) at chain 1: 12."
    )
    assert paragraphs(document, "List Bullet") == [
        f"schools/pooled/nuts: {reason}",
        f"schools/partial/again: {reason}",
    ]
    alone, beside = document.tables
    assert cells(alone) == [["method", "because"], ["nuts", reason]]
    assert "no numbers, because no fit passed" in paragraphs(document, "Caption")[0]
    assert paragraphs(document, "Caption")[1] == "Table 2. Posterior of partial on schools by nuts"
    assert len(beside.rows) == 1 + len(summary(tmp_path, fits[1]))
    assert f"again gives no numbers: {reason}" in paragraphs(document, "Table Note")


def test_captions_are_those_of_word(tmp_path: Path) -> None:
    """`Table 1.`, the number a field that Word counts anew and keeps beside its table."""
    document = written(tmp_path, declared=Declared(compare=True))
    captions = [p for p in document.paragraphs if p.style.name == "Caption"]
    assert [p.text for p in captions] == [
        "Table 1. Posterior of partial on schools",
        "Table 2. Posterior of pooled on schools by nuts",
        "Table 3. Models of schools, best first, by PSIS-LOO",
    ]
    for caption in captions:
        (field,) = caption._p.iter(qn("w:instrText"))
        assert field.text == " SEQ Table \\* ARABIC "
        kinds = [m.get(qn("w:fldCharType")) for m in caption._p.iter(qn("w:fldChar"))]
        assert kinds == ["begin", "separate", "end"]
        assert caption._p.getnext().tag == qn("w:tbl")
    assert document.styles["Caption"].paragraph_format.keep_with_next


def test_headings_repeat_and_numbers_stand_right(tmp_path: Path) -> None:
    """The first row is a heading on each page; a row is never broken; words stand left."""
    tables = written(tmp_path, declared=Declared(compare=True)).tables
    for table, words in zip(tables, (2, 1, 2), strict=True):
        heads = [bool(list(row._tr.iter(qn("w:tblHeader")))) for row in table.rows]
        assert heads == [True] + [False] * (len(heads) - 1)
        assert all(list(row._tr.iter(qn("w:cantSplit"))) for row in table.rows)
        for row in table.rows:
            right = [c.paragraphs[0].alignment == WD_ALIGN_PARAGRAPH.RIGHT for c in row.cells]
            assert right == [False] * words + [True] * (len(right) - words)


def test_notes_stay_with_their_table(tmp_path: Path) -> None:
    """Each note is kept on the page of what stands above it: the table's last row, or a note."""
    document = written(tmp_path, declared=Declared(compare=True))
    for table in document.tables:
        last = [cell.paragraphs[0] for cell in table.rows[-1].cells]
        assert all(paragraph.paragraph_format.keep_with_next for paragraph in last)
    kept = [
        (str(paragraph.style.name), bool(paragraph.paragraph_format.keep_with_next))
        for paragraph in document.paragraphs
        if paragraph.style is not None
    ]
    notes = [(keeps, after[0]) for (name, keeps), after in pairwise(kept) if name == "Table Note"]
    assert len(notes) > 3
    assert [keeps for keeps, _ in notes] == [after == "Table Note" for _, after in notes]


def test_each_table_names_its_source(tmp_path: Path) -> None:
    """Path, SHA-256 of the file as it lies there, run and commit, as the report has them."""
    notes = paragraphs(written(tmp_path, declared=Declared(compare=True)), "Table Note")
    files = [*(f"{fit.path}/summary.csv" for fit in FITS), "comparison.csv"]
    sources = [note for note in notes if note.startswith("Source: ")]
    git = MADE_IN["git"]
    assert isinstance(git, dict)
    assert sources == [
        f"Source: results/coaching/{file}, SHA-256 "
        f"{hashlib.sha256((tmp_path / file).read_bytes()).hexdigest()}; run {MADE_IN['run']}; "
        f"git commit {git['commit']}; changes not committed SHA-256 {git['diff_sha256']}."
        for file in files
    ]


def test_the_comparison_is_that_of_its_file(tmp_path: Path) -> None:
    """A row a fit, best first, and what the differences are worth below."""
    document = written(tmp_path, [FITS[0], FITS[2]], Declared(compare=True))
    headings, *body = cells(document.tables[-1])
    with (tmp_path / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row[:2] for row in body] == [[row["model"], row["method"]] for row in rows]
    for shown, row in zip(body, rows, strict=True):
        elpd, place = value_and_place(shown[headings.index("elpd")])
        assert abs(elpd - float(row["elpd"])) <= 0.5 * 10.0**place
    notes = paragraphs(document, "Table Note")
    assert any(note.startswith("partial predicts better than pooled") for note in notes)


def test_points_have_a_table_of_their_own(tmp_path: Path) -> None:
    """Estimates with their standard errors, beside none of the posterior's numbers."""
    document = written(tmp_path, [FITS[0], POINT])
    assert paragraphs(document, "Caption") == [
        "Table 1. Posterior of partial on schools by nuts",
        "Table 2. Modes of partial on schools by map (MAP)",
    ]
    points = cells(document.tables[1])
    assert points == [["quantity", "estimate", "standard error"], ["mu", "4.3", "1.2"]]


def test_a_long_summary_says_what_is_left_out(tmp_path: Path) -> None:
    """As many rows as the report shows of a fit, and where the others are."""
    document = written(tmp_path, [FitCase("partial", "nuts", parameters=300)])
    assert len(document.tables[0].rows) == 201
    assert "102 more rows in the file." in paragraphs(document, "Table Note")


def answer(name: str, kind: str, unit: str | None, *fits: Mapping[str, Any]) -> dict[str, Any]:
    plain = {"stacked": False, "expressions": {"": "mu"}, "rope": None}
    return {"answer": name, "kind": kind, "unit": unit, **plain, "fits": list(fits)}


def answered(model: str, *rows: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    named = {"dataset": "schools", "model": model, "method": "nuts", "verdict": "pass"}
    return {**named, "because": None, "rows": list(rows), "ropes": [], "choice": None, **more}


def numbers(value: float, mcse: float, *rest: float, label: str = "") -> dict[str, Any]:
    """Return a row of answers.json; `rest` are sd and the ends of the interval, or nothing."""
    sd, lower, upper = rest or (None, None, None)
    named = {"label": label, "value": value, "lower": lower, "upper": upper, "mcse": mcse}
    return {**named, "sd": sd, "density": None, "rhat": 1.001, "loss": None, "loss_mcse": None}


EFFECT = answer(
    "Effect in school A over school C",
    "quantity",
    "points",
    answered("partial", numbers(1.2345, 0.0512, 2.8, -3.1234, 6.0678)),
    answered("pooled", verdict="fail", because="the fit failed its checks: R-hat"),
)
RISE = answer("Scores rise", "probability", None, answered("partial", numbers(0.9346, 0.006)))


def content(*answers: Mapping[str, Any]) -> dict[str, Any]:
    interval = {"prob": 0.9, "kind": "equal_tailed"}
    return {"schema": "stanchion/answers/1", "interval": interval, "answers": list(answers)}


def test_answers_are_the_first_table(tmp_path: Path) -> None:
    """Values with the digits of their errors, units in the headings; a failed fit has a reason."""
    document = written(tmp_path, answers=content(EFFECT))
    assert paragraphs(document, "Caption")[0] == "Table 1. Answers"
    head, value, failed = cells(document.tables[0])
    assert head == [
        "answer", "fit", "verdict", "value (points)", "90 % interval, from (points)",
        "to (points)", "MCSE (points)",
    ]  # fmt: skip
    name = EFFECT["answer"]
    assert value == [name, "schools/partial/nuts", "pass", "1.23", "−3.1", "6.1", "0.051"]
    assert failed == [name, "schools/pooled/nuts", "fail", *["–"] * 4]
    in_words, why, source = paragraphs(document, "Table Note")[:3]
    assert in_words == (
        f"{name} (schools/partial/nuts): 1.23 points, 90 % interval from −3.1 to 6.1 points "
        "(Monte Carlo error 0.051)."
    )
    assert why == f"{name} (schools/pooled/nuts): No value: the fit failed its checks: R-hat."
    digest = hashlib.sha256((tmp_path / "answers.json").read_bytes()).hexdigest()
    assert source.startswith(f"Source: results/coaching/answers.json, SHA-256 {digest};")


def test_answers_of_several_units_have_a_column_of_them(tmp_path: Path) -> None:
    """A probability has neither unit nor interval."""
    table = written(tmp_path, answers=content(EFFECT, RISE)).tables[0]
    head, effect, _, probability = cells(table)
    assert head[3:5] == ["unit", "value"]
    assert effect[3:5] == ["points", "1.23"]
    assert probability[3:] == ["", "0.935", "–", "–", "0.0060"]


def test_elements_of_an_answer_have_their_labels(tmp_path: Path) -> None:
    """A row each, and one unit or none in the headings."""
    rows = [numbers(0.75, 0.01, label="A"), numbers(0.25, 0.01, label="B")]
    choice = {"label": "A", "difference": 0.5, "mcse": 0.02, "second": "B"}
    largest = answer("Largest", "argmax", None, answered("partial", *rows, choice=choice))
    document = written(tmp_path, answers=content(largest))
    head, *body = cells(document.tables[0])
    assert head[2:5] == ["of", "verdict", "value"]
    assert [row[2:5] for row in body] == [["A", "pass", "0.75"], ["B", "pass", "0.25"]]
    ((fit,),) = (one.fits for one in read_answers(tmp_path / "answers.json"))
    note = paragraphs(document, "Table Note")[0]
    assert note == f"Largest (schools/partial/nuts): {fit.sentence}"


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    """At any time: no clock is in the file, neither in its properties nor in its parts."""
    made = []
    for second in (1_000_000_000, 1_700_000_001):
        with mock.patch.object(time, "time", return_value=float(second)):
            job = replace(tables_job(tmp_path, FITS), made_in=MADE_IN)
            run(job)
        made.append(job.outputs["tables"].read_bytes())
    assert made[0] == made[1]
    with zipfile.ZipFile(BytesIO(made[0])) as file:
        assert {part.date_time for part in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        core = file.read("docProps/core.xml").decode()
        everything = b"".join(file.read(name) for name in file.namelist()).decode(errors="ignore")
    assert "created" not in core and "modified" not in core
    assert "python-docx" not in everything and str(tmp_path) not in everything


@given(st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=25, deadline=None)
def test_any_text_gives_a_document_that_can_be_read(title: str, cell: str) -> None:
    """What XML cannot hold is written as an escape, and nothing is taken for markup."""
    table = NumberedTable(cell, (cell, "n"), 1, ((cell, "1"),), (cell,))
    rendered = render(Tables(title, cell, cell, (cell,), (table,)))
    document = docx.Document(BytesIO(rendered))
    ((heading, _), (body, _)) = cells(document.tables[0])
    assert heading == body == document.paragraphs[-1].text
    plain = " ".join(cell.split())
    if plain.isascii() and plain.isprintable():
        assert body == plain


def test_tables_are_made_where_they_are_declared(tmp_path: Path) -> None:
    """One step more, that the gate waits for: a failure leaves no tables of a better day."""
    plans = []
    for text in (CONFIG, CONFIG.replace("    compare:", "    tables: [docx]\n    compare:")):
        (tmp_path / "config.yaml").write_text(text)
        plans.append(make_plan(load(tmp_path / "config.yaml"), FACTS))
    assert changed(*plans) == {"write_tables", "check_verdicts"}
    gate = plans[1].step("check_verdicts", {"analysis": "means"})
    assert "write_tables" in {step.rule for step in gate.upstream}
    step = plans[1].step("write_tables", {"analysis": "means"})
    assert step.outputs == {"tables": "results/means/tables.docx"}
    before = {step.rule for step in step.upstream}
    assert before == {"collect_draws", "diagnose_fit", "compare_models"}


def test_tables_are_of_the_answers_that_are_declared(tmp_path: Path) -> None:
    """Another question, and they are made again."""
    plans = []
    for bound in (0, 1):
        asked = f"    tables: [docx]\n    answers: {{rises: {{probability: mu > {bound}}}}}\n"
        (tmp_path / "config.yaml").write_text(
            CONFIG.replace("    compare:", f"{asked}    compare:")
        )
        plans.append(make_plan(load(tmp_path / "config.yaml"), FACTS))
    assert "write_tables" in changed(*plans)
    step = plans[0].step("write_tables", {"analysis": "means"})
    assert step.inputs["answers"] == "results/means/answers.json"


@pytest.mark.parametrize("field", ["question", "project"])
def test_what_tables_show_changes_them(tmp_path: Path, field: str) -> None:
    """The question and the project's name stand in the document."""
    plans = []
    for words in ("one", "another"):
        text = CONFIG.replace("    compare:", "    tables: [docx]\n    compare:")
        if field == "project":
            text = re.sub(r"^project: .*$", f"project: {words}", text, flags=re.MULTILINE)
        else:
            text = text.replace("    compare:", f"    question: {words}\n    compare:")
        (tmp_path / "config.yaml").write_text(text)
        plans.append(make_plan(load(tmp_path / "config.yaml"), FACTS))
    assert changed(*plans) == {"write_tables", "write_report", "check_verdicts"}
