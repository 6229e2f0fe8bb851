"""The state of a fit: what its results are, held against what its steps wrote."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from stanchion.config import load
from stanchion.plan.model import Fit, Plan, Step
from stanchion.plan.planner import make_plan
from stanchion.plan.settling import settle_steps
from stanchion.provenance import keyfile
from stanchion.provenance.stamps import contents
from stanchion.runs.status import (
    ComparisonStatus,
    FitStatus,
    altered_results,
    comparison_statuses,
    fit_status,
    fit_statuses,
)
from stanchion.runs.status_table import as_json, table
from stanchion.system.writing import write_whole
from tests.unit.test_plan import CONFIG, FACTS

FIT = Fit("means", "points", "wide", "nuts")
DIAGNOSTICS = {
    "verdict": "fail",
    "checks": [{"check": "rhat", "value": 1.3}, {"check": "divergences", "value": 3}],
}


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A plan whose every result stands there, as its step wrote it."""
    monkeypatch.chdir(tmp_path)
    write_whole("config.yaml", CONFIG)
    planned = make_plan(load(Path("config.yaml")), FACTS)
    for step in planned:
        for path in step.outputs.values():
            write_whole(path, json.dumps(DIAGNOSTICS))
        digests = contents(step.outputs, "nowhere/stamps")
        write_whole(step.key_file, keyfile.line_of(step.key, digests))
    return planned


def output(step: Step, name: str) -> Path:
    return Path(step.outputs[name])


def test_a_fit_as_its_steps_wrote_it_is_current(plan: Plan) -> None:
    """Nothing touched: current, with the verdict and its figures."""
    status = fit_status(plan, FIT)
    assert (status.state, status.verdict, status.figures.get("rhat")) == ("current", "fail", 1.3)
    assert altered_results(plan) == []


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("diagnose_fit", "diagnostics"),
        ("collect_draws", "summary"),
        ("collect_draws", "draws"),
        ("predict_outcomes", "predictive"),
    ],
)
@pytest.mark.parametrize("edit", ["a word", "garbage"])
def test_an_edited_result_is_altered_and_shows_no_verdict(
    plan: Plan, rule: str, name: str, edit: str
) -> None:
    """Any result of a fit edited to the same size: `altered`, no verdict, no figure, no fault."""
    path = output(plan.of(FIT, rule), name)
    text = path.read_text()
    path.write_text(text.replace("fail", "pass") if edit == "a word" else "\0" * len(text))
    assert path.stat().st_size == len(text)
    status = fit_status(plan, FIT)
    assert (status.state, status.verdict, status.figures.get("rhat")) == ("altered", None, None)
    altered = altered_results(plan)
    assert altered == [str(path)]
    shown = table(fit_statuses(plan), altered)
    assert f"altered: {path}" in shown and f"{FIT.name}    altered" in shown
    assert json.loads(as_json([status], altered))["altered"] == altered


@pytest.mark.parametrize("garbage", [b"\xff\xfe", b"", b"[" * 100_000])
def test_garbage_in_what_is_kept_of_a_step_costs_time_only(plan: Plan, garbage: bytes) -> None:
    """Stamps, job files and older records: what cannot be read is made again, and no fault."""
    step = plan.of(FIT, "diagnose_fit")
    record = Path(step.records) / "0.json"
    record.parent.mkdir(parents=True)
    for path in (Path(step.stamps), Path(step.job_file), record):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(garbage)
    assert keyfile.state_of(step) is keyfile.State.CURRENT
    settle_steps(plan)
    assert json.loads(Path(step.job_file).read_text())["key"] == step.key
    Path(step.key_file).unlink()
    assert keyfile.state_of(step) is keyfile.State.STALE


def test_an_edited_report_is_named(plan: Plan) -> None:
    """A result that is no fit's is named as well; the fits stay current."""
    report = output(plan.step("write_report", {"analysis": "means"}), "report")
    report.write_text("<p>all is well</p>")
    assert str(report) in altered_results(plan)
    assert {result.state for result in fit_statuses(plan)} == {"current"}


def test_a_missing_diagnosis_is_missing(plan: Plan) -> None:
    """Without its diagnosis a fit is missing; without its chains it is as current as before."""
    for chain in ("1", "2"):
        output(plan.step("sample_chain", {**FIT.wildcards, "chain": chain}), "chain").unlink()
    assert fit_status(plan, FIT).state == "current"
    output(plan.of(FIT, "diagnose_fit"), "diagnostics").unlink()
    assert fit_status(plan, FIT).state == "missing"


def test_garbage_in_a_record_costs_the_time_only(plan: Plan) -> None:
    """A record that cannot be read is no fault of the status."""
    step = plan.step("sample_chain", {**FIT.wildcards, "chain": "1"})
    write_whole(f"{step.records}/{step.key[:12]}-1.json", "{")
    assert fit_status(plan, FIT).seconds is None


def test_a_chain_that_was_cut_has_taken_no_time(plan: Plan) -> None:
    """Cut from a longer one a chain is reused; the longest of the sampled ones is the fit's."""
    chains = [plan.step("sample_chain", {**FIT.wildcards, "chain": chain}) for chain in "12"]
    cut: dict[str, object] = {"state": "done", "seconds": 0.04, "notes": {"cut_from": {}}}
    for step in chains:
        write_whole(f"{step.records}/{step.key[:12]}-1.json", json.dumps(cut))
    assert fit_status(plan, FIT).seconds is None
    sampled = {**cut, "seconds": 12.5, "notes": None}
    write_whole(f"{chains[1].records}/{chains[1].key[:12]}-1.json", json.dumps(sampled))
    assert fit_status(plan, FIT).seconds == 12.5


def sampled_in(plan: Plan, chain: str, **facts: object) -> None:
    """Leave the record of a chain's step."""
    step = plan.step("sample_chain", {**FIT.wildcards, "chain": chain})
    record = {"state": "done", "attempt": 1, "seconds": 2.0, "notes": None, **facts}
    write_whole(f"{step.records}/{step.key[:12]}-1.json", json.dumps(record))


def diagnosed(plan: Plan) -> None:
    """Leave a diagnosis that passes, with an effective sample size of 400."""
    step = plan.of(FIT, "diagnose_fit")
    checks = [{"check": n, "value": v, "threshold": 1} for n, v in (("ess_bulk", 400), ("rhat", 1))]
    write_whole(step.outputs["diagnostics"], json.dumps({"verdict": "pass", "checks": checks}))
    write_whole(step.key_file, keyfile.line_of(step.key, contents(step.outputs, "nowhere/more")))


@pytest.mark.parametrize(
    ("facts", "rate"),
    [
        ({}, 100.0),
        ({"seconds": 6.0}, 50.0),
        ({"state": "reused"}, None),
        ({"attempt": 2}, None),
        ({"notes": {"cut_from": {}}}, None),
        ({"notes": {"resumed": {"at_iteration": 500}}}, None),
        ({"notes": {"runs": [{"resumed": {"at_iteration": 500}}]}}, None),
    ],
)
def test_effective_draws_a_second_are_over_the_time_of_all_chains(
    plan: Plan, facts: dict[str, object], rate: float | None
) -> None:
    """Over the sum of their seconds; unknown where a chain was not sampled in one go."""
    sampled_in(plan, "1")
    diagnosed(plan)
    assert fit_status(plan, FIT).ess_per_second is None
    sampled_in(plan, "2", **facts)
    assert fit_status(plan, FIT).ess_per_second == rate


def test_a_status_reads_the_record_of_each_chain_once(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time and the effective draws a second of a fit come of one reading."""
    for chain in ("1", "2"):
        sampled_in(plan, chain)
    diagnosed(plan)
    reads: Counter[str] = Counter()
    real = Path.read_text

    def read_text(path: Path, *arguments: Any, **options: Any) -> str:
        reads[path.parent.name] += 1
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", read_text)
    row = fit_status(plan, FIT)
    assert (row.seconds, row.ess_per_second) == (2.0, 100.0)
    assert (reads["sample_chain.1"], reads["sample_chain.2"]) == (1, 1)


def test_effective_draws_a_second_are_shown_where_samplers_stand_side_by_side() -> None:
    """A column of its own, where two methods have sampled one posterior; not of one alone."""
    figures = {"rhat": 1.001, "ess": 1500.0, "divergences": 0}
    first, second, other = (
        FitStatus(name, "current", "pass", None, figures, 0.5, rate)
        for name, rate in (("a/d/m/nuts", 1234.5), ("a/d/m/gibbs", 4.567), ("a/e/m/nuts", 9.0))
    )
    rows = [line.split() for line in table([first, second]).splitlines()]
    assert rows[0][-2:] == ["ESS/s", "time"]
    assert [row[-3] for row in rows[1:]] == ["1234", "4.6"]
    compared = [ComparisonStatus("a/d", "current", "pass")]
    narrow = table([first, second], (), compared, width=40)
    assert "ESS/s 4.6" in narrow
    assert "ESS/s" not in table([first, other], (), compared)


def test_the_table_says_what_the_report_says() -> None:
    """R-hat with the digits that show its side of the limit, ESS rounded down."""
    from stanchion.report.wording import shown

    figures = {"rhat": 1.0104269, "ess": 399.97, "divergences": 0, "rhat_limit": 1.01}
    status = FitStatus("a/d/m/nuts", "current", "fail", figures=figures)
    row = table([status]).splitlines()[1].split()
    assert row == ["a/d/m/nuts", "fail", "1.0104", "399", "0", "reused"]
    assert row[2:4] == [shown("rhat", 1.0104269, 1.01), shown("ess_bulk", 399.97, 400)]


def test_khat_shows_its_side_of_the_limit() -> None:
    """0.7004 is not 0.70."""
    status = FitStatus("a/d/m/advi", "current", "fail", figures={"khat": 0.7004, "khat_limit": 0.7})
    assert "0.7004" in table([status])


def test_a_comparison_has_a_row_of_its_own(plan: Plan) -> None:
    """Its verdict and how many k̂ are bad stand below the fits; altered, it has neither."""
    step = plan.step("compare_models", {"analysis": "means"})
    judged = {
        "dataset": "points",
        "verdict": "warn",
        "checks": [{"check": "loo_khat", "value": 7}],
    }
    write_whole(step.outputs["judgement"], json.dumps({"datasets": [judged]}))
    (result,) = comparison_statuses(plan)
    assert (result.comparison, result.state, result.verdict) == ("means/points", "altered", None)
    write_whole(step.key_file, keyfile.line_of(step.key, contents(step.outputs, "nowhere/others")))
    (result,) = comparison_statuses(plan)
    assert (result.state, result.verdict, result.khat_bad) == ("current", "warn", 7)
    last = table(fit_statuses(plan), comparisons=[result]).splitlines()[-1]
    assert last.split() == ["means/points:", "comparison", "warn", "7", "bad"]
    assert json.loads(as_json([], [], [result]))["comparisons"][0]["khat_bad"] == 7


def test_the_table_says_what_khat_says() -> None:
    """An approximation does not `pass` alone; unweighted draws are labelled; JSON is plain."""
    fits = [
        FitStatus("a/nuts", "current", "pass", figures={"rhat": 1.001}),
        FitStatus("a/advi", "current", "pass", "resampled", figures={"khat": 0.41}),
        FitStatus("b/advi", "current", "fail", "unweighted", figures={"khat": 0.93}),
        FitStatus("c/advi", "current", "warn", "resampled", figures={"khat": 0.5}),
    ]
    lines = table(fits).splitlines()
    assert [line.split("  ")[1].strip() for line in lines[1:]] == [
        "pass",
        "k̂ found no fault",
        "fail, unweighted",
        "warn",
    ]
    assert [fit["verdict"] for fit in json.loads(as_json(fits))["fits"]] == [
        "pass", "pass", "fail", "warn",
    ]  # fmt: skip


def test_the_json_of_a_fit_has_every_figure_in_its_place(plan: Plan) -> None:
    """Null where its method has none, the less of the two ESS; limits where digits follow them."""
    checks = {"rhat": (1.02, 1.01), "ess_bulk": (512.5, 400), "ess_tail": (410.2, 400)}
    content = {
        "verdict": "fail",
        "checks": [{"check": n, "value": v, "threshold": t} for n, (v, t) in checks.items()],
    }
    step = plan.of(FIT, "diagnose_fit")
    write_whole(step.outputs["diagnostics"], json.dumps(content))
    write_whole(step.key_file, keyfile.line_of(step.key, contents(step.outputs, "nowhere/more")))
    current, missing = json.loads(as_json([fit_status(plan, FIT), FitStatus("x", "missing")]))[
        "fits"
    ]
    names = ["fit", "state", "verdict", "weighting", "rhat", "ess", "divergences", "khat"]
    names += ["rhat_limit", "khat_limit", "seconds", "ess_per_second", "why"]
    assert list(current) == list(missing) == names
    assert [current[n] for n in names[4:10]] == [1.02, 410.2, None, None, 1.01, None]
    assert [missing[n] for n in names[2:]] == [*[None] * 10, []]


def test_the_hat_of_khat_takes_no_column() -> None:
    """Figures stand below each other whether or not a row above has one."""
    fits = [
        FitStatus("a", "current", "pass", "resampled", figures={"khat": 0.41}),
        FitStatus("b", "current", "fail", "unweighted", figures={"khat": 0.93}),
    ]
    first, second = table(fits).replace("\N{COMBINING CIRCUMFLEX ACCENT}", "").splitlines()[1:]
    assert first.index("0.41") == second.index("0.93")
