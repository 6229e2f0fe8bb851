"""`stanchion.load`: what it gives of an analysis, and what it refuses with a sentence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import stanchion
from stanchion.api import Analysis
from stanchion.api.state import AnalysisState, File, FitState
from stanchion.errors import (
    AlteredError,
    FailedError,
    ResultsError,
    StaleError,
    UnplannedError,
)
from stanchion.provenance.stamps import Stamp
from stanchion.system.hashes import file_hash
from tests.unit.api_cases import (
    CONFIG,
    FIT,
    FITS,
    FOLDER,
    NAME,
    TABLE,
    run_steps,
)

Change = Callable[[Path], object]


def load(**allowed: bool) -> Analysis:
    return stanchion.load(FOLDER, **allowed)  # type: ignore[arg-type]


def flip(path: Path) -> None:
    """Change a byte in the middle of a file, and put its size and times back."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def swap(project: Path) -> None:
    """Exchange the folders of two fits."""
    one, other = (project / FOLDER / name for name in FITS[:2])
    one.rename(project / "apart")
    other.rename(one)
    (project / "apart").rename(other)


def link_draws(project: Path) -> None:
    """Put a link to a copy in the place of a result."""
    draws = project / FOLDER / FIT / "draws.nc"
    draws.rename(project / "draws.nc")
    draws.symlink_to(project / "draws.nc")


def record_of(project: Path, step: str) -> Path:
    (record,) = (project / FOLDER / FIT / f"records/{step}").glob("*.json")
    return record


def says_what_to_do(error: ResultsError) -> bool:
    """One fault, of one sentence, with what to do about it."""
    (fault,) = error.faults
    return bool(fault.where and fault.todo) and "\n" not in fault.what


def test_an_analysis_gives_what_its_steps_wrote(project: Path) -> None:
    """Fits in declared order, estimates by label against scipy, draws, checks, comparison."""
    analysis = load()
    assert analysis.question == "Does coaching raise scores?"
    assert tuple(analysis.fits) == FITS and len(analysis) == 4
    fit = analysis[FIT]
    assert (fit.dataset, fit.model, fit.method) == ("schools", "partial_pooling", "exact")
    assert (fit.verdict, fit.state) == ("pass", "current")
    table = pd.read_csv(project / TABLE)
    precision = 20**-2 + (1 / table["se"] ** 2).sum()
    mean = (table["effect"] / table["se"] ** 2).sum() / precision
    posterior = stats.norm(mean, precision**-0.5)
    row = fit.summary.loc["mu"]
    assert (row["variable"], row["mean"]) == ("mu", pytest.approx(posterior.mean(), rel=1e-13))
    assert row["q95"] == pytest.approx(posterior.ppf(0.95), rel=1e-12) and pd.isna(row["rhat"])
    draws = fit.draws["posterior"]["mu"]
    assert draws.shape == (1, 200)
    error = posterior.std() / 200**0.5
    assert abs(float(draws.mean()) - posterior.mean()) < 5 * error
    written = json.loads((project / FOLDER / FIT / "diagnostics.json").read_text())["checks"]
    assert [(c.check, c.verdict) for c in fit.checks] == [
        (c["check"], c["verdict"]) for c in written
    ]
    assert analysis.comparison is not None
    assert set(analysis.comparison["model"]) == {"partial_pooling", "full_pooling"}
    assert analysis.comparison["elpd"].dtype == "float64"
    assert analysis.report == project / FOLDER / "report.html"
    answers = fit.answers
    assert answers is not None
    raised = answers.set_index("answer").loc["Coaching raises scores"]
    assert abs(raised["value"] - posterior.sf(0)) < 5 * raised["mcse"]
    assert (raised["verdict"], answers["unit"][1]) == ("pass", "points")


def test_arviz_takes_the_draws_as_they_are(project: Path) -> None:
    """A function of ArviZ works on the tree itself."""
    from arviz_stats import summary

    draws = load()[FIT].draws
    assert isinstance(draws, xr.DataTree)
    assert summary(draws, round_to="none").loc["mu", "mean"] == pytest.approx(
        float(draws["posterior"]["mu"].mean())
    )


def test_a_fit_has_the_shortest_name_that_is_its_own(project: Path) -> None:
    """Any parts of a name in their order, where one fit has them; else what there is."""
    analysis = load()
    for name in ("partial_pooling", "schools/partial_pooling", "partial_pooling/exact", FIT):
        assert analysis[name].name == FIT
    assert analysis["flagged"].name == FITS[3]
    with pytest.raises(
        ResultsError, match="2 fits of coaching have the name 'no_pooling'"
    ) as error:
        analysis["no_pooling"]
    assert f"{FITS[2]}, {FITS[3]}" in str(error.value)
    with pytest.raises(ResultsError, match="did you mean 'full_pooling'"):
        analysis["ful_pooling"]
    with pytest.raises(ResultsError, match="no fit of coaching has the name 'exact/full_pooling'"):
        analysis["exact/full_pooling"]


def test_a_failed_fit_gives_no_number_unless_allowed(project: Path) -> None:
    """`stop`: verdict and checks, no draws, no estimates. `flag`: both. Answers have no value."""
    stopped, flagged = load()[FITS[2]], load()[FITS[3]]
    for attribute in ("draws", "summary"):
        with pytest.raises(
            FailedError, match="the fit failed its checks: non-finite quantities"
        ) as error:
            getattr(stopped, attribute)
        assert says_what_to_do(error.value) and "allow_failed=True" in str(error.value)
    assert stopped.verdict == "fail" and stopped.checks[0].verdict == "fail"
    unanswered, answered = stopped.answers, flagged.answers
    assert unanswered is not None and answered is not None
    assert unanswered["value"].isna().all() and answered["value"].isna().all()
    assert set(unanswered["verdict"]) == set(answered["verdict"]) == {"fail"}
    assert (flagged.verdict, flagged.draws["posterior"]["mu"].shape) == ("fail", (1, 100))
    assert load(allow_failed=True)[FITS[2]].draws["posterior"]["mu"].shape == (1, 200)


def test_texts_are_short_and_show_every_verdict(project: Path) -> None:
    """The analysis has a line a fit; a fit names the checks that found a fault."""
    analysis = load()
    lines = repr(analysis).splitlines()
    assert lines[0] == f"{NAME}: {analysis.question}"
    assert [line.split(maxsplit=1) for line in lines[1:5]] == [
        [FITS[0], "✓ pass"],
        [FITS[1], "✓ pass"],
        [FITS[2], "✕ fail"],
        [FITS[3], "✕ fail"],
    ]
    assert repr(analysis["flagged"]).splitlines()[0] == f"{FITS[3]}: ✕ fail"
    assert "✕ non-finite quantities 0 (allowed: none)" in repr(analysis["flagged"])


def test_paths_are_the_projects_from_any_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a folder deep in the project; draws are there after the folder has changed."""
    (project / "notebooks/deep").mkdir(parents=True)
    monkeypatch.chdir(project / "notebooks/deep")
    analysis = load()
    monkeypatch.chdir("/")
    assert analysis[FIT].draws["posterior"]["mu"].shape == (1, 200)
    assert stanchion.load(project / FOLDER).report == analysis.report


def test_nothing_of_this_process_is_changed(project: Path) -> None:
    """Folder and environment are as they were: a later run takes no part in an earlier one."""
    before = dict(os.environ), Path.cwd()
    load()
    assert (dict(os.environ), Path.cwd()) == before


EDITS: dict[str, tuple[Change, str]] = {
    "summary.csv": (lambda p: flip(p / FOLDER / FIT / "summary.csv"), "summary.csv"),
    "draws.nc": (lambda p: flip(p / FOLDER / FIT / "draws.nc"), "draws.nc"),
    "answers.csv": (lambda p: flip(p / FOLDER / "answers.csv"), "answers.csv"),
    "comparison.csv": (lambda p: flip(p / FOLDER / "comparison.csv"), "comparison.csv"),
    "report.html": (lambda p: flip(p / FOLDER / "report.html"), "report.html"),
    "key file": (
        lambda p: flip(p / FOLDER / FIT / ".keys/collect_draws"),
        f"{FIT}/.keys/collect_draws",
    ),
    "record": (lambda p: edit(record_of(p, "collect_draws"), '"seed": ', '"seed": 1'), "records"),
    "deleted record": (lambda p: record_of(p, "diagnose_fit").unlink(), ".keys/diagnose_fit"),
    "deleted diagnostics": (
        lambda p: (p / FOLDER / FIT / "diagnostics.json").unlink(),
        "diagnostics.json",
    ),
    "swapped folders": (swap, "records"),
    "linked draws": (link_draws, "draws.nc"),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_was_altered_is_refused(project: Path, name: str) -> None:
    """Results, key files and records: altered, moved or deleted, with what to do."""
    change, where = EDITS[name]
    if name == "draws.nc":
        time.sleep(0.1)
        load()  # from here on their hash is remembered
    change(project)
    with pytest.raises(AlteredError) as error:
        load()
    assert says_what_to_do(error.value) and where in str(error.value.faults[0].where)


def test_what_is_altered_can_be_had(project: Path) -> None:
    """Allowed, an altered fit says that it is, and what is missing of one is still refused."""
    flip(project / FOLDER / FIT / "summary.csv")
    record_of(project, "collect_draws").unlink()
    (project / FOLDER / FITS[1] / "diagnostics.json").unlink()
    analysis = load(allow_altered=True)
    assert [fit.state for fit in analysis] == ["altered", "missing", "current", "current"]
    assert "✓ pass (altered)" in repr(analysis) and "missing" in repr(analysis)
    assert len(analysis["partial_pooling"].summary) == 1
    for attribute in ("verdict", "checks", "draws", "summary"):
        with pytest.raises(ResultsError, match=r"diagnostics\.json: this result is missing"):
            getattr(analysis["full_pooling"], attribute)


CHANGES: dict[str, tuple[Change, str]] = {
    "prior": (
        lambda p: edit(p / "config/config.yaml", "mean: 0, sd: 20", "mean: 0, sd: 10"),
        "collect_draws ran with other settings or files: posterior",
    ),
    "data": (lambda p: edit(p / TABLE, "28", "29"), "prepare_data ran with"),
    "another model": (
        lambda p: edit(
            p / "config/config.yaml",
            "[partial_pooling, full_pooling, no_pooling]",
            "[partial_pooling, no_pooling]",
        ),
        "compare_models ran with other settings or files: fits",
    ),
    "no fit": (lambda p: shutil.rmtree(p / FOLDER / FIT), "has not run as it is declared"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_not_as_declared_is_refused(project: Path, name: str) -> None:
    """Another prior, other data, another list of models, a fit that is not made: stale."""
    change, words = CHANGES[name]
    change(project)
    with pytest.raises(StaleError, match=words) as error:
        load()
    assert says_what_to_do(error.value) and f"stanchion run {NAME}" in str(error.value)


def test_while_a_run_goes_on_only_what_is_made_can_be_had(project: Path) -> None:
    """Half a run: refused, with the word to wait; allowed, each fit says what it is."""
    for model in ("partial_pooling", "full_pooling"):
        shutil.rmtree(project / FOLDER / f"schools/{model}")
    edit(project / "config/config.yaml", "mean: 9, sd: 1", "mean: 9, sd: 2")
    run_steps(project, Path(os.environ["CMDSTAN"]), most=2)
    with pytest.raises(StaleError, match="wait for the run that is going on"):
        load()
    states = {fit.name: fit.state for fit in load(allow_stale=True)}
    assert states == dict(zip(FITS, ["current", "missing", "stale", "stale"], strict=True))


def test_what_changes_after_it_was_loaded_is_refused(project: Path) -> None:
    """Each file is held to what it was when the analysis was loaded, at the time it is read."""
    analysis = load()
    flip(project / FOLDER / FIT / "summary.csv")
    flip(project / FOLDER / FIT / "draws.nc")
    (project / FOLDER / "report.html").unlink()
    fit = analysis[FIT]
    for read in (lambda: fit.summary, lambda: fit.draws, lambda: analysis.report):
        with pytest.raises(ResultsError, match="has changed since it was loaded") as error:
            read()
        assert says_what_to_do(error.value)
    assert (fit.verdict, len(analysis["full_pooling"].summary)) == ("pass", 1)


def test_without_its_declaration_an_analysis_is_unplanned(project: Path) -> None:
    """A wrong declaration, one without this analysis, none: the reason, and what can be had."""
    declaration = project / "config/config.yaml"
    for change, reason in (
        (lambda: edit(declaration, "seed: 1\n", "sed: 1\n"), "config.yaml:1: "),
        (lambda: declaration.write_text(CONFIG.replace(NAME, "others")), "but others"),
        (lambda: (project / TABLE).unlink(), "eight_schools.csv"),
    ):
        declaration.write_text(CONFIG)
        change()
        with pytest.raises(UnplannedError) as error:
            load()
        assert says_what_to_do(error.value) and reason in str(error.value)
        analysis = load(allow_unplanned=True)
        assert [fit.state for fit in analysis] == ["unplanned"] * 4
        assert analysis.question and "(unplanned)" in repr(analysis)


def test_another_declaration_is_named_as_for_a_run(project: Path) -> None:
    """`configfile` is relative to the project; the Snakefile's own is what else is taken."""
    declaration = project / "config/config.yaml"
    shutil.copy(declaration, project / "config/other.yaml")
    edit(declaration, "mean: 0, sd: 20", "mean: 0, sd: 10")
    assert len(stanchion.load(FOLDER, configfile="config/other.yaml")) == 4
    with pytest.raises(StaleError):
        load()
    (project / "Snakefile").write_text('configfile: "config/other.yaml"\n')
    assert len(load()) == 4


def test_results_copied_alone_are_held_to_their_records(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under another name and without a project: told, they are loaded; altered, they are not."""
    alone = tmp_path / "for a colleague"
    shutil.copytree(project / FOLDER, alone)
    monkeypatch.chdir("/")
    with pytest.raises(UnplannedError, match="no project is above this folder"):
        stanchion.load(alone)
    analysis = stanchion.load(alone, allow_unplanned=True)
    assert analysis.name == NAME and analysis[FIT].draws["posterior"]["mu"].shape == (1, 200)
    with pytest.raises(FailedError):
        _ = analysis[FITS[2]].summary
    flip(alone / FIT / "summary.csv")
    with pytest.raises(AlteredError, match=r"summary\.csv"):
        stanchion.load(alone, allow_unplanned=True)
    shutil.rmtree(alone / "records")
    with pytest.raises(ResultsError, match="no record of a report") as error:
        stanchion.load(alone, allow_unplanned=True, allow_altered=True)
    assert says_what_to_do(error.value)


def test_links_to_all_results_are_followed_and_one_in_their_place_is_not(
    project: Path, tmp_path: Path
) -> None:
    """`results` may lie elsewhere, and a path may be a link; an analysis' folder may not."""
    (project / "results").rename(tmp_path / "scratch")
    (project / "results").symlink_to(tmp_path / "scratch")
    assert len(load()) == 4
    (tmp_path / "link").symlink_to(project / FOLDER)
    assert len(stanchion.load(tmp_path / "link", allow_unplanned=True)) == 4
    (tmp_path / "scratch" / NAME).rename(tmp_path / "elsewhere")
    (tmp_path / "scratch" / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ResultsError, match="this folder is a link") as error:
        load()
    assert says_what_to_do(error.value)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("results/nothing", "no such folder of results"),
        ("results", "not the folder of an analysis"),
        (f"{FOLDER}/{FIT}", "not the folder of an analysis"),
        (f"{FOLDER}/report.html", "no such folder of results"),
    ],
)
def test_a_folder_that_is_no_analysis_is_refused(project: Path, path: str, words: str) -> None:
    """With the analyses that there are."""
    with pytest.raises(ResultsError, match=words) as error:
        stanchion.load(path)
    assert says_what_to_do(error.value) and error.value.faults[0].allowed == FOLDER


def test_what_lies_beside_results_is_no_alteration(project: Path) -> None:
    """Notes of a person, and a fit that was declared once, do not stop the loading."""
    (project / FOLDER / "notes.txt").write_text("mine")
    (project / FOLDER / "link").symlink_to("notes.txt")
    shutil.copytree(project / FOLDER / FIT, project / FOLDER / "schools/former/exact")
    assert len(load()) == 4


ANSWERS = """\
dataset,model,method,answer,label,value,lower,upper,mcse,unit,verdict
d,m,nuts,Is it so?,,0.25,,,0.01,,pass
d,m,nuts,How large?,NA,1.5,-0.5,3.5,0.05,points,pass
d,m,advi,Is it so?,,,,,,,fail
d,stacked,,How large?,NA,1.25,-0.25,3.0,0.04,points,warn
"""


def test_answers_are_a_table_of_all_and_of_each_fit(tmp_path: Path) -> None:
    """Texts stay texts, `NA` too; what has no number is NaN; a fit has its own rows."""
    path = tmp_path / "answers.csv"
    path.write_text(ANSWERS)
    file = File(file_hash(path), Stamp.of(path))
    fits = tuple(FitState("d", "m", method, "stop", "current") for method in ("nuts", "advi"))
    state = AnalysisState("a", None, fits, {"answers.csv": file}, (), (), None)
    analysis = Analysis(tmp_path, state, allow_failed=False)
    table = analysis.answers
    assert table is not None and list(table["model"]) == ["m", "m", "m", "stacked"]
    assert list(table["label"]) == ["", "NA", "", "NA"] and table["method"][3] == ""
    assert list(table["value"].isna()) == [False, False, True, False]
    mine, failed = analysis["nuts"].answers, analysis["advi"].answers
    assert mine is not None and failed is not None
    assert list(mine.columns) == ANSWERS.splitlines()[0].split(",")[3:]
    assert list(mine["value"]) == [0.25, 1.5] and list(mine["upper"].isna()) == [True, False]
    assert list(failed["verdict"]) == ["fail"] and failed["value"].isna().all()


UNREAD = """
import sys
import stanchion
assert not {"numpy", "pydantic", "stanchion.api"} & set(sys.modules), "importing is not cheap"
analysis = stanchion.load(sys.argv[1])
print(analysis, [fit.verdict for fit in analysis], [fit.checks for fit in analysis])
print([name for name in ("xarray", "h5py", "h5netcdf", "pandas") if name in sys.modules])
import stanchion.api.inspection
print([name for name in ("xarray", "h5py", "h5netcdf", "snakemake") if name in sys.modules])
"""


def test_loading_opens_no_draws(project: Path) -> None:
    """A plain script has every verdict before anything that could read netCDF is imported."""
    command = [sys.executable, "-c", UNREAD, FOLDER]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.splitlines()[-2:] == ["[]", "[]"]
