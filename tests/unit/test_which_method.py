"""docs/which-method.md: its figures are those that were measured, its checks those there are."""

from __future__ import annotations

import re

import pytest

from stanchion.checks.catalogue import CHECKS
from stanchion.methods.catalogue import METHODS
from tests.project import ROOT
from tests.unit.gallery_tables import cells, plain

PAGE = (ROOT / "docs/which-method.md").read_text()
MEASURED = (ROOT / "docs/methods.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in MEASURED.splitlines() if line.startswith("| ")]


def measured() -> dict[tuple[str, str], str]:
    """Return the cells of docs/methods.md by problem and method, without emphasis."""
    head = next(row for row in ROWS if row[0] == "problem")
    cells = {
        (row[0], method): cell.strip("*")
        for row in ROWS
        if len(row) == len(head)
        for method, cell in zip(head, row, strict=True)
    }
    start = next(i for i, row in enumerate(ROWS) if row[:2] == ["model", "method"])
    hard = {(row[0], row[1]): f"{row[2]} {row[4]}" for row in ROWS[start + 1 :] if len(row) > 4}
    return hard | cells


def cited() -> list[tuple[str, str, str]]:
    """Return method, problem and cell of each figure in brackets."""
    return re.findall(r"\((\w+) on (\w+): ([^)]*)\)", PAGE.replace("\n", " "))


def test_every_figure_is_the_cell_that_was_measured() -> None:
    """Method and problem are in the tables, and the cell is what stands there."""
    cells = measured()
    assert len(cited()) == len(re.findall(r"\(\w+ on ", PAGE.replace("\n", " "))) > 15
    for method, problem, cell in cited():
        assert cells[problem, method] == cell


def test_every_figure_of_the_gallery_is_the_cell_of_its_page() -> None:
    """Page, row and column lead to one cell, and it is what stands there."""
    table = PAGE[PAGE.index("| | what | page |") :].split("\n\n", maxsplit=1)[0]
    figures = 0
    for row in table.splitlines()[2:]:
        link, text = (part.strip() for part in row.split("|")[3:5])
        (page,) = re.findall(r"\]\(gallery/(\w+)\.md\)", link)
        for figure in text.split("; "):
            ((name, column, cell),) = re.findall(r"^(.+?) / ([^:]+): (.+)$", figure)
            assert cells(page)[name, column] == [plain(cell)], (page, figure)
            figures += 1
    assert figures > 20


def test_what_is_cited_of_the_gallery_is_measured() -> None:
    """Each number of a sentence is a row of the table, and each row has its sentence."""
    sentences, table = PAGE.split("## Measured in the gallery")
    cited = set(re.findall(r"\bG[1-9]\d*\b", sentences))
    measured = re.findall(r"^\| (G\d+) \|", table, re.MULTILINE)
    assert cited == set(measured) and len(measured) == len(cited)


@pytest.mark.parametrize(
    ("method", "passed", "wrong"),
    [
        ("nuts", 10, 0),
        ("hmc", 4, 0),
        ("auto", 9, 1),
        ("pathfinder", 6, 2),
        ("meanfield", 3, 2),
        ("fullrank", 5, 2),
        ("laplace", 6, 1),
    ],
)
def test_counts_are_those_of_the_table(method: str, passed: int, wrong: int) -> None:
    """The numbers of fits in the sentences are the page's: passed, and wrong in silence."""
    row = next(row for row in ROWS if row[0] == method and row[1].isdecimal())
    assert (int(row[1]), row[5]) == (passed, f"{wrong} of 10")


def test_shares_of_gradients_and_sums_are_those_of_the_table() -> None:
    """Each cost is that of its method; the sum is over ADVI, Pathfinder and Laplace."""
    rows = {row[0]: row for row in ROWS if len(row) == 7 and row[1].isdecimal()}
    for method, share in (("pathfinder", "0.00133"), ("meanfield", "0.0114"), ("hmc", "0.551")):
        assert rows[method][6].split(" ")[0] == share and f"{share} of the gradients" in PAGE
    approximations = [rows[n] for n in ("meanfield", "fullrank", "pathfinder", "single", "laplace")]
    passed = sum(int(row[1]) for row in approximations)
    wrong = sum(int(row[5].split()[0]) for row in approximations)
    assert f"{wrong} of the {passed} fits of ADVI, Pathfinder and Laplace that passed" in PAGE


def test_the_checks_of_the_habits_exist() -> None:
    """What is said to catch a habit is a check of the catalogue, or a part of the product."""
    table = PAGE[PAGE.index("| habit |") :].split("\n\n", maxsplit=1)[0]
    last = [row.split(" | ")[-1] for row in table.splitlines()[2:]]
    names = {name for cell in last for name in re.findall(r"`(\w+)`", cell)}
    assert len(last) == 11 and names - {"advise", "prior_predictive"} <= CHECKS.keys()


def test_the_methods_that_are_declared_exist() -> None:
    """Each declaration of the first table begins with the name of a method."""
    table = PAGE[PAGE.index("| you want |") :].split("\n\n", maxsplit=1)[0]
    names = [re.findall(r"`(\w+): \{", row)[0] for row in table.splitlines()[2:]]
    assert set(names) < METHODS.keys() and len(names) == len(set(names))
