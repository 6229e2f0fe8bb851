"""Draws that were made elsewhere are held to the model's program, and judged like any."""

from __future__ import annotations

import gc
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stanchion.config import load
from stanchion.draws.files import read_attributes, read_group, read_variable
from stanchion.errors import ChainError, DataError, DeclarationError
from stanchion.plan import facts
from stanchion.plan.model import Facts, Plan
from stanchion.plan.planner import make_plan
from stanchion.runs.check import check_plan
from stanchion.stan.program import Program, Variable
from stanchion.steps import collect_draws
from stanchion.system.hashes import file_hash
from tests.unit.draws_cases import job, write_chains, write_json
from tests.unit.external_cases import CHAINS, DRAWS, Groups, groups, write
from tests.unit.steps_cases import (
    META,
    Y,
    chain,
    collect,
    collecting,
    compare,
    diagnose,
    predict,
    read_csv,
    verdicts_of,
)

SIZES = {"N": len(Y), "M": 2, "y": Y.tolist()}
HASH = "0" * 64


def collected(folder: Path, *files: Path, **arguments: Any) -> Path:
    """Collect files of draws into a folder."""
    is_csv = files[0].suffix == ".csv"
    settings = {
        "file": [path.name for path in files] if is_csv else files[0].name,
        "sha256": [HASH] * len(files) if is_csv else HASH,
        "chains": CHAINS,
        "draws": DRAWS,
        **arguments.pop("settings", {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    inputs: dict[str, Path | list[Path]] = {
        "chains": list(files),
        "data": write_json(folder / "data.json", SIZES),
        "meta": write_json(folder / "meta.json", META),
    }
    requested = collecting(**{"method": "draws", "settings": settings, **arguments})
    outputs = {"draws": "draws.nc", "summary": "summary.csv"}
    collect_draws.run(job(folder, "collect_draws", requested, inputs, outputs))
    return folder


def diagnosed(folder: Path, **options: Any) -> dict[str, Any]:
    return diagnose(folder, "draws", uses=["log_lik", "y_rep", "y_new"], **options)


def test_draws_of_a_file_are_those_of_stans_chains(tmp_path: Path) -> None:
    """The same draws by netCDF, by Stan CSVs as a file, and by NUTS give the same numbers."""
    collect(tmp_path / "nuts", [chain(seed) for seed in range(1, CHAINS + 1)])
    netcdf = collected(tmp_path / "netcdf", write(tmp_path / "d.nc", groups()))
    (tmp_path / "made").mkdir()
    paths = write_chains(tmp_path / "made", [chain(seed) for seed in range(1, CHAINS + 1)])
    csv = collected(tmp_path / "csv", *paths)
    again = collected(tmp_path / "again", tmp_path / "nuts/draws.nc")
    table = read_csv(tmp_path / "nuts/summary.csv")
    for folder in (netcdf, csv, again):
        assert read_csv(folder / "summary.csv") == table
        for group in ("posterior", "log_likelihood", "posterior_predictive", "predictions"):
            first = read_group(tmp_path / "nuts/draws.nc", group)
            other = read_group(folder / "draws.nc", group)
            assert list(first) == list(other)
            for name in first:
                np.testing.assert_array_equal(first[name], other[name])
    verdict = diagnosed(csv)
    assert verdict["verdict"] == "pass"
    assert verdicts_of(verdict)["divergences"] == "pass"


def test_draws_of_a_file_have_the_pictures_of_chains(tmp_path: Path) -> None:
    """Trace, ranks and autocorrelation are those that the same draws of NUTS have."""
    collect(tmp_path / "nuts", [chain(seed) for seed in range(1, CHAINS + 1)])
    folder = collected(tmp_path / "file", tmp_path / "nuts/draws.nc")
    diagnose(tmp_path / "nuts")
    diagnosed(folder)
    for name in ("trace", "ranks", "autocorrelation", "pair"):
        assert (folder / f"{name}.png").read_bytes() == (tmp_path / f"nuts/{name}.png").read_bytes()


def test_a_file_goes_through_checks_predictions_and_comparison(tmp_path: Path) -> None:
    """R-hat, ESS and divergences judge it; its log_lik is compared with that of Stan's fit."""
    collect(tmp_path / "stan", [chain(seed, centre=1.0) for seed in range(11, 15)])
    diagnose(tmp_path / "stan")
    folder = collected(tmp_path / "old@old", write(tmp_path / "d.nc", groups()))
    judged = diagnosed(folder, references=[tmp_path / "stan"])
    assert judged["verdict"] == "pass"
    verdicts = verdicts_of(judged)
    passed = ("rhat", "ess_bulk", "ess_tail", "divergences", "ebfmi", "nuts_difference")
    assert {name: verdicts[name] for name in passed} == dict.fromkeys(passed, "pass")
    assert verdicts["treedepth"] == "skipped"
    made = predict(folder)
    assert [one["statistic"] for one in made["statistics"]] == ["mean", "sd"]
    assert made["loo_pit"] is not None
    assert [row["row"] for row in made["predictions"]["rows"]] == ["p", "q"]
    rows, _ = compare(tmp_path, "stan", "old@old")
    elpd = {row["model"]: (float(row["elpd"]), float(row["se"])) for row in rows}
    assert elpd["old"][0] == pytest.approx(elpd["stan"][0], abs=0.1)


@pytest.mark.parametrize("name", ["reached_max_treedepth", "reached_max_tree_depth"])
def test_a_tree_at_its_greatest_depth_counts_under_both_names(tmp_path: Path, name: str) -> None:
    """That of the schema, and that of ArviZ's `from_numpyro`: 30 of 2,000 transitions warn."""
    saturated = np.zeros((CHAINS, DRAWS), np.bool_)
    saturated[1, :30] = True
    folder = collected(tmp_path, write(tmp_path / "d.nc", groups(sample_stats={name: saturated})))
    (check,) = (c for c in diagnosed(folder)["checks"] if c["check"] == "treedepth")
    assert (check["value"], check["verdict"]) == (30, "warn")


def test_what_the_sampler_says_is_judged_and_no_attribute_is(tmp_path: Path) -> None:
    """A divergence fails whatever attributes claim; what is not said is skipped with a reason."""
    flags = np.zeros((CHAINS, DRAWS), np.bool_)
    flags[2, 7] = True
    diverging = groups(sample_stats={"diverging": flags})
    claims = {"diverging": 0, "verdict": "pass", "rhat": 1.0}
    folder = collected(tmp_path / "a", write(tmp_path / "a.nc", diverging, **claims))
    assert verdicts_of(diagnosed(folder))["divergences"] == "fail"
    silent = collected(tmp_path / "b", write(tmp_path / "b.nc", groups(sample_stats=None)))
    judged = diagnosed(silent)
    skipped = [check for check in judged["checks"] if check["verdict"] == "skipped"]
    assert [check["check"] for check in skipped] == ["divergences", "ebfmi", "treedepth"]
    assert all("does not say" in check["note"] for check in skipped)
    assert judged["verdict"] == "pass"
    assert "the file has no log density: lp__ is not judged" in judged["notes"]


def test_chains_that_disagree_fail(tmp_path: Path) -> None:
    """R-hat is computed from the draws of a file, as it is of any chains."""
    content = groups()
    content["posterior"]["mu"] = content["posterior"]["mu"] + np.arange(CHAINS)[:, None]
    folder = collected(tmp_path / "a", write(tmp_path / "a.nc", content))
    assert verdicts_of(diagnosed(folder))["rhat"] == "fail"


def test_draws_that_are_no_numbers_fail(tmp_path: Path) -> None:
    """NaN in a parameter without bounds fails the gate."""
    content = groups()
    content["posterior"]["mu"][1, 3] = np.nan
    folder = collected(tmp_path / "a", write(tmp_path / "a.nc", content))
    judged = diagnosed(folder)
    assert (judged["verdict"], verdicts_of(judged)["finite"]) == ("fail", "fail")


def test_what_the_file_lacks_is_left_out_with_the_reason(tmp_path: Path) -> None:
    """Without log_lik, replications and predictions the rest is made, and each says why not."""
    content = groups(
        posterior={"twice": None, "more": np.ones((CHAINS, DRAWS))},
        log_likelihood=None,
        posterior_predictive=None,
        predictions=None,
    )
    folder = collected(tmp_path / "old", write(tmp_path / "d.nc", content))
    collect(tmp_path / "stan", [chain(seed) for seed in range(11, 15)])
    diagnose(tmp_path / "stan")
    judged = diagnosed(folder, references=[tmp_path / "stan"])
    assert judged["verdict"] == "pass"
    assert verdicts_of(judged)["nuts_difference"] == "pass"
    assert judged["notes"] == [
        "declared by the program, and not in the file: twice, log_lik, y_rep, y_new",
        "in the file, and not declared by the program: more",
    ]
    made = predict(folder)
    assert made["statistics_because"] == "its draws hold no y_rep"
    assert made["loo_pit_because"] == "its draws hold no y_rep"
    assert made["predictions"]["because"] == "the draws hold no y_new"
    _, comparison = compare(tmp_path, "old")
    (left,) = comparison["left_out"]
    assert "no log_lik" in left["because"]


def test_the_library_is_handed_on(tmp_path: Path) -> None:
    """draws.nc says what made the draws, and nothing where the file does not say it."""
    named = {"inference_library": "pymc", "inference_library_version": "5.2"}
    folder = collected(tmp_path / "a", write(tmp_path / "a.nc", groups(), **named))
    assert named.items() <= read_attributes(folder / "draws.nc", "posterior").items()
    other = collected(tmp_path / "b", write(tmp_path / "b.nc", groups()))
    assert "inference_library" not in read_attributes(other / "draws.nc", "posterior")


def test_other_names_of_a_group_with_one_variable(tmp_path: Path) -> None:
    """The one variable of a group is the one of its role; the posterior may hold it too."""
    content = groups()
    content["log_likelihood"] = {"likelihood": content["log_likelihood"]["y"]}
    content["posterior"]["y_rep"] = content.pop("posterior_predictive")["y"]
    folder = collected(tmp_path / "a", write(tmp_path / "a.nc", content))
    for group, name in (("log_likelihood", "y"), ("posterior_predictive", "y")):
        assert read_variable(folder / "draws.nc", group, name).shape == (CHAINS, DRAWS, len(Y))


def without_numbers(content: Groups) -> None:
    content["posterior"]["mu"] = np.full((CHAINS, DRAWS), "x")


def flagged_by_two(content: Groups) -> None:
    content["sample_stats"]["diverging"] = np.full((CHAINS, DRAWS), 2)


def other_draws(content: Groups) -> None:
    for group in ("log_likelihood", "posterior_predictive", "predictions", "sample_stats"):
        del content[group]
    content["posterior"] = {name: v[:, :-1] for name, v in content["posterior"].items()}


def transposed(content: Groups) -> None:
    content["log_likelihood"]["y"] = content["log_likelihood"]["y"][..., :-1]


def widened(content: Groups) -> None:
    content["posterior"]["mu"] = np.zeros((CHAINS, DRAWS, 3))


def without_mu(content: Groups) -> None:
    del content["posterior"]["mu"]


def of_other_data(content: Groups) -> None:
    content["observed_data"]["y"] = Y + 0.01


REFUSED: dict[str, tuple[Callable[[Groups], None], str]] = {
    "missing": (without_mu, "holds no `mu`, which is a parameter of the model's program"),
    "dimensions": (widened, "`mu` has 1 dimension beside chain and draw"),
    "sizes": (transposed, "`log_lik` has 11 elements along its dimension 1, and the program"),
    "draws": (other_draws, "holds 4 chains of 499 draws, and 4 chains of 500 draws are declared"),
    "text": (without_numbers, "`mu` is of type"),
    "flags": (flagged_by_two, "`sample_stats.diverging` holds values other than true and false"),
    "data": (of_other_data, "its observed data `y` are others than those of the fit"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_of_other_draws_is_refused(tmp_path: Path, case: str) -> None:
    """What is not the program's, or not declared, is one sentence with the file's name."""
    change, words = REFUSED[case]
    content = groups()
    change(content)
    path = write(tmp_path / "d.nc", content)
    with pytest.raises(ChainError) as caught:
        collected(tmp_path / "fit", path)
    (fault,) = caught.value.faults
    assert words in fault.what
    assert (fault.where, bool(fault.todo)) == (str(path), True)
    assert not (tmp_path / "fit/draws.nc").exists()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garbled(path: Path) -> None:
    path.write_text("no netCDF at all\n")


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def without_posterior(path: Path) -> None:
    write(path, groups(posterior=None))


@pytest.mark.parametrize("damage", [cut, garbled, emptied, without_posterior])
def test_a_file_that_is_not_whole_is_refused(
    tmp_path: Path, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A netCDF that is cut, empty, something else, or without a posterior is one sentence.

    Nothing more is said when the library gives the file up.
    """
    path = write(tmp_path / "d.nc", groups())
    damage(path)
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    with pytest.raises(ChainError, match=r"not whole|no group `posterior`") as caught:
        collected(tmp_path / "fit", path)
    assert len(caught.value.faults) == 1
    assert not (tmp_path / "fit/draws.nc").exists()
    del caught
    gc.collect()
    assert ignored == []


def test_a_parameter_outside_its_bounds_is_refused(tmp_path: Path) -> None:
    """Bounds of parameters count, since another program may have another parameter of the name."""
    declared = {
        "parameters": (Variable("mu", "real", 0, (), "real", "1"),),
        "transformed_parameters": (),
        "generated_quantities": (),
    }
    path = write(tmp_path / "d.nc", groups())
    with pytest.raises(ChainError, match=r"`mu` is -?[0-9.e-]+, and the program allows at least 1"):
        collected(tmp_path / "fit", path, variables=declared, observed=None)


def test_what_the_summary_is_to_show_must_be_there(tmp_path: Path) -> None:
    """A variable that `parameters` names is refused where it is missing, whatever its block."""
    path = write(tmp_path / "d.nc", groups(posterior={"twice": None}))
    with pytest.raises(ChainError, match="no `twice`, which is named under `parameters`"):
        collected(tmp_path / "fit", path, parameters=("mu", "twice"))


def test_stan_csvs_of_another_method_or_cut_short_are_refused(tmp_path: Path) -> None:
    """Chains of `sample` only, whole, and of one length."""
    (tmp_path / "made").mkdir()
    paths = write_chains(tmp_path / "made", [chain(seed) for seed in range(1, CHAINS + 1)])
    text = paths[1].read_text()
    for changed, words in (
        (text.replace("method = sample", "method = variational"), "`variational`, and not of"),
        (text[: len(text) // 2], "not whole"),
        (text.replace("num_samples = 500", "num_samples = 499"), "of 499 draws"),
    ):
        paths[1].write_text(changed)
        with pytest.raises(ChainError, match=words):
            collected(tmp_path / "fit", *paths)


CONFIG = """\
seed: 3
datasets:
  points: {path: data/points.csv, stan: {N: nrow(), y: y}}
models:
  m: {program: stan/m.stan}
analyses:
  a:
    datasets: [points]
    models: [m]
    methods:
      old: {method: draws, file: FILE, sha256: HASH, draws: 500}
      forecast: {method: gq, of: old}
    posterior_predictive: {observed: y, replicated: y_rep}
"""
N, Y_IN = Variable("N", "int", 0, (), "int", "0"), Variable("y", "vector", 1, ("N",))
PROGRAM = Program(
    path="stan/m.stan",
    canonical="// m",
    data=(N, Y_IN),
    parameters=(Variable("mu", "real", 0, ()),),
    transformed_parameters=(),
    generated_quantities=(
        Variable("log_lik", "vector", 1, ("N",)),
        Variable("y_rep", "vector", 1, ("N",)),
    ),
    includes=(),
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a file of draws."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/points.csv").write_text("y\n" + "".join(f"{y!r}\n" for y in Y.tolist()))
    write(tmp_path / "data/d.nc", groups())
    return tmp_path


def planned(file: str = "data/d.nc", sha256: str | None = None) -> Plan:
    """Plan with the files as they are."""
    declared = sha256 or file_hash(Path("data/d.nc"))
    Path("config.yaml").write_text(CONFIG.replace("FILE", file).replace("HASH", declared))
    known = Facts(
        programs={"m": PROGRAM},
        files=facts._hashes(load(Path("config.yaml"))),
        compilers={"m": {}},
        toolchain={},
        waivers={},
    )
    return make_plan(load(Path("config.yaml")), known)


def keys(plan: Plan) -> dict[str, str]:
    return {"/".join((s.rule, s.wildcards.get("method", ""))): s.key for s in plan}


def test_nothing_is_sampled_or_compiled_for_a_file(project: Path) -> None:
    """Its draws are collected from the file itself, and generated quantities are had from them."""
    plan = planned()
    old = [s.rule for s in plan if s.wildcards.get("method") == "old"]
    assert old == ["collect_draws", "diagnose_fit", "predict_outcomes"]
    step = plan.step(
        "collect_draws", {"analysis": "a", "dataset": "points", "model": "m", "method": "old"}
    )
    assert step.inputs["chains"] == ["data/d.nc"]
    assert step.expected["data/d.nc"] == {"sha256": file_hash(Path("data/d.nc"))}
    assert not any("data/d.nc" in step.drop for step in plan)
    check_plan(plan)


def test_the_key_is_of_the_content_and_not_of_the_path(project: Path) -> None:
    """A file that is moved makes nothing anew but the report, other content everything."""
    first = keys(planned())
    shutil.copy("data/d.nc", "data/moved.nc")
    moved = keys(planned("data/moved.nc"))
    assert {name for name in first if first[name] != moved[name]} == {
        "write_report/",
        "check_verdicts/",
    }
    write(project / "data/d.nc", groups(predictions=None))
    changed = keys(planned())
    assert {name.partition("/")[0] for name in first if first[name] == changed[name]} == {
        "compile_program",
        "prepare_data",
    }


def test_a_file_with_another_hash_is_refused(project: Path) -> None:
    """The declared SHA-256 is held to, before anything runs, and the other one is shown."""
    with pytest.raises(DataError) as caught:
        planned(sha256="f" * 64)
    (fault,) = caught.value.faults
    assert fault.key == "analyses.a.methods.old.sha256"
    assert fault.allowed == file_hash(Path("data/d.nc"))


def test_check_refuses_a_file_that_is_not_the_programs(project: Path) -> None:
    """What the step would refuse is said by `check`, at the key `file`."""
    write(project / "data/d.nc", groups(posterior={"mu": None}))
    with pytest.raises(DeclarationError) as caught:
        check_plan(planned())
    (fault,) = caught.value.faults
    assert fault.what.startswith("data/d.nc: it holds no `mu`")
    assert (fault.key, fault.allowed) == ("analyses.a.methods.old.file", "mu, log_lik, y_rep")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("file: FILE", "file: ../d.nc", "file"),
        ("file: FILE", "file: [a.csv, b.csv]", "sha256"),
        ("file: FILE", "file: a.csv", "file"),
        ("sha256: HASH", f"sha256: [{HASH}]", "sha256"),
        ("draws: 500", "draws: 3", "draws"),
    ],
)
def test_a_declaration_of_files_fits_together(project: Path, old: str, new: str, key: str) -> None:
    """Files lie in the project, have a SHA-256 each, and are one netCDF or a CSV a chain."""
    text = CONFIG.replace(old, new).replace("FILE", "data/d.nc").replace("HASH", HASH)
    Path("config.yaml").write_text(text)
    with pytest.raises(DeclarationError) as caught:
        load(Path("config.yaml"))
    assert any(key in str(fault.key).split(".") for fault in caught.value.faults)


def test_two_readings_of_a_file_give_the_same_bytes(tmp_path: Path) -> None:
    """draws.nc and summary follow from the content of the file."""
    path = write(tmp_path / "d.nc", groups())
    one, two = (collected(tmp_path / name, path) for name in ("one", "two"))
    for name in ("draws.nc", "summary.csv"):
        assert file_hash(one / name) == file_hash(two / name)
    assert json.loads((one / "data.json").read_text()) == SIZES
