"""What the terminal shows of steps that run on other machines."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from stanchion.provenance.runs import note_failure
from stanchion.terminal import Terminal

KEY = "d" * 64


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    return tmp_path


def event(kind: LogEvent | None, message: str = "", **facts: Any) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": message, **facts})
    made.event = kind
    return made


def failed(kind: LogEvent = LogEvent.JOB_ERROR, **facts: Any) -> logging.LogRecord:
    told = {"input": [f".stanchion/jobs/fit/sample_chain.1/{KEY}.json"], "indent": False}
    return event(kind, **{**told, **facts})


def test_step_elsewhere_says_its_line_when_it_ends(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A step on a node is one line, its own, once; a step that ran here has said it already."""
    (project / "chain.log").write_text("sampling\nsample_chain.1 fit: ran\n")
    terminal = Terminal()
    for jobid, local in ((1, False), (2, True)):
        terminal.speak_for_steps(
            event(LogEvent.JOB_INFO, jobid=jobid, local=local, log=["chain.log"])
        )
        terminal.speak_for_steps(event(LogEvent.JOB_FINISHED, job_id=jobid))
    assert capsys.readouterr().err == "sample_chain.1 fit: ran\n"


def test_failure_elsewhere_is_told_once_in_the_steps_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A step that failed on a node is heard at once; its second, same failure adds nothing."""
    note_failure(KEY, "sample_chain.1 fit", 1, "the sampler's last words:\n  mu cannot be 3")
    terminal = Terminal()
    for error in (failed(), failed()):
        terminal.speak_for_steps(error)
        assert not terminal.filter(error)
    assert capsys.readouterr().err.count("mu cannot be 3") == 1


def test_failed_group_is_told_by_the_step_that_failed() -> None:
    """Of a job that held several steps only the one that failed is heard, not its neighbours."""
    note_failure(KEY, "diagnose_fit fit", 1, "no draws")
    neighbour = {"input": ["results/fit/draws.nc"], "indent": True}
    group = failed(LogEvent.GROUP_ERROR, job_error_info=[vars(failed()), neighbour])
    assert not Terminal().filter(group)
    assert not Terminal().filter(event(LogEvent.JOB_ERROR, **neighbour))


@pytest.mark.parametrize("noted", [False, True], ids=["killed", "terminated"])
def test_job_that_slurm_ended_shows_slurms_reason(noted: bool) -> None:
    """A job that ran out of time or memory, or was cancelled, shows what the scheduler says."""
    if noted:
        note_failure(KEY, "sample_chain.1 fit", 143, "stopped by SIGTERM")
    assert Terminal().filter(failed())


def test_submissions_are_not_shown() -> None:
    """Which job was sent where is Snakemake's log's matter."""
    words = "Job 3 has been submitted with SLURM jobid 17 (log: a.log)."
    assert not Terminal().filter(event(None, words))
    assert Terminal().filter(event(None, "Trying to restart job 3."))
