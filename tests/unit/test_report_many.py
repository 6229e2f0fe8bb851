"""A report of many fits: small pictures in place of a long row of large ones."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from stanchion.report.forest import MOST_TOGETHER
from stanchion.report.page import build
from stanchion.report.render import render
from stanchion.report.sections import MANY, MOST_OPEN
from stanchion.report.size import MOST_PICTURE_BYTES
from tests.report_inputs import Declared, FitCase, failed_checks, png, report_job

EVERYTHING = Declared(compare=True, predictive=True, predict=True, prior=True)
SMALL = '<details class="multiple"'


def page_of(folder: Path, fits: list[FitCase]) -> str:
    """Return the report of these fits with all sections."""
    return render(build(report_job(folder, fits, EVERYTHING)))


def models(count: int, failed: int = 0) -> list[FitCase]:
    """Return a fit of each of so many models, the first of them failed."""
    return [
        FitCase(f"model_{n}", "nuts", checks=failed_checks() if n < failed else ())
        for n in range(count)
    ]


def section(page: str, name: str) -> str:
    """Return a section of the page."""
    return page.split(f'<section id="{name}"')[1].split("</section>")[0]


@pytest.mark.parametrize("name", ["predictive", "predictions", "prior", "chains"])
def test_fits_are_small_from_eight_on(tmp_path: Path, name: str) -> None:
    """Each has a fold with its name and picture; below eight none has."""
    few, many = (page_of(tmp_path / str(n), models(n)) for n in (MANY - 1, MANY))
    assert SMALL not in section(few, name)
    assert section(many, name).count(SMALL) == MANY


def test_what_is_not_sound_stands_open_and_no_more_than_a_few(tmp_path: Path) -> None:
    """The checks of a failed fit are at sight among many; of many failures the first are."""
    one = section(page_of(tmp_path / "one", models(MANY, 1)), "chains")
    (opened,) = re.findall(r'<details class="multiple" open>\s*<summary>(.*?)</span>', one)
    assert "model_0/nuts" in opened
    page = page_of(tmp_path / "all", models(12, 12))
    assert section(page, "chains").count(f"{SMALL} open") == MOST_OPEN
    assert section(page, "verdict").count('class="card') == 12 + 1  # the comparison's
    assert section(page, "verdict").split("4 more fits")[0].count('class="card') == 8


def test_tail_probabilities_of_many_fits_share_a_table(tmp_path: Path) -> None:
    """One row a fit, so that no fold has to be opened to see which model reproduces what."""
    predictive = section(page_of(tmp_path, models(9, 1)), "predictive")
    table = predictive.split("</table>")[0]
    assert table.count('<th scope="row">schools/model_') == 8
    assert "schools/model_0/nuts: not made, because" in predictive


def test_each_method_has_a_mark_of_its_own(tmp_path: Path) -> None:
    """Twelve methods share a picture with twelve marks; more are drawn in another, same axes."""
    fits = [replace(models(1)[0], method=f"method_{n}") for n in range(MOST_TOGETHER + 2)]
    estimates = section(page_of(tmp_path, fits), "estimates")
    pictures = estimates.split('<figure class="forest">')[1:]
    assert len(pictures) == 2
    for picture, count in zip(pictures, (MOST_TOGETHER, 2), strict=True):
        legend = picture.split("</ul>")[0]
        marks = re.findall(r'class="fit-(\d+)" .*?href="#mark-(\d+)"', legend)
        assert len(set(marks)) == len(marks) == count
    ticks = [re.findall(r'<text x="[^"]*" y="\d+">[^<]*', picture) for picture in pictures]
    across = [[re.sub(r' y="\d+"', "", tick) for tick in drawn] for drawn in ticks]
    assert set(across[0]) == set(across[1]) != set()
    assert len(set(re.findall(r'<path id="mark-\d+" (d=.*?)/>', page_of(tmp_path, fits)))) == 12


def test_forty_fits_stay_under_five_megabytes_and_show_their_pictures(tmp_path: Path) -> None:
    """Pictures of many fits lose pixels before any is left out, those at sight last of all."""
    picture = png(120, 120)
    fits = [replace(fit, picture=picture) for fit in models(40)]
    page = page_of(tmp_path, fits)
    assert len(picture) * 4 / 3 * 40 * 2 > MOST_PICTURE_BYTES and len(page) < 5_000_000
    for name in ("predictive", "chains"):
        summaries = re.findall(r"<summary>.*?</summary>", section(page, name), flags=re.DOTALL)
        assert sum("<img " in summary for summary in summaries) == 40


def test_pictures_behind_folds_count_before_one_is_left_out(tmp_path: Path) -> None:
    """Effects and folded pictures, without which all were small enough, are made smaller too."""
    picture = png(120, 100)
    fits = [replace(fit, picture=picture) for fit in models(MANY)]
    address, at_sight, every = len(picture) * 4 / 3, 8 * MANY, 10 * MANY
    assert address * at_sight < MOST_PICTURE_BYTES < address * every
    page = render(build(report_job(tmp_path, fits, replace(EVERYTHING, effects=True))))
    assert page.count("data:image/png;base64,") == every
