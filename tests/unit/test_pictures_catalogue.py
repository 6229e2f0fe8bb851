"""The catalogue of pictures: a function and a row are all that a picture takes."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from stanchion.pictures.catalogue import PICTURES, PictureRow
from stanchion.pictures.trace import trace
from stanchion.plan.catalogue import STEPS
from stanchion.report import page, render, size
from stanchion.report.reading import read_picture
from tests.report_inputs import Declared, FitCase, failed_checks, report_job
from tests.unit.pictures_cases import funnel
from tests.unit.steps_cases import chain, collect, diagnose

TEMPLATES = Path(render.__file__).parent / "templates"


@pytest.mark.parametrize("row", PICTURES.values(), ids=PICTURES)
def test_a_row_names_a_function_a_step_and_sections(row: PictureRow) -> None:
    """Its step leaves its file, its function is there, and its sections show pictures."""
    assert STEPS[row.step].outputs[row.name] == row.file
    assert callable(getattr(import_module(row.module), row.draw.partition(".")[2]))
    assert row.shown
    for section, alt in row.shown.items():
        text = (TEMPLATES / f"{section}.html.j2").read_text()
        assert "{{ pictures_of(" in text or "{% call of_fit(" in text
        assert "{path}" in alt


def test_a_row_is_all_that_a_new_picture_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that the catalogue gets is drawn by its step and shown, with its words."""
    row = PictureRow(
        name="again",
        step="diagnose_fit",
        file="plots/again.png",
        draw="ranks.ranks",
        shown={"chains": "The ranks of {path} once more"},
    )
    monkeypatch.setitem(PICTURES, row.name, row)  # type: ignore[arg-type]
    collect(tmp_path, [chain(seed) for seed in range(1, 5)])
    diagnose(tmp_path)
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "ranks.png").read_bytes()
    fit, declared = FitCase("partial", "nuts"), Declared(predictive=True, prior=True)
    html = render.render(page.build(report_job(tmp_path / "report", [fit], declared)))
    assert f'alt="Rank plots of {fit.path}, worst R-hat first"' in html
    assert f'alt="The ranks of {fit.path} once more"' in html
    assert f'alt="Replicated data of {fit.path} against the observed' in html


def test_the_plan_loads_nothing_that_draws() -> None:
    """Snakemake reads the catalogue at each start: neither matplotlib nor ArviZ comes with it."""
    script = (
        "import sys, stanchion.plan.catalogue; "
        "print([name for name in ('matplotlib', 'arviz_plots', 'xarray') if name in sys.modules])"
    )
    run = [sys.executable, "-c", script]
    completed = subprocess.run(run, capture_output=True, text=True, check=True)
    assert completed.stdout.strip() == "[]"


def test_what_is_seen_stands_in_the_picture_and_in_the_report(tmp_path: Path) -> None:
    """The words of a PNG follow the alternative text, and stay where a report is made again."""
    picture = trace(funnel())
    fit = FitCase("partial", "nuts", picture=picture)
    html = render.render(page.build(report_job(tmp_path, [fit])))
    words = "4 chains of 500 draws of theta[4], theta[3], theta[2] and theta[1], ticks mark "
    assert f'alt="Traces of {fit.path}, worst R-hat first. {words}' in html


def test_what_shows_a_fault_is_folded_and_ranks_are_at_sight(tmp_path: Path) -> None:
    """Rank plots stand before the fold, traces, pairs, energies and autocorrelations behind it."""
    fit = FitCase("partial", "nuts")
    html = render.render(page.build(report_job(tmp_path, [fit])))
    chains = html[html.index('id="chains"') :]
    at_sight, _, folded = chains[: chains.index("</details>")].partition("<details>")
    assert "Rank plots of" in at_sight
    assert "Rank plots of" not in folded
    for words in ("Traces of", "A pair of parameters of", "Energies of", "Autocorrelations of"):
        assert f'alt="{words} {fit.path}' in folded
        assert words not in at_sight


def test_densities_stand_by_the_estimates(tmp_path: Path) -> None:
    """They are open where they are few, and those of a failed fit stay with what went wrong."""
    fits = [FitCase("partial", "nuts"), FitCase("pooled", "nuts", checks=failed_checks())]
    html = render.render(page.build(report_job(tmp_path, fits)))
    estimates = html[html.index('id="estimates"') : html.index('id="chains"')]
    sound, failed = (estimates.index(f'alt="Posterior densities of {fit.path}') for fit in fits)
    assert estimates.rindex("<details", 0, sound) == estimates.rindex("<details open", 0, sound)
    assert "<details>" in estimates[estimates.index("no estimates") : failed]


def test_pictures_behind_the_fold_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a report would weigh too much, ranks stay longer than traces, densities than ranks."""
    fit = FitCase("partial", "nuts")
    job = report_job(tmp_path, [fit])
    sizes = {
        n: len(read_picture(job.paths(PICTURES[n].input)[0]).address)
        for n in PICTURES
        if job.paths(PICTURES[n].input)
    }
    monkeypatch.setattr(size, "MOST_PICTURE_BYTES", sizes["densities"] + sizes["ranks"])
    html = render.render(page.build(job))
    assert f'alt="Posterior densities of {fit.path}' in html
    assert f'alt="Rank plots of {fit.path}' in html
    assert f"it is in <code>{fit.path}/plots/trace.png" in html
