"""The method `auto`: which draws are the answer, where chains start else, and what is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from stanchion.config import Analysis, resolved_checks
from stanchion.draws.files import read_attributes
from stanchion.errors import ChainError
from stanchion.methods.auto import Auto
from stanchion.methods.pathfinder import Pathfinder
from stanchion.plan.keys import seed_of
from stanchion.sampling.archive import Archive, read_archive
from stanchion.sampling.fit import Fit
from stanchion.steps import collect_draws, sample_fit
from tests.unit.config_cases import changed, fault
from tests.unit.draws_cases import job as step_job
from tests.unit.draws_cases import variables, write_json
from tests.unit.steps_cases import collecting, diagnose, read_csv
from tests.unit.test_sample_fit import cache, job  # noqa: F401
from tests.unit.test_starts import MU, PATHS, evaluated, starts_in

PATHS_OF_FOUR, DRAWS = 4, 250
SEED = seed_of(1, "pathfinder")


def pathfinder_csv(
    width: float = 1.2, shifts: tuple[float, ...] = (0, 0, 0, 0), log_p: float | None = None
) -> str:
    """Return draws of Normal(10 + shift, width) by path, as approximations of Normal(10, 1).

    The i-th path of `shifts` has the number i; NaN leaves it out.
    """
    rng = np.random.default_rng(5)
    lines = ["# method = pathfinder", "lp_approx__,lp__,path__,mu"]
    for path, shift in enumerate(shifts, start=1):
        z = rng.normal(size=DRAWS)
        log_q = -z * z / 2 - np.log(width)
        mu = 10 + shift + width * z
        density = -((mu - 10 - shift) ** 2) / 2
        if log_p is not None:
            density, log_q = np.full(DRAWS, log_p), rng.uniform(size=DRAWS)
        if not np.isnan(shift):
            rows = zip(log_q.tolist(), density.tolist(), mu.tolist(), strict=True)
            lines += [f"{q!r},{p!r},{path},{x!r}" for q, p, x in rows]
    return "\n".join([*lines, "# Elapsed Time: 0.3 seconds (Total)", ""])


def with_infinite_end(csv: str) -> str:
    """Return the draws with infinity in place of the last one of mu."""
    *before, last, footer, end = csv.split("\n")
    return "\n".join([*before, f"{last.rpartition(',')[0]},inf", footer, end])


def first_draws(csv: str) -> dict[int, float]:
    """The first draw of mu of each path."""
    rows = [line.split(",") for line in csv.splitlines() if line[0] not in "#l"]
    first = {int(row[2]): float(row[3]) for row in reversed(rows)}
    return dict(sorted(first.items()))


def sampled(
    folder: Path, csv: str | None, checks: dict[str, Any] | None = None, **settings: Any
) -> Archive:
    """Run the step of `auto` whose program is a script, and whose Pathfinder wrote this CSV."""
    several = "echo no gradient; exit 1"
    if csv is not None:
        (folder / "pathfinder.csv").write_text(csv)
        several = f'cp {folder}/pathfinder.csv "$output"; exit 0'
    method = Auto.model_validate(
        {"warmup": 3, "draws": 6, "pathfinder": {"draws": DRAWS}, **settings}
    )
    with (
        job(folder, PATHS % f'[ "$seed" = {SEED} ] && {{ {several}; }}') as made,
        mock.patch.object(Fit, "evaluate", lambda _fit, points, **_: evaluated(points)),
    ):
        arguments = replace(
            made.arguments,
            method="auto",
            method_version=Auto.version,
            settings=method.settings,
            checks={"khat": 0.7, **(checks or {})},
            variables=MU,
        )
        sample_fit.run(replace(made, arguments=arguments))
        return read_archive(made.outputs["chains"], folder / "read")


def test_draws_that_nothing_speaks_against_are_the_answer(tmp_path: Path) -> None:
    """Pathfinder's own CSV, under its settings; the one attempt says k̂."""
    csv = pathfinder_csv()
    archive = sampled(tmp_path, csv)
    (chain,) = archive.chains
    assert chain.read_text() == csv
    attempts = archive.attempts
    assert (attempts.method, attempts.method_version) == ("pathfinder", Pathfinder.version)
    assert attempts.settings == Pathfinder(draws=DRAWS).settings
    (tried,) = attempts.tried
    assert tried.passed and tried.because.startswith("k̂ ")
    assert tried.runs == ("chain_1.csv",) and attempts.retries == ()


@pytest.mark.parametrize(
    ("csv", "checks", "because"),
    [
        (pathfinder_csv(width=0.4), {}, "is above 0.667 for 1000 draws"),
        (pathfinder_csv(shifts=(0, 0, 3, 0)), {}, "the paths disagree: mu of path 3"),
        (pathfinder_csv(), {"khat": -10.0}, "is above the declared -10"),
        (pathfinder_csv(log_p=-1.0), {}, "all draws have one log density"),
        (with_infinite_end(pathfinder_csv()), {}, "a draw of a parameter is not finite"),
    ],
)
def test_what_speaks_against_them_sends_chains_on(
    tmp_path: Path, csv: str, checks: dict[str, Any], because: str
) -> None:
    """Chains of NUTS start at the first draw of each path, and the attempts say why."""
    archive = sampled(tmp_path, csv, checks)
    assert starts_in(archive) == pytest.approx(list(first_draws(csv).values()), rel=1e-14)
    attempts = archive.attempts
    assert (attempts.method, attempts.settings["init"]) == ("nuts", "pathfinder")
    assert attempts.is_from_approximation
    first, second, last = attempts.tried
    assert not first.passed and because in first.because
    assert "draw 1 of path 4" in second.because and second.gradients == 0
    assert last.passed


def test_a_path_that_failed_sends_chains_on_and_is_replaced(tmp_path: Path) -> None:
    """k̂ of the others is good, and a path that gave nothing is a reason all the same."""
    csv = pathfinder_csv(shifts=(0, np.nan, 0, 0))
    archive = sampled(tmp_path, csv)
    first, second, _ = archive.attempts.tried
    assert first.because == "only 3 of 4 paths gave draws"
    draws = first_draws(csv)
    assert starts_in(archive)[:3] == pytest.approx([draws[n] for n in (1, 3, 4)], rel=1e-14)
    assert starts_in(archive)[3] == float(f"1.{seed_of(1, 'path', '1')}")
    assert "draw 1 of path 4, and of more paths; the starts are draw 1 of path 1" in second.because


def test_without_any_path_chains_start_where_cmdstan_has_them(tmp_path: Path) -> None:
    """Neither Pathfinder nor further paths gave a start: that is said, and NUTS is tried."""
    with mock.patch("tests.unit.test_auto.PATHS", PATHS.replace("%s", "echo never; exit 1; %s")):
        archive = sampled(tmp_path, None)
    first, second, last = archive.attempts.tried
    assert (first.passed, second.passed, last.passed) == (False, False, True)
    assert "gave starts to 0 of 4, from 12 paths" in second.because
    assert archive.attempts.settings["init"] is None
    assert not archive.attempts.is_from_approximation


FULL = """echo 'Cannot write output file "chain.csv": No space left on device.'; exit 1"""


@pytest.mark.parametrize("failure", [FULL, "kill -9 $$"], ids=["full disk", "killed"])
@pytest.mark.parametrize("paths", ["Pathfinder", "the paths of the starts"])
def test_a_failure_of_the_machine_decides_nothing(tmp_path: Path, failure: str, paths: str) -> None:
    """Else one declaration would give other draws on a day on which the disk was full."""
    csv = None if paths == "Pathfinder" else pathfinder_csv(shifts=(0, np.nan, 0, 0))
    script = PATHS % f"%s\n  {failure}"
    if csv is None:
        script = PATHS % f"{failure}\n  %s"
    with (
        mock.patch("tests.unit.test_auto.PATHS", script),
        pytest.raises(ChainError, match=r"No space left on device|killed by SIGKILL, twice"),
    ):
        sampled(tmp_path, csv)


def test_both_methods_limits_are_resolved(tmp_path: Path) -> None:
    """k̂'s by the draws of all paths, the least ESS by the chains, and both enter the key."""
    analysis = Analysis.model_validate(
        {"datasets": ["d"], "models": ["m"], "methods": {"auto": {"chains": 8}}}
    )
    resolved = resolved_checks(analysis, analysis.methods["auto"])
    assert (resolved["ess"], resolved["khat"], resolved["rhat"]) == (800, 0.7, 1.01)
    assert analysis.methods["auto"].decides_by == ("khat",)


@pytest.mark.parametrize(
    ("settings", "key", "what"),
    [
        ("init: 0.5", "init", "the chains of auto start at Pathfinder's draws"),
        ("pathfinder: {paths: 1}", "pathfinder.paths", "one path has no other to be held to"),
        ("pathfinder: {init: 0}", "pathfinder.init", "may agree for that reason"),
        ("pathfinder: {init: a.json}", "pathfinder.init", "may agree for that reason"),
        ("pathfinder: {seed: 3}", "pathfinder.seed", "seed is one of the whole fit"),
        ("pathfinder: {resample: false}", "pathfinder.resample", "that are not resampled are no"),
        ("pathfinder: {path: 3}", "pathfinder.path", "unknown key"),
        ("chains: 4, superchains: 4", "superchains", "4 chains are not 4 superchains"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    tmp_path: Path, settings: str, key: str, what: str
) -> None:
    """One message each, at the key within the section."""
    text = changed("on_fail: flag}", f"on_fail: flag}}\n      auto: {{{settings}}}")
    refusal = fault(tmp_path, text)
    assert refusal.key == f"analyses.coaching.methods.auto.{key}"
    assert what in refusal.what


def test_the_summary_and_the_verdict_are_those_of_what_gave_the_draws(tmp_path: Path) -> None:
    """Pathfinder's draws are resampled, have no R-hat, and are held to k̂ and to their paths."""
    sampled(tmp_path, pathfinder_csv())
    write_json(tmp_path / "data.json", {})
    collected = step_job(
        tmp_path,
        "collect_draws",
        collecting(
            method="auto",
            method_version=Auto.version,
            settings=Auto.model_validate({"pathfinder": {"draws": DRAWS}}).settings,
            keep=["metric", "warmup"],
            variables=variables(parameters="real mu"),
            observed=None,
            replicated=None,
            predicted=None,
        ),
        {
            "chains": [tmp_path / "staged" / "chains.zip"],
            "data": tmp_path / "data.json",
            "meta": write_json(tmp_path / "meta.json", {"sizes": {}}),
        },
        {"draws": "draws.nc", "summary": "summary.csv"},
    )
    collect_draws.run(collected)
    (row,) = read_csv(tmp_path / "summary.csv")
    assert float(row["mean"]) == pytest.approx(10, abs=4 * float(row["mcse_mean"]))
    assert row["rhat"] == ""
    said = read_attributes(tmp_path / "draws.nc", "posterior")
    assert said["weighting"] == "resampled"
    content = diagnose(tmp_path, "auto", method_version=Auto.version)
    names = {check["check"] for check in content["checks"]}
    assert {"khat", "paths", "path_difference", "attempts"} <= names
    assert not {"rhat", "chains", "divergences"} & names
    assert content["verdict"] == "pass" and content["method"] == "auto"
    assert content["attempts"]["method"] == "pathfinder"
    assert json.loads(said["attempts"]) == content["attempts"]
