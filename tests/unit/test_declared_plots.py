"""Declared pictures, by functions of arviz_plots, and pictures as SVG."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from stanchion.errors import DeclarationError, GateError
from stanchion.pictures.catalogue import PICTURES, pictures_of, svg_name, with_svg
from stanchion.pictures.declared import functions, keywords
from stanchion.plan.model import Plan
from stanchion.plan.planner import make_plan
from stanchion.plan.settling import settle_steps
from stanchion.plan.staying import targets
from stanchion.provenance.keyfile import line_of
from stanchion.provenance.stamps import contents
from stanchion.report import page, render
from stanchion.report.reading import read_picture
from stanchion.runs.check import check_plan
from stanchion.steps import check_verdicts, diagnose_fit
from stanchion.system.writing import write_whole
from tests.unit.config_cases import declared
from tests.unit.draws_cases import job, write_json
from tests.unit.pictures_cases import figures_of
from tests.unit.steps_cases import CHECKS, chain, collect, plot
from tests.unit.test_plan import CONFIG, FACTS

STEPS_OF_THE_EXAMPLE = ("sample_prior", "diagnose_fit", "predict_outcomes")
PLOTS = "    plots: [{plot: plot_pair, var_names: [mu, y_rep]}, {plot: plot_energy}]\n"


@pytest.fixture
def planned(tmp_path: Path) -> Callable[[str], Plan]:
    """Return what plans the example with more lines in its analysis."""
    return lambda lines: make_plan(
        declared(tmp_path, CONFIG.replace("    compare:", f"{lines}    compare:")), FACTS
    )


def drawn(folder: Path, function: str, **options: Any) -> dict[str, bytes]:
    """Draw a fit of four chains by the step; return its pictures by ending."""
    if not (folder / "draws.nc").exists():
        collect(folder, [chain(seed) for seed in range(1, 5)])
    return plot(folder, function, **options)


def test_functions_are_those_that_take_a_tree() -> None:
    """What takes a table, or LOO's result, is none of them; nor are objects arguments."""
    assert {"plot_pair", "plot_forest", "plot_ppc_dist", "plot_energy"} <= functions().keys()
    assert not {"plot_compare", "plot_khat", "plot_collection"} & functions().keys()
    taken, needed = keywords("plot_pair")
    assert {"var_names", "visuals", "coords"} <= set(taken)
    assert not {"dt", "backend", "labeller", "plot_collection", "pc_kwargs"} & set(taken)
    assert needed == []


def test_a_declared_picture_is_of_the_fit_s_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`plot_trace` of mu has a line a chain, whose values are its draws; again, the same bytes."""
    figures: list[Figure] = figures_of(monkeypatch)
    first = drawn(tmp_path, "plot_trace", var_names=["mu"])
    lines = [line.get_ydata() for axis in figures[-1].axes for line in axis.lines]
    expected = [chain(seed)["mu"] for seed in range(1, 5)]
    assert len(lines) == 4
    assert np.array_equal(np.sort(lines, axis=0), np.sort(expected, axis=0))
    assert first[".png"].startswith(b"\x89PNG")
    assert first == drawn(tmp_path, "plot_trace", var_names=["mu"])


@pytest.mark.parametrize("function", ["plot_trace", "plot_autocorr"])
def test_no_label_of_a_declared_picture_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    """Titles and labels of axes lie within the figure."""
    figures: list[Figure] = figures_of(monkeypatch)
    drawn(tmp_path, function)
    figure = figures[-1]
    texts = [text for a in figure.axes for text in (a.title, a.xaxis.label, a.yaxis.label)]
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    assert boxes
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert all(figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1 for box in boxes)


def test_what_goes_wrong_inside_is_one_sentence(tmp_path: Path) -> None:
    """Refused by ArviZ, a picture says why, for the report; then the analysis does not pass."""
    for options, reason in (
        ({"var_names": ["nothing"]}, "nothing"),
        ({"var_names": ["mu"], "kind": "pie"}, "{'auto', 'dot', 'ecdf', 'hist', 'kde'}"),
    ):
        picture = drawn(tmp_path, "plot_dist", **options)[".png"]
        judged = json.loads((tmp_path / "plot.json").read_text())
        assert judged["because"].startswith("arviz_plots cannot draw plot_dist of it: ")
        assert reason in judged["because"] and "\n" not in judged["because"]
        (tmp_path / "plot.png").write_bytes(picture)
        assert judged["because"] in read_picture(tmp_path / "plot.png").seen
        with pytest.raises(GateError, match="a declared picture of a/d/m/nuts was not made") as e:
            gate(tmp_path)
        assert reason in str(e.value) and e.value.faults[0].todo
    drawn(tmp_path, "plot_dist", var_names=["mu"])
    assert json.loads((tmp_path / "plot.json").read_text())["because"] is None
    gate(tmp_path)
    assert (tmp_path / "verdicts.json").exists()


def gate(folder: Path) -> None:
    """Judge an analysis whose only fit passed, and that has the declared picture of a folder."""
    fit = {"dataset": "d", "model": "m", "method": "nuts", "on_fail": "stop"}
    inputs: dict[str, Path | list[Path]] = {
        "diagnostics": [write_json(folder / "passed.json", {"verdict": "pass", "checks": []})],
        "comparison": [],
        "answers": [],
        "priors": [],
        "plots": [folder / "plot.json"],
    }
    arguments: dict[str, Any] = {
        "analysis": "a",
        "fits": [fit],
        "priors": [],
        "report": "report.html",
        "plots": ["a/d/m/nuts"],
    }
    check_verdicts.run(
        job(folder, "check_verdicts", arguments, inputs, {"verdicts": "verdicts.json"})
    )


def test_an_svg_is_the_same_each_time(tmp_path: Path) -> None:
    """It has no date, and no name that a clock or a process gave."""
    first = drawn(tmp_path, "plot_dist", svg=True, var_names=["mu"])[".svg"]
    assert first == drawn(tmp_path, "plot_dist", svg=True, var_names=["mu"])[".svg"]
    assert b"<svg" in first and b"<dc:date>" not in first and b"Matplotlib" not in first


def test_pictures_of_a_step_are_svgs_too_where_declared(tmp_path: Path) -> None:
    """Beside each PNG of diagnose_fit stands an SVG of the same picture, the same each time."""
    collect(tmp_path, [chain(seed) for seed in range(1, 5)])
    arguments = {
        "method": "nuts",
        "method_version": 1,
        "checks": CHECKS,
        "waivers": [],
        "parameters": None,
        "uses": [],
        "references": [],
        "fit": "a/d/m/nuts",
        "svg": True,
    }
    outputs = with_svg({"diagnostics": "diagnostics.json", **pictures_of("diagnose_fit")})
    outputs = {name: Path(file).name for name, file in outputs.items()}
    inputs: dict[str, Any] = {
        "draws": tmp_path / "draws.nc",
        "references": [],
        "reference_diagnostics": [],
    }
    made = []
    for _ in range(2):
        diagnose_fit.run(job(tmp_path, "diagnose_fit", arguments, inputs, outputs))
        names = map(svg_name, pictures_of("diagnose_fit"))
        made.append({name: (tmp_path / outputs[name]).read_bytes() for name in names})
    assert made[0] == made[1]
    assert all(b"<svg" in svg and b"<dc:date>" not in svg for svg in made[0].values())
    assert b"<dc:title>Densities of mu and twice." in made[0]["densities_svg"]


def test_a_step_a_picture_and_fit(planned: Callable[[str], Plan]) -> None:
    """Each fit has them under the function's name, the second of a function with a number."""
    plan = planned(PLOTS.replace("{plot: plot_energy}", "{plot: plot_pair}"))
    steps = [step for step in plan if step.rule == "draw_plot"]
    assert len(steps) == 2 * len(plan.fits)
    first, second = steps[:2]
    assert first.outputs["plot"].endswith("/nuts/plots/plot_pair.png")
    assert second.outputs["plot"].endswith("/nuts/plots/plot_pair_2.png")
    assert first.arguments == {"function": "plot_pair", "options": {"var_names": ["mu", "y_rep"]}}
    (report,) = [step for step in plan if step.rule == "write_report"]
    assert report.inputs["plots"] == [step.outputs["plot"] for step in steps]


def test_svgs_are_outputs_that_no_rule_names(planned: Callable[[str], Plan]) -> None:
    """The key file proves them; Snakemake, whose rules are literal, is not asked for them."""
    plan = planned(f"    pictures: [svg]\n{PLOTS}")
    names = {name for step in plan for name in step.outputs if name.endswith("_svg")}
    planned_pictures = {name for name in PICTURES if PICTURES[name].step in STEPS_OF_THE_EXAMPLE}
    assert names == {svg_name(name) for name in ("plot", *planned_pictures)}
    assert not any(path.endswith(".svg") for path in targets(plan))
    assert not any("svg" in step.arguments for step in planned(PLOTS))


@pytest.mark.parametrize(("gone", "is_made_again"), [("plot_svg", True), ("plot", False)])
def test_an_svg_that_is_gone_is_made_again(
    planned: Callable[[str], Plan],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    gone: str,
    is_made_again: bool,
) -> None:
    """No rule names it, so its key file goes: that Snakemake misses, as it misses a PNG itself."""
    plan = planned(f"    pictures: [svg]\n{PLOTS}")
    step = next(step for step in plan if step.rule == "draw_plot")
    monkeypatch.chdir(tmp_path)
    for name, path in step.outputs.items():
        write_whole(Path(path), name)
    write_whole(Path(step.key_file), line_of(step.key, contents(step.outputs, step.stamps)))
    assert step not in settle_steps(plan) and Path(step.key_file).exists()
    Path(step.outputs[gone]).unlink()
    assert step in settle_steps(plan)
    assert Path(step.key_file).exists() is not is_made_again


@pytest.mark.parametrize(
    ("declaration", "key", "what", "todo"),
    [
        ("{plot: plot_pairs}", "plot", "arviz_plots has no 'plot_pairs'", "write plot_pair"),
        ("{plot: plot_compare}", "plot", "arviz_plots has no 'plot_compare'", ""),
        ("{plot: plot_pair, var_name: [mu]}", "var_name", "takes no 'var_name'", "write var_names"),
        ("{plot: plot_pair, backend: none}", "backend", "takes no 'backend'", ""),
        ("{plot: plot_pair, var_names: [muu]}", "var_names", "a variable 'muu'", "write mu"),
    ],
)
def test_check_holds_them_to_arviz_and_the_program(
    planned: Callable[[str], Plan], declaration: str, key: str, what: str, todo: str
) -> None:
    """An unknown function, argument or variable is named, with what is known and what is near."""
    plan = planned(f"    plots: [{declaration}]\n")
    with pytest.raises(DeclarationError) as caught:
        check_plan(plan)
    faults = [fault for fault in caught.value.faults if ".plots" in str(fault.key)]
    (fault,) = faults
    assert what in fault.what and str(fault.key).endswith(key)
    assert fault.allowed and todo in str(fault.todo)


def test_a_declared_picture_holds_plain_values(tmp_path: Path) -> None:
    """A function's name that is none, and a value that YAML makes an object of, are refused."""
    for declaration in ("{plot: os.system}", "{plot: plot_pair, since: 2026-01-01}"):
        text = CONFIG.replace("    compare:", f"    plots: [{declaration}]\n    compare:")
        with pytest.raises(DeclarationError):
            project = declared(tmp_path, text)
            check_plan(make_plan(project, FACTS))


def test_the_report_shows_declared_pictures(tmp_path: Path) -> None:
    """They stand with their fit, under the function's name, and open."""
    from dataclasses import replace

    from stanchion.plan.report_arguments import Plot
    from tests.report_inputs import FitCase, png, report_job

    fit = FitCase("partial", "nuts")
    task = report_job(tmp_path, [fit])
    picture = tmp_path / "plot_pair.png"
    picture.write_bytes(png())
    plots = (Plot(fit=fit.path, name="plot_pair", function="plot_pair"),)
    arguments = replace(task.arguments, plots=plots)
    task = replace(task, arguments=arguments, inputs={**task.inputs, "plots": [picture]})
    html = render.render(page.build(task))
    assert f'alt="plot_pair of {fit.path}"' in html
    assert "<details open><summary>Declared pictures</summary>" in html
