"""The report in a real browser: laptop, telephone and paper."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stanchion.pictures.chains import Chains
from stanchion.pictures.densities import densities
from stanchion.report.page import build
from stanchion.report.render import render
from tests.browser import chromium
from tests.report_inputs import (
    Declared,
    FitCase,
    attempt,
    failed_checks,
    khat_checks,
    made_up,
    png,
    report_job,
)

pytestmark = pytest.mark.browser

SOUND = FitCase("partial", "nuts", parameters=40)
LONG = "a_quantity_with_a_name_that_is_much_longer_than_a_telephone_is_wide"
FITS = [
    SOUND,
    FitCase("partial", "advi", "advi", on_fail="flag", checks=khat_checks(0.93, "fail")),
    FitCase("centred", "nuts", checks=failed_checks()),
    replace(
        SOUND,
        model=f"{LONG}_model",
        summary=[made_up(SOUND)[0], made_up(SOUND)[0] | {"variable": LONG}],
    ),
]
HEIGHTS = {"posterior_predictive": 1236, "conditional_effects": 1040, "khat": 489, "ranks": 1307}
"""In pixels, of four statistics, an effect with its prior, and five ranks."""
EVERYTHING = Declared(
    compare=True,
    predictive=True,
    predict=True,
    effects=True,
    prior=True,
    about={"study": LONG * 3},
    forest={"together": ["mu", "theta"]},
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> chromium.Browser:
    """A Chromium of this machine."""
    program = chromium.find()
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    return chromium.Browser(program, tmp_path_factory.mktemp("profile"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a report of everything, long names among it."""
    folder = tmp_path_factory.mktemp("report")
    page = render(build(report_job(folder / "inputs", FITS, EVERYTHING)))
    (folder / "report.html").write_text(page)
    return folder


@pytest.mark.parametrize("width", [390, 820, 1280, 1366])
def test_nothing_sticks_out(browser: chromium.Browser, folder: Path, width: int) -> None:
    """At any width the page does not scroll sideways; wide tables do so inside their boxes."""
    visited = browser.measure(folder, width)
    assert visited["width"] == width and visited["scrolled"] <= width
    assert visited["wide"] == []


def test_all_is_in_the_file(browser: chromium.Browser, folder: Path) -> None:
    """Pictures show, and nothing is asked of a server beside the page itself."""
    visited = browser.measure(folder, 1366)
    assert visited["images"] > 8 and visited["unloaded"] == 0
    assert [name for name in visited["fetched"] if not name.startswith("data:")] == []
    assert set(visited["asked"]) <= {"/harness.html", "/report.html", "/favicon.ico"}


def test_the_verdicts_are_on_the_first_screen(browser: chromium.Browser, folder: Path) -> None:
    """A laptop shows the table of verdicts without scrolling, a telephone the verdict itself."""
    assert browser.measure(folder, 1366)["tableBottom"] < 768
    assert browser.measure(folder, 390)["verdictBottom"] < 844


def test_one_reading_width_on_a_laptop(browser: chromium.Browser, folder: Path) -> None:
    """Text, pictures, tables and programs share a column of 50 rem, and none goes beyond it."""
    visited = browser.measure(folder, 1280)
    assert max(visited["widths"].values()) <= 800.5
    for kind in ("p", "h1", ".banner", ".program", "figure.forest"):
        assert visited["widths"][kind] == pytest.approx(800, abs=1), kind


def test_tables_side_by_side_are_whole_on_a_laptop(
    browser: chromium.Browser, tmp_path: Path
) -> None:
    """Checks, attempts, statistics and estimates show each column without being scrolled."""
    names = {"tau": "W[standardize(sepal_length),4]", "chain 1": "a long label of a chain"}
    tried = [attempt("start 1", "mode 1, log density -160.816"), attempt("the highest mode", "it")]
    failed = FitCase("centred", "nuts", checks=failed_checks(), labels=names, tried=tried)
    fits = [SOUND, replace(failed, method="laplace"), failed, replace(SOUND, method="careful")]
    page = render(build(report_job(tmp_path / "inputs", fits, EVERYTHING)))
    (tmp_path / "report.html").write_text(page.replace("<details", "<details open"))
    scrolling = browser.measure(tmp_path, 1280)["scrolling"]
    assert [label for label in scrolling if not label.startswith("Predictions")] == []


def many_densities() -> bytes:
    """Return the densities of a fit of more quantities than are drawn."""
    draws = np.random.default_rng(1).normal(size=(4, 100, 40))
    names = ["lp__", *(f"theta[{number}]" for number in range(1, 40))]
    return densities(Chains(names, draws, np.ones(40), range(40), ["lp__", *["theta"] * 39]))


@pytest.mark.parametrize("name", ["few", "models", "many models", "many methods"])
def test_paper_has_no_half_empty_pages(
    browser: chromium.Browser, tmp_path: Path, name: str
) -> None:
    """Ink reaches down more than half of each page but the last, with pictures of usual size."""
    if shutil.which("pdftoppm") is None:
        pytest.skip("there is no pdftoppm on this machine")
    sized = {name: png(960, height, seed=None) for name, height in HEIGHTS.items()}
    pictures = {**sized, "densities": many_densities()}
    drawn = replace(SOUND, picture=png(960, 1072, seed=None), pictures=pictures, parameters=40)
    fits = {
        "few": [*FITS[1:], drawn],
        "models": [replace(drawn, model=f"model_{n}") for n in range(3)],
        "many models": [replace(drawn, model=f"model_{n}") for n in range(9)],
        "many methods": [replace(drawn, method=f"method_{n}") for n in range(14)],
    }[name]
    page = tmp_path / "report.html"
    page.write_text(render(build(report_job(tmp_path / "inputs", fits, EVERYTHING))))
    *sheets, _ = browser.filled(page, tmp_path)
    assert len(sheets) >= 4 and min(sheets) > 0.55, sheets


def test_it_prints(browser: chromium.Browser, folder: Path) -> None:
    """Printing gives a PDF of some pages."""
    pdf = browser.print(folder / "report.html", folder / "report.pdf")
    assert pdf.startswith(b"%PDF-")
    assert 4 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 40
