"""The catalogue of pictures: a function and a row are all that a picture takes."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from stanchion.pictures.catalogue import PICTURES, PictureRow
from stanchion.plan.catalogue import STEPS
from stanchion.report import page, render
from tests.report_inputs import Declared, FitCase, report_job
from tests.unit.steps_cases import chain, collect, diagnose

TEMPLATES = Path(render.__file__).parent / "templates"


@pytest.mark.parametrize("row", PICTURES.values(), ids=PICTURES)
def test_a_row_names_a_function_a_step_and_sections(row: PictureRow) -> None:
    """Its step leaves its file, its function is there, and its sections show pictures."""
    assert STEPS[row.step].outputs[row.name] == row.file
    assert callable(getattr(import_module(row.module), row.draw.partition(".")[2]))
    assert row.shown
    for section, alt in row.shown.items():
        assert "{{ pictures_of(" in (TEMPLATES / f"{section}.html.j2").read_text()
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
