"""What the terminal shows of steps, here and on other machines: each once, and nothing else."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from stanchion.provenance.runs import (
    REFUSED,
    failures,
    forget_failure,
    note_ending,
    note_failure,
    scheduler_endings,
)
from stanchion.runs import slurm
from stanchion.runs.terminal import Terminal, quieten

KEY = "d" * 64


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    monkeypatch.setenv("STANCHION_HEARD", "")
    return tmp_path


def event(kind: LogEvent | None, message: str = "", **facts: Any) -> logging.LogRecord:
    record = logging.makeLogRecord({"msg": message, **facts})
    record.event = kind
    return record


def failed(kind: LogEvent = LogEvent.JOB_ERROR, **facts: Any) -> logging.LogRecord:
    arguments = {"input": [f".stanchion/jobs/fit/sample_chain.1/{KEY}.json"], "indent": False}
    return event(kind, **{**arguments, **facts})


def terminal(*, is_screen: bool = False) -> Terminal:
    result = Terminal()
    result.is_screen = is_screen
    return result


def test_step_is_a_line_on_a_terminal(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A step that has ended, wherever it ran, is one line, its own, once; in a pipe it is none."""
    (project / "chain.log").write_text("sampling\nsampled chain 1 of a/d/m/nuts in 3.0 s\n")
    for is_screen, count in ((True, 1), (False, 0)):
        shown = terminal(is_screen=is_screen)
        shown.speak(event(LogEvent.JOB_INFO, jobid=1, log=["chain.log"]))
        for _ in range(2):
            shown.speak(event(LogEvent.JOB_FINISHED, job_id=1))
        assert capsys.readouterr().err == "sampled chain 1 of a/d/m/nuts in 3.0 s\n" * count


def test_warning_of_a_step_is_heard_in_a_pipe(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What went wrong without failing it; a sampler's last word, where no line stands, is not."""
    line = "sampled chain 1 of a/d/m/nuts in 3.0 s; warning: not kept in the cache: no space left"
    for text, shown_text in ((line, f"{line}\n"), ("Iteration: 3; warning: x", "")):
        (project / "chain.log").write_text(f"sampling\n{text}\n")
        shown = terminal()
        shown.speak(event(LogEvent.JOB_INFO, jobid=1, log=["chain.log"]))
        shown.speak(event(LogEvent.JOB_FINISHED, job_id=1))
        assert capsys.readouterr().err == shown_text


@pytest.mark.parametrize("is_screen", [True, False])
def test_failure_is_told_once_in_the_steps_words(
    is_screen: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure is heard at once, and once: not from Snakemake, and not again at the end."""
    log = "logs/fit/sample_chain.1.log"
    note_failure(KEY, "sampling chain 1 of fit", 1, "mu cannot be 3\n  the rest", log=log)
    shown = terminal(is_screen=is_screen)
    for error in (failed(), failed()):
        shown.speak(error)
        assert not shown.filter(error)
    shown.speak_of_rest(failures())
    assert capsys.readouterr().err == (
        f"\nsampling chain 1 of fit failed\nmu cannot be 3\n  the rest\n(log: {log})\n\n"
    )


def test_siblings_that_fail_alike_are_not_told_in_full(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Causes that differ in numbers only are one message; the others are named on a terminal."""
    for is_screen in (True, False):
        shown = terminal(is_screen=is_screen)
        for chain in ("1", "2"):
            key = chain * 64
            cause = f"Scale parameter is -{chain}.5, but must be positive!"
            note_failure(key, f"sampling chain {chain} of fit", 1, f"{cause}\nwords of {chain}")
            shown.speak(failed(input=[f".stanchion/jobs/fit/sample_chain.{chain}/{key}.json"]))
        output = capsys.readouterr().err
        assert output.count("Scale parameter") == 1 and "Scale parameter is -1.5" in output
        named = "sampling chain 2 of fit failed, for the same reason" in output
        assert named is is_screen


def test_full_disk_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever file each of the steps could not write."""
    shown = terminal()
    for step, path in (("1", "chain_1.csv"), ("2", "model")):
        note_failure(step * 64, f"step {step}", 1, f"{path}: no space left on the device\n  do: x")
    shown.speak_of_rest(failures())
    assert capsys.readouterr().err.count("no space left") == 1


def test_failures_of_two_causes_are_both_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A first line that only introduces the words below it is no cause that two could share."""
    shown = terminal()
    for chain, words in (("1", "mu is bad"), ("2", "tau is bad")):
        note_failure(chain * 64, f"chain {chain}", 1, f"failed; its last words:\n  {words}")
    shown.speak_of_rest(failures())
    output = capsys.readouterr().err
    assert "mu is bad" in output and "tau is bad" in output


def test_step_ended_by_a_signal_is_told_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    """It may be tried again, or the whole run be ending: who has no other word is told then."""
    note_failure(KEY, "sampling chain 1 of fit", 143, "stopped by SIGTERM")
    shown = terminal()
    shown.speak(failed())
    assert capsys.readouterr().err == ""
    shown.speak_of_rest(failures())
    assert "sampling chain 1 of fit failed\nstopped by SIGTERM" in capsys.readouterr().err


def test_nothing_of_snakemakes_own_is_shown() -> None:
    """Its table of rules, counts and shell lines are not for who reads of fits; a warning is."""
    shown = terminal(is_screen=True)
    for kind in (LogEvent.RUN_INFO, LogEvent.PROGRESS, LogEvent.JOB_INFO, LogEvent.JOB_STARTED):
        assert not shown.filter(event(kind, "rule sample_chain:"))
    for words in ("Select jobs to execute...", "Nothing to be done (all files are present)."):
        assert not shown.filter(event(None, words))
    assert shown.filter(event(None, "Lockfile is stale"))
    shown.shows_all = True
    assert shown.filter(event(LogEvent.JOB_INFO, "rule sample_chain:"))


def test_steps_are_counted_without_the_target() -> None:
    """`all` is no step; before Snakemake has counted there is no number."""
    shown = terminal()
    assert shown.steps_done() == ""
    shown.speak(event(LogEvent.RUN_INFO, stats={"sample_chain": 4, "all": 1, "total": 5}))
    assert shown.steps_done() == "0 of 4 steps done"
    for done, words in ((3, "3 of 4 steps done"), (5, "4 of 4 steps done")):
        shown.speak(event(LogEvent.PROGRESS, done=done, total=5))
        assert shown.steps_done() == words


def test_failed_group_is_told_by_the_step_that_failed(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a job that held several steps only the one that failed is heard, not its neighbours."""
    note_failure(KEY, "diagnose_fit fit", 1, "no draws")
    neighbour = {"input": ["results/fit/draws.nc"], "indent": True}
    shown = terminal()
    shown.speak(failed(LogEvent.GROUP_ERROR, job_error_info=[vars(failed()), neighbour]))
    shown.speak(event(LogEvent.JOB_ERROR, **neighbour))
    assert capsys.readouterr().err == "\ndiagnose_fit fit failed\nno draws\n\n"


@pytest.mark.parametrize("noted", [False, True], ids=["killed", "terminated"])
def test_job_that_slurm_ended_is_told_with_slurms_reason(
    noted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job that ran out of time is named, with the scheduler's word for it and what to do."""
    if noted:
        note_failure(KEY, "sample_chain.1 fit", 143, "stopped by SIGTERM")
    note_ending(KEY, "sample_chain.1 fit", "TIMEOUT", slurm.ending("TIMEOUT", "17"))
    terminal().speak(failed(aux={"external_jobid": "17"}))
    output = capsys.readouterr().err
    assert "sample_chain.1 fit failed\nended by Slurm, which says TIMEOUT of job 17\n" in output
    assert "`runtime` under set-resources" in output
    assert "SIGTERM" not in output


def test_word_of_an_ending_keeps_the_steps_own(project: Path) -> None:
    """The scheduler's cause goes before what the step said itself, and every cause is kept."""
    note_failure(KEY, "sample_chain.1 fit", 1, "chain 1 was killed; its last words")
    note_ending(KEY, "sample_chain.1 fit", "OUT_OF_MEMORY", "ended by Slurm")
    [note] = failures()
    assert note["message"] == "ended by Slurm\nchain 1 was killed; its last words"
    note_failure(KEY, "sample_chain.1 fit", 143, "stopped by SIGTERM")
    note_ending(KEY, "sample_chain.1 fit", "TIMEOUT", "ended by Slurm again")
    [note] = failures()
    assert note["message"] == "ended by Slurm again"
    assert scheduler_endings(KEY) == ["OUT_OF_MEMORY", "TIMEOUT"]
    forget_failure(KEY)
    assert scheduler_endings(KEY) == []


def test_own_time_limit_of_a_step_is_no_timeout_of_its_job(project: Path) -> None:
    """A job that fails by its step's own doing keeps the step's words, and asks for no more."""
    note_failure(KEY, "sample_chain.1 fit", 1, "chain 1 took longer than its time_limit")
    note_ending(KEY, "sample_chain.1 fit", "FAILED", "ended by Slurm, which says FAILED of job 3")
    [note] = failures()
    assert note["message"] == "chain 1 took longer than its time_limit"
    assert not set(scheduler_endings(KEY)) & set(slurm.MORE)


def test_refusal_of_many_jobs_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A thousand jobs for a partition that does not exist are one message."""
    shown = terminal()
    for chain in ("1", "2"):
        key = chain * 64
        message = slurm.refusal("Invalid partition name specified")
        note_failure(key, f"sample_chain.{chain} fit", 1, message, state=REFUSED)
        shown.speak(failed(input=[f".stanchion/jobs/fit/sample_chain.{chain}/{key}.json"]))
    assert capsys.readouterr().err.count("Invalid partition") == 1


def test_step_that_was_killed_here_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A step that could leave no word is named by the run, on this machine too."""
    terminal().speak(failed(rule_msg=None, aux={}))
    assert "sample_chain.1 fit: ended from outside" in capsys.readouterr().err


def test_job_that_could_not_be_sent_is_told_with_the_schedulers_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What sbatch says, of a partition that does not exist for instance, is shown, and once."""
    message = "sbatch failed: invalid partition\n    sbatch call:\n  sbatch -p none --wrap=…"
    shown = terminal()
    for chain in ("1", "2"):
        file = f".stanchion/jobs/fit/sample_chain.{chain}/{KEY}.json"
        shown.speak(failed(input=[file], rule_msg=message, aux={}))
    output = capsys.readouterr().err
    assert output == "\nsample_chain.1 fit: sbatch failed: invalid partition\n\n"


def test_submissions_are_not_shown() -> None:
    """Which job was sent where is Snakemake's log's matter."""
    words = "Job 3 has been submitted with SLURM jobid 17 (log: a.log)."
    assert not Terminal().filter(event(None, words))
    assert Terminal().filter(event(None, "Trying to restart job 3."))


def test_note_that_is_not_whole_does_not_end_the_run(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty note, as a full disk leaves it, raises nothing in Snakemake's thread."""
    folder = project / ".stanchion/runs/run"
    folder.mkdir(parents=True)
    for text in ("", '{"key": "dd'):
        (folder / f"failed-{KEY[:12]}.json").write_text(text)
        terminal().speak(failed())
        assert capsys.readouterr().err == "\nsample_chain.1 fit: ended from outside\n\n"


def test_error_in_what_is_shown_is_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Snakemake's logger gets its record, and a person one line, whatever fails in between."""
    shown = quieten()
    monkeypatch.setattr(shown, "speak", lambda _: 1 / 0)
    logger = logging.getLogger("snakemake.logging")
    try:
        assert logger.filter(event(None, "hello"))
    finally:
        logger.filters.clear()
    assert capsys.readouterr().err == "internal error: ZeroDivisionError: division by zero\n"


def test_step_without_a_note_that_told_its_log_has_not_ended_from_outside(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a note could not be written, the log's own words say that the step has spoken."""
    (project / "chain.log").write_text("sample_chain.1 fit failed\nno space left\n")
    terminal().speak(failed(log=["chain.log"]))
    assert capsys.readouterr().err == ""
