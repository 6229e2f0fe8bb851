"""What a run ends with: a table that says why, the next thing to do, and the same as JSON."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from stanchion.config import load
from stanchion.plan.model import Plan
from stanchion.plan.planner import make_plan
from stanchion.runs.closing import as_json, as_text, exit_code_of, next_step, run_result
from stanchion.runs.status import ComparisonStatus, FitStatus, faults_of
from stanchion.runs.status_table import table
from stanchion.runs.styles import columns_of, folded, has_colour, styled
from stanchion.system.writing import write_whole
from tests.unit.test_plan import CONFIG, FACTS

CHECKS = {
    "verdict": "warn",
    "labels": {"theta[7]": "theta[school=G]"},
    "checks": [
        {"check": "divergences", "value": 0, "threshold": 0, "verdict": "pass", "where": []},
        {
            "check": "ebfmi",
            "value": 0.25,
            "threshold": 0.3,
            "verdict": "warn",
            "where": ["chain 3"],
        },
        {
            "check": "rhat",
            "value": 1.3,
            "threshold": 1.01,
            "verdict": "fail",
            "where": ["theta[7]"],
        },
        {"check": "ess_bulk", "value": None, "threshold": 400, "verdict": "fail", "where": []},
    ],
}
LONG = FitStatus(
    "coaching/schools/partial_pooling/nuts_with_a_dense_metric",
    "current",
    "warn",
    figures={"rhat": 1.001, "ess": 776.0, "divergences": 0},
    seconds=0.21,
    why=("E-BFMI 0.25 (allowed: ≥ 0.3) at chain 3",) * 5,
)


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.chdir(tmp_path)
    write_whole("config.yaml", CONFIG)
    return make_plan(load(Path("config.yaml")), FACTS)


def failure(plan: Plan, rule: str, message: str = "the cause\nand more", code: int = 1) -> dict:
    step = next(s for s in plan if s.rule == rule and s.wildcards.get("model") in ("wide", None))
    log = "logs/a.log"
    return {"key": step.key, "step": rule, "message": message, "exit_code": code, "log": log}


def test_reasons_are_the_gravest_first_with_figure_limit_and_label() -> None:
    """As the report words them; what cannot be computed is said to be so; what passed is not."""
    assert faults_of(CHECKS) == (
        "R-hat 1.300 (allowed: ≤ 1.01) at theta[school=G]",
        "bulk ESS could not be computed (allowed: ≥ 400)",
        "E-BFMI 0.25 (allowed: ≥ 0.3) at chain 3",
    )


def test_a_warning_within_its_limit_says_why() -> None:
    """The note is last, without which a value that is allowed would seem to be warned of."""
    modes: dict[str, object] = {
        "check": "modes",
        "value": 1,
        "threshold": 1,
        "verdict": "warn",
        "note": "one start",
    }
    modes |= {"where": ["log density -3.2 from starts 1, 2"]}
    beyond = {**modes, "value": 2, "where": []}
    assert faults_of({"checks": [modes, beyond]}) == (
        "modes 1 (allowed: ≤ 1) at log density -3.2 from starts 1, 2: one start",
        "modes 2 (allowed: ≤ 1)",
    )


def test_a_warning_says_why_below_its_row() -> None:
    """The check and its figure; of many reasons three, and how many more; a pass has no line."""
    lines = table([LONG, FitStatus("a/d/m/nuts", "current", "pass")]).splitlines()
    reason = "E-BFMI 0.25 (allowed: ≥ 0.3) at chain 3"
    assert lines[2] == f"  warn: {reason}; {reason}; {reason}; and 2 more"
    assert lines[3].split() == ["a/d/m/nuts", "pass", "reused"] and len(lines) == 4


@pytest.mark.parametrize("width", [60, 72, 80])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Headings get shorter, then figures go below the name; the fit and its verdict stay."""
    text = table([LONG, FitStatus("a/d/m/nuts", "current", "pass")], width=width)
    assert max(map(len, text.splitlines())) <= max(width, len(LONG.fit) + 6)
    name = LONG.fit.removeprefix("coaching/schools/")
    assert re.search(rf"{name} +warn", text) and "1.001" in text and "0.2 s" in text


def test_rows_share_their_analysis_where_that_makes_them_fit() -> None:
    """On 80 columns the example's table keeps its columns, below analysis and dataset."""
    figures = {"rhat": 1.0021, "ess": 1794.0, "divergences": 0}
    fits = [
        FitStatus("coaching/schools/partial_pooling/nuts", "current", "pass", figures=figures),
        FitStatus(
            "coaching/schools/partial_pooling/advi",
            "current",
            "pass",
            "resampled",
            figures={"khat": 0.34},
            why=("reason",),
        ),
        FitStatus("other/schools/m/nuts", "current", "fail", figures=figures),
    ]
    compared = [ComparisonStatus("coaching/schools", "current", "warn", 12)]
    lines = table(fits, (), compared, width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["coaching/schools", "verdict", "R-hat", "ESS", "div.", "k̂", "time"]
    assert lines[1].split() == ["partial_pooling/nuts", "pass", "1.002", "1794", "0", "reused"]
    assert lines[3] == "  pass: reason" and lines[4].split()[:2] == ["comparison", "warn"]
    assert lines[5] == "other/schools" and lines[6].split()[:2] == ["m/nuts", "fail"]


def test_a_pipe_is_not_wrapped() -> None:
    """What a program reads has a line a fit, however long."""
    assert len(table([LONG]).splitlines()) == 3


def test_a_fit_that_was_not_made_says_whose_failure_it_was(plan: Plan) -> None:
    """A chain, a program, the data: each fit that needs it names the cause; no other does."""
    result = run_result(plan, ["means"], [failure(plan, "sample_chain")], 1)
    failed = [status for status in result.fits if status.state == "failed"]
    assert [s.fit for s in failed] == ["means/points/wide/nuts", "means/points/wide/advi"], (
        "ADVI is held to NUTS"
    )
    assert all(status.why == ("the cause",) for status in failed)
    message = "the cause; its last words:\n  and more"
    result = run_result(plan, ["means"], [failure(plan, "sample_chain", message)], 1)
    assert result.fits[0].why == ("the cause",), "the words themselves stand in the log"
    message = "it does not compile; the compiler's last words:\n  and more"
    result = run_result(plan, ["means"], [failure(plan, "sample_chain", message)], 1)
    assert result.fits[0].why == ("it does not compile",)
    result = run_result(plan, ["means"], [failure(plan, "prepare_data")], 1)
    models = {s.fit.split("/")[2] for s in result.fits if s.state == "failed"}
    assert models == {"wide", "narrow"}, "both read the same data, by one key"
    assert "failed: the cause" in as_text(result)


def test_next_is_what_the_exit_code_asks_for(plan: Plan) -> None:
    """The report; after a failure its log and the same command; after a gate the report."""
    write_whole("results/means/report.html", "")
    report = "results/means/report.html"
    done = run_result(plan, ["means"], [], 0)
    assert next_step(done) == f"open {report}"
    assert as_text(done).endswith(f"\n\nnext: open {report}")
    assert json.loads(as_json(done))["next"] == f"open {report}"
    gate = [failure(plan, "check_verdicts", code=3)]
    assert next_step(run_result(plan, ["means"], gate, 3)) == (
        f"open {report}, which says what to try"
    )
    broken = next_step(run_result(plan, ["means"], [failure(plan, "sample_chain")], 1))
    assert broken.startswith("look at logs/a.log") and "same command again" in broken
    lost = next_step(run_result(plan, ["means"], [], 1))
    assert "open" not in lost and "same command again" in lost


def test_a_run_without_work_says_so(plan: Plan) -> None:
    """Silence would leave open whether anything was looked at; a failure is no such silence."""
    words = "nothing had to run"
    assert words in as_text(run_result(plan, ["means"], [], 0))
    assert words not in as_text(run_result(plan, ["means"], [], 0, steps=3))
    assert words not in as_text(run_result(plan, ["means"], [], 1))


def test_answers_are_those_that_their_step_wrote(plan: Plan) -> None:
    """Nothing is read where no answers are planned."""
    assert run_result(plan, ["means"], [], 0).answers == {}


def test_answers_of_several_analyses_stand_below_their_names(plan: Plan) -> None:
    """The same question may be asked of two analyses; of one alone the name is not said."""
    asked = {"answer": "Heads?", "kind": "probability", "unit": None, "stacked": False}
    asked |= {"expressions": {"": "p > 0.5"}, "rope": None, "fits": []}
    content = {"interval": {"prob": 0.9, "kind": "equal_tailed"}, "answers": [asked]}
    result = run_result(plan, ["means"], [], 0)
    both = as_text(replace(result, answers={"coin": content, "exact": content}))
    assert "coin:\nHeads?\n\nexact:\nHeads?" in both
    assert "coin" not in as_text(replace(result, answers={"coin": content}))


def test_the_document_of_a_failed_run_is_whole(plan: Plan) -> None:
    """Exit code, each fit with its state and why, the failure with its log, and what to do."""
    content = json.loads(as_json(run_result(plan, ["means"], [failure(plan, "sample_chain")], 1)))
    assert content["schema"] == "stanchion/run_result/1" and content["exit_code"] == 1
    assert content["failures"] == [
        {
            "step": "sample_chain",
            "message": "the cause\nand more",
            "log": "logs/a.log",
            "exit_code": 1,
        }
    ]
    assert {"failed", "missing"} == {fit["state"] for fit in content["fits"]}
    assert content["next"].startswith("look at logs/a.log")


@pytest.mark.parametrize(
    ("codes", "code"), [([], 0), ([3], 3), ([2], 2), ([2, 3], 2), ([1, 3], 1), ([143], 1)]
)
def test_exit_code_is_that_of_the_gravest(codes: list[int], code: int) -> None:
    """A gate alone is 3, a bad declaration 2, and anything else 1."""
    assert exit_code_of([{"exit_code": number} for number in codes]) == code


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR and a dumb terminal have none, a pipe only by FORCE_COLOR."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    screen, pipe = Screen(), io.StringIO()
    assert has_colour(screen) and not has_colour(pipe)
    assert styled("fail", "fail", screen) == "\x1b[31mfail\x1b[0m"
    assert styled("fail", "fail", pipe) == "fail"
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert has_colour(pipe)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colour(screen) and not has_colour(pipe)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.delenv("FORCE_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not has_colour(screen)


def test_a_pipe_gets_no_escape(plan: Plan) -> None:
    """Neither colours nor carriage returns in what is printed at the end."""
    text = as_text(run_result(plan, ["means"], [failure(plan, "sample_chain")], 1), io.StringIO())
    assert "\x1b" not in text and "\r" not in text


def test_words_are_folded_within_the_terminal_and_paths_are_not() -> None:
    """A line keeps its margin; a path stays whole, for it is copied."""
    path = "logs/" + "a" * 60 + ".log"
    text = f"  do:       look at {path} " + "and then " * 20
    lines = folded(text, 60).splitlines()
    assert any(path in line for line in lines)
    assert all(len(line) <= 60 for line in lines if path not in line)
    assert all(line.startswith("    ") for line in lines[1:])
    assert folded(text, None) == text
    assert columns_of(io.StringIO()) is None
