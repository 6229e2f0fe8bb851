"""The step that compares models: who enters, what is left out, and the verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stanchion.errors import GateError
from stanchion.steps import check_verdicts
from tests.unit.draws_cases import job, variables, write_json
from tests.unit.steps_cases import (
    Y,
    approximate,
    chain,
    collect,
    compare,
    diagnose,
    fit,
    predict,
    verdicts_of,
)
from tests.unit.test_approximations import drawn


def altered(folder: Path, change: Any, data: dict[str, Any] | None = None) -> None:
    """Collect four sound chains after a change of their columns, and diagnose them."""
    chains = [chain(seed) for seed in range(1, 5)]
    for columns in chains:
        change(columns)
    collect(folder, chains, data)
    diagnose(folder)


def approximated(folder: Path, shift: float = 0.0) -> None:
    """Collect and diagnose an approximation whose mean is off by so many of its sds."""
    approximate(folder, drawn(shift, 1.1))
    assert diagnose(folder, method="advi")["verdict"] == "pass"


def test_models_are_compared_best_first(tmp_path: Path) -> None:
    """The model with the right spread wins; differences are against it."""
    for name, spread in (("wide", 4.0), ("right", 1.0)):
        fit(tmp_path / name, spread=spread)
    rows, judged = compare(tmp_path, "wide", "right")
    assert list(rows[0]) == [
        "dataset", "model", "method", "elpd", "se", "p", "diff", "diff_se", "weight", "khat_max",
        "khat_bad",
    ]  # fmt: skip
    assert [(row["model"], row["method"]) for row in rows] == [("right", "nuts"), ("wide", "nuts")]
    assert float(rows[0]["diff"]) == 0 > float(rows[1]["diff"])
    assert sum(float(row["weight"]) for row in rows) == pytest.approx(1)
    assert (judged["verdict"], judged["observations"]) == ("pass", 12)
    assert judged["conclusions"] == [{"model": "wide", "says": "better"}]
    assert judged["left_out"] == []


def exact(folder: Path, log_evidence: float | None, **options: Any) -> None:
    """Collect a sound fit whose diagnostics say its log marginal likelihood."""
    fit(folder, **options)
    path = folder / "diagnostics.json"
    write_json(path, json.loads(path.read_text()) | {"log_evidence": log_evidence})


def test_marginal_likelihoods_stand_beside_each_other(tmp_path: Path) -> None:
    """Best first, each less that of the best; one a model, and none of a fit that has none."""
    for name, value in (("a", -30.5), ("b", -28.0), ("c", None), ("a@again", -30.5)):
        exact(tmp_path / name, value)
    _, judged = compare(tmp_path, "a", "b", "c", "a@again")
    assert judged["evidence"] == [
        {"model": "b", "log_evidence": -28.0, "log_bayes_factor": 0.0},
        {"model": "a", "log_evidence": -30.5, "log_bayes_factor": -2.5},
    ]
    assert compare(tmp_path, "a", "c")[1]["evidence"] == []


def test_marginal_likelihoods_of_other_data_are_not_compared(tmp_path: Path) -> None:
    """Nor are those of a fit that failed: a factor between them would mean nothing."""
    exact(tmp_path / "a", -30.5)
    collect(tmp_path / "b", [chain(seed) for seed in range(1, 5)],
            {"N": len(Y), "M": 2, "y": (Y + 1).tolist()})  # fmt: skip
    diagnose(tmp_path / "b")
    path = tmp_path / "b/diagnostics.json"
    content = json.loads(path.read_text()) | {"log_evidence": -28.0}
    write_json(path, content)
    assert compare(tmp_path, "a", "b")[1]["evidence"] == []
    exact(tmp_path / "b", -28.0)
    write_json(path, content | {"verdict": "fail"})
    assert compare(tmp_path, "a", "b")[1]["evidence"] == []


def test_a_bad_khat_warns_and_no_model_is_better(tmp_path: Path) -> None:
    """y = 10⁴ under σ = 1: k̂ is no number, is counted as bad, and no worst is claimed."""

    def far_off(columns: dict[str, Any]) -> None:
        columns["log_lik.12"] = -0.5 * np.log(2 * np.pi) - 0.5 * (1e4 - columns["mu"]) ** 2

    fit(tmp_path / "right")
    altered(tmp_path / "far", far_off)
    rows, judged = compare(tmp_path, "right", "far")
    far = next(row for row in rows if row["model"] == "far")
    assert (far["khat_max"], far["khat_bad"]) == ("", "1")
    assert float(far["elpd"]) < -4e7
    assert judged["verdict"] == "warn"
    khat = next(check for check in judged["checks"] if check["check"] == "loo_khat")
    assert (khat["value"], khat["where"]) == (1, ["far/nuts: 1 of 12"])
    assert judged["conclusions"] == [{"model": "far", "says": "unsound"}]


@pytest.mark.parametrize("value", [-np.inf, np.inf, np.nan])
def test_a_model_whose_log_lik_is_not_finite_is_left_out(tmp_path: Path, value: float) -> None:
    """With its reason, while the others are compared: the comparison warns."""

    def impossible(columns: dict[str, Any]) -> None:
        columns["log_lik.3"][7] = value

    fit(tmp_path / "a")
    fit(tmp_path / "b", spread=4.0)
    altered(tmp_path / "c", impossible)
    rows, judged = compare(tmp_path, "a", "b", "c")
    assert [row["model"] for row in rows] == ["a", "b"]
    (left_out,) = judged["left_out"]
    assert left_out["model"] == "c"
    assert judged["verdict"] == "warn"
    assert verdicts_of(judged) == {"outcome": "pass", "compared": "warn", "loo_khat": "pass"}


def test_a_comparison_of_one_model_fails(tmp_path: Path) -> None:
    """A failed fit is left out, stopped or not; what is left compares nothing."""
    fit(tmp_path / "good")
    collect(tmp_path / "bad", [chain(1), chain(2), chain(3), chain(4, centre=3.0)])
    diagnose(tmp_path / "bad")
    rows, judged = compare(tmp_path, "bad", "good")
    assert [(row["model"], row["weight"]) for row in rows] == [("good", "")]
    assert judged["left_out"][0]["because"].startswith("its fit failed its checks: R-hat (")
    assert (judged["verdict"], verdicts_of(judged)["compared"]) == ("fail", "fail")
    rows, judged = compare(tmp_path, "bad")
    assert rows == [] and judged["verdict"] == "fail"


def test_a_model_without_log_lik_is_left_out_with_what_to_add(tmp_path: Path) -> None:
    """The report names it; nothing else is lost."""
    for name in ("a", "b"):
        collect(tmp_path / name, [{"mu": chain(s)["mu"]} for s in range(1, 5)],
                variables=variables(parameters="real mu"))  # fmt: skip
        diagnose(tmp_path / name)
    rows, judged = compare(tmp_path, "a", "b")
    assert rows == []
    assert all("generated quantities" in out["because"] for out in judged["left_out"])


def test_every_fit_enters_and_one_a_model_has_a_weight(tmp_path: Path) -> None:
    """NUTS stands for its model; the approximation of the same posterior agrees with it."""
    approximated(tmp_path / "right@advi", shift=0.3)
    fit(tmp_path / "right")
    fit(tmp_path / "wide", spread=4.0)
    rows, judged = compare(tmp_path, "right@advi", "right", "wide")
    assert [(row["model"], row["method"]) for row in rows] == [
        ("right", "nuts"),
        ("right", "advi"),
        ("wide", "nuts"),
    ]
    assert float(rows[1]["elpd"]) == pytest.approx(float(rows[0]["elpd"]), abs=0.1)
    assert rows[1]["weight"] == ""
    assert float(rows[0]["weight"]) + float(rows[2]["weight"]) == pytest.approx(1)
    assert judged["verdict"] == "pass"


def test_loo_pit_and_comparison_of_an_approximation_agree_on_khat(tmp_path: Path) -> None:
    """Both weigh its draws as they came: k̂ knows how far the posterior is from them."""
    approximated(tmp_path / "one@advi", shift=0.4)
    fit(tmp_path / "other")
    rows, _ = compare(tmp_path, "one@advi", "other")
    (khat,) = [float(row["khat_max"]) for row in rows if row["model"] == "one"]
    predictive = predict(tmp_path / "one@advi")["loo_pit"]
    assert predictive["khat_max"] == pytest.approx(khat, rel=1e-9)
    assert predictive["uniform"] is True


def test_approximations_alone_are_compared(tmp_path: Path) -> None:
    """No fit by NUTS is asked for."""
    approximated(tmp_path / "one@advi")
    approximated(tmp_path / "other@advi", shift=0.3)
    rows, judged = compare(tmp_path, "one@advi", "other@advi")
    assert {row["method"] for row in rows} == {"advi"}
    assert judged["conclusions"] == [{"model": rows[1]["model"], "says": "small"}]


def test_models_of_other_outcomes_are_refused(tmp_path: Path) -> None:
    """Another y, or another number of observations: no table, and the verdict says why."""
    fit(tmp_path / "all")
    log_y = {"N": 12, "M": 2, "y": np.log(np.abs(Y)).tolist()}
    altered(tmp_path / "log", lambda columns: None, log_y)
    rows, judged = compare(tmp_path, "all", "log", observed="y")
    assert rows == [] and judged["verdict"] == "fail"
    (outcome,) = [check for check in judged["checks"] if check["check"] == "outcome"]
    assert outcome["where"] == ["all/nuts and log/nuts: their y differs"]
    fewer = [{k: v for k, v in chain(s).items() if not k.endswith(".12")} for s in range(1, 5)]
    collect(tmp_path / "fewer", fewer, {"N": 11, "M": 2, "y": Y.tolist()[:11]})
    diagnose(tmp_path / "fewer")
    _, judged = compare(tmp_path, "all", "fewer", observed="y")
    assert "log_lik is of 12 observations and of 11" in judged["checks"][0]["where"][0]


def test_without_a_named_outcome_no_vector_may_differ(tmp_path: Path) -> None:
    """A vector of another value is refused, a matrix is not; with a name only that counts."""
    ones = {"N": 12, "M": 2, "y": Y.tolist(), "z": [1.0] * 12, "X": [[1.0, 2.0]] * 12}
    twos = {**ones, "X": [[3.0, 4.0]] * 12}
    threes = {**ones, "z": [3.0] * 12}
    for name, data in (("ones", ones), ("twos", twos), ("threes", threes)):
        altered(tmp_path / name, lambda columns: None, data)
    assert compare(tmp_path, "ones", "twos")[1]["verdict"] == "pass"
    _, judged = compare(tmp_path, "ones", "threes")
    assert judged["checks"][0]["where"] == ["ones/nuts and threes/nuts: their z differs"]
    assert compare(tmp_path, "ones", "threes", observed="y")[1]["verdict"] == "pass"
    assert compare(tmp_path, "ones", "twos", observed="X")[1]["verdict"] == "fail"


@pytest.mark.parametrize(("verdict", "on_fail", "stops"), [
    ("fail", "stop", True), ("fail", "flag", False), ("warn", "stop", False)])  # fmt: skip
def test_a_failed_comparison_stops_like_a_fit(
    tmp_path: Path, verdict: str, on_fail: str, stops: bool
) -> None:
    """Its verdict stands in verdicts.json; where it is `fail` and a fit would stop, so does it."""
    where = ["b: its fit failed its checks: R-hat"]
    check = {"check": "compared", "value": 1, "threshold": 2, "verdict": verdict, "where": where}
    judged = {
        "dataset": "d",
        "verdict": verdict,
        "observations": 8,
        "checks": [{**check, "source": "s"}],
        "conclusions": [],
        "left_out": [],
    }
    inputs: dict[str, Path | list[Path]] = {
        "diagnostics": [write_json(tmp_path / "d.json", {"verdict": "pass", "checks": []})],
        "comparison": [write_json(tmp_path / "c.json", {"datasets": [judged]})],
        "answers": [],
        "priors": [],
    }
    fits = [{"dataset": "d", "model": "a", "method": "nuts", "on_fail": on_fail}]
    arguments = {"analysis": "means", "fits": fits, "priors": [], "report": "report.html"}
    step = job(tmp_path, "check_verdicts", arguments, inputs, {"verdicts": "verdicts.json"})
    if stops:
        with pytest.raises(GateError, match="the comparison of means/d failed: models compared 1"):
            check_verdicts.run(step)
        return
    check_verdicts.run(step)
    assert json.loads((tmp_path / "verdicts.json").read_text())["comparisons"] == [
        {"comparison": "means/d", "verdict": verdict, "on_fail": on_fail}
    ]
