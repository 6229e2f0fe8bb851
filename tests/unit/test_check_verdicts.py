"""The last step of an analysis: what a person is told of a fit that failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stanchion.checks.gate import Check
from stanchion.errors import GateError
from stanchion.steps import check_verdicts
from tests.unit.draws_cases import job, write_json


def judge(
    folder: Path,
    *checks: Check,
    on_fail: str = "stop",
    prior: Check | None = None,
    effects: dict[str, Any] | None = None,
) -> None:
    """Judge one fit by its checks and its effects, and its prior by one check."""
    verdict = "fail" if any(check.verdict == "fail" for check in checks) else "pass"
    content = {"verdict": verdict, "checks": [check.as_json() for check in checks]}
    fit = {"dataset": "d", "model": "m", "method": "nuts", "on_fail": on_fail}
    ours = [] if prior is None else [{"verdict": prior.verdict, "checks": [prior.as_json()]}]
    inputs: dict[str, Path | list[Path]] = {
        "diagnostics": [write_json(folder / "diagnostics.json", content)],
        "comparison": [],
        "answers": [],
        "priors": [write_json(folder / "prior.json", entry) for entry in ours],
    }
    if effects is not None:
        inputs["effects"] = [write_json(folder / "effects.json", effects)]
    arguments: dict[str, Any] = {
        "analysis": "a",
        "fits": [fit],
        "priors": ["d/m"] * len(ours),
        "report": "results/a/report.html",
    }
    check_verdicts.run(
        job(folder, "check_verdicts", arguments, inputs, {"verdicts": "verdicts.json"})
    )


def test_a_failure_is_told_in_the_report_s_words(tmp_path: Path) -> None:
    """Digits that show the side of the threshold, ESS rounded down, places, and the sampler."""
    with pytest.raises(GateError) as caught:
        judge(
            tmp_path,
            Check("rhat", 1.0104269, 1.01, "fail", ("mu",)),
            Check("ess_bulk", 399.97, 400, "fail", ("tau", "mu")),
            Check("ess_tail", None, 400, "fail", ("tau",)),
            Check("ebfmi", 0.9, 0.3, "pass"),
            Check(
                "generated", 0.46, 0, "fail", ("y_rep[1]: 46 %",), messages=("chain 1, once: x",)
            ),
        )
    message = str(caught.value).partition("\n")[0]
    assert message == (
        "a/d/m/nuts failed its checks: R-hat 1.0104 (allowed: ≤ 1.01) at mu; "
        "bulk ESS 399 (allowed: ≥ 400) at tau, mu; "
        "tail ESS could not be computed (allowed: ≥ 400) at tau; "
        "share of draws without generated quantities 46 % (allowed: none) at y_rep[1]: 46 % "
        "(the sampler, chain 1, once: x)"
    )


def test_a_waiver_is_named_as_a_way(tmp_path: Path) -> None:
    """As an entry of waivers.yaml that only lacks who, why and until when."""
    with pytest.raises(GateError) as caught:
        judge(tmp_path, Check("divergences", 1, 0, "fail", ("chain 1: 1",)))
    message = str(caught.value)
    assert "waivers.yaml" in message
    assert "{fit: a/d/m/nuts, check: divergences, reason: …, who: …, until: YYYY-MM-DD}" in message


def test_effects_without_numbers_stop_where_their_fit_does(tmp_path: Path) -> None:
    """What was declared and could not be computed does not pass; where a fit failed, that is said.

    Where failures are flagged the report says it.
    """
    because = "mu_new has no finite value in 46 % of the draws"
    lacking = {"made": True, "because": because}
    with pytest.raises(GateError) as caught:
        judge(tmp_path, effects=lacking)
    message = f"conditional effects of a/d/m/nuts lack numbers: {because}"
    assert str(caught.value).startswith(message)
    judge(tmp_path, on_fail="flag", effects=lacking)
    judge(tmp_path, effects={"made": True, "because": None})
    judge(tmp_path, effects={"made": False, "because": "optimize gives a point"})


def test_a_prior_that_is_the_posterior_stops_where_fits_do(tmp_path: Path) -> None:
    """The run says so in the terminal; where failures are flagged, verdicts.json does."""
    ignored = Check("prior_only", 0.0, 0, "fail")
    with pytest.raises(GateError, match="the prior of a/d/m failed its checks") as caught:
        judge(tmp_path, Check("rhat", 1.0, 1.01, "pass"), prior=ignored)
    assert "if (!prior_only)" in str(caught.value)
    judge(tmp_path, Check("rhat", 1.0, 1.01, "pass"), prior=ignored, on_fail="flag")
    with pytest.raises(GateError) as caught:
        judge(tmp_path, prior=Check("ess_bulk", None, 100, "fail"))
    assert "What could not be computed does not pass." in str(caught.value)
    verdicts = json.loads((tmp_path / "verdicts.json").read_text())
    assert verdicts["priors"] == [{"prior": "a/d/m", "verdict": "fail", "on_fail": "flag"}]
