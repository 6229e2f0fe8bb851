"""The executor for Slurm on the plugin's own code, with commands of Slurm's played by scripts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import snakemake_executor_plugin_slurm as plugin
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from throttler import Throttler

from stanchion.plan.job import JobFile
from stanchion.plan.keys import family_of
from stanchion.provenance.runs import REFUSED, failures, forget_failure, note_failure
from stanchion.runs import slurm, slurm_executor
from stanchion.runs.slurm_executor import PatientExecutor
from stanchion.stan.states import note_families
from tests.unit.test_states import write_state

PLACE = "means/slow/mean/nuts"
NAME = f"stanchion:{PLACE}/sample_chain.2"
KEY = "d" * 64
CONFIG = "echo MinJobAge = 300 sec"
AWAY = "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1"
TWO_POLLS = 2


class Resources(dict[str, Any]):
    """A job's resources, as Snakemake shows them: by name and as attributes."""

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error


class Job:
    """A chain's job, with what the executors read of it."""

    def __init__(self, folder: Path, requested: dict[str, int], group: str = "") -> None:
        self.name = group or "sample_chain"
        self.rule = SimpleNamespace(name=self.name)
        self.wildcards = ["means", "slow", "mean", "nuts", "2"]
        self.jobid, self.threads, self.attempt, self.restart_times = 1, 1, 1, 9
        self.input = [f".stanchion/jobs/{PLACE}/sample_chain.2/{KEY}.json"]
        self.output = Outputs([str(folder / "chain_2.csv"), str(folder / "sample_chain.2")])
        self.resources = Resources(requested)
        self._resources = self.resources
        self.errors: list[str] = []
        self.group = group

    def __iter__(self) -> Any:
        return iter([self])

    def is_group(self) -> bool:
        return bool(self.group)

    def log_error(self, msg: str, **_: Any) -> None:
        self.errors.append(msg)

    def register(self, **_: Any) -> None:
        """Snakemake marks the job's outputs as begun."""


class Outputs(list[str]):
    """A job's outputs, of which the last is the key file."""

    @property
    def key(self) -> str:
        return self[-1]


class Played:
    """An executor, Slurm's commands as scripts, and what it has reported and said."""

    def __init__(self, folder: Path, kind: type[Any] = PatientExecutor) -> None:
        self.folder, self.tools = folder, folder / "tools"
        self.tools.mkdir(exist_ok=True)
        self.done: list[Any] = []
        self.failed: list[Any] = []
        self.said: list[str] = []
        for name, script in (("scontrol", CONFIG), ("squeue", ""), ("sinfo", "echo 'main*'")):
            self.play(name, script)
        for name in ("sacct", "sacctmgr", "sshare"):
            self.play(name, "echo 'Slurm accounting storage is disabled' >&2; exit 1")
        result = self.executor = kind.__new__(kind)
        log = SimpleNamespace(**dict.fromkeys(("info", "warning", "error"), self._say))
        result.logger = SimpleNamespace(**vars(log), debug=lambda *_: None)
        scheduler = SimpleNamespace(
            finish_callback=self.done.append,
            error_callback=self.failed.append,
            submit_callback=lambda _: None,
        )
        settings = plugin.ExecutorSettings(
            jobname_prefix="stanchion",
            status_command="squeue",
            init_seconds_before_status_checks=10,
            no_account=True,
        )
        result.workflow = SimpleNamespace(
            executor_settings=settings, scheduler=scheduler, workdir_init=str(folder)
        )
        result._next_seconds_between_status_checks = 10
        result.status_rate_limiter = Throttler(rate_limit=100, period=1)
        result.active_jobs, result.lock = [], threading.Lock()
        result.format_job_exec = lambda _: "true"
        result.__post_init__()
        self.said.clear()

    def play(self, name: str, script: str) -> None:
        path = self.tools / name
        path.write_text(f"#!/bin/sh\necho {name} $* >>{self.folder}/called\n{script}\n")
        path.chmod(0o755)

    def queue(self, state: str | None, *, job: int = 7, name: str = NAME) -> None:
        """Have squeue show one job, in our format or in the plugin's, or none."""
        long = f"{job}|{state}|node1|2026-11-21T14:02:11|None|{self.folder}|{name}"
        lines = f'case "$*" in *--name*) echo "{job}|{state}";; *) echo "{long}";; esac'
        self.play("squeue", lines if state else ":")

    def called(self, name: str) -> list[str]:
        lines = (self.folder / "called").read_text().splitlines()
        return [line for line in lines if line.startswith(f"{name} ")]

    def poll(self, job: Any) -> list[str]:
        """Ask once about a job that was sent, and return the ids that are still watched."""
        info = SubmittedJobInfo(job, "7", {"slurm_logfile": self.folder / "7.log"})

        async def watched() -> list[str]:
            return [i.external_jobid async for i in self.executor.check_active_jobs([info])]

        return asyncio.run(watched())

    def _say(self, words: str, **_: Any) -> None:
        self.said.append(words)


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Played]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/tools:/usr/bin:/bin")
    monkeypatch.setenv("STANCHION_RUN_ID", "run")
    monkeypatch.setattr(slurm_executor, "_PAUSE", 0.01)
    return lambda kind=PatientExecutor: Played(tmp_path, kind)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path, {"runtime": 30, "mem_mb": 1000, "max_runtime": 100, "max_mem_mb": 1500})


def test_plugin_alone_gives_up_the_watch(play: Callable[..., Played], job: Job) -> None:
    """The plugin forgets its jobs where squeue fails: what the patient executor is there for."""
    alone = play(plugin.Executor)
    alone.play("squeue", AWAY)
    assert alone.poll(job) == []
    assert alone.done == alone.failed == []


def test_jobs_are_watched_on_through_silence(play: Callable[..., Played], job: Job) -> None:
    """Without an answer a job stays watched and unreported, said once; then its end is heard."""
    played = play()
    played.play("squeue", AWAY)
    assert [played.poll(job) for _ in range(TWO_POLLS)] == [["7"], ["7"]]
    assert [words.partition(" (")[0] for words in played.said] == ["Slurm does not answer"]
    played.queue("COMPLETED")
    assert played.poll(job) == []
    assert (played.done, played.failed) == ([job], [])
    assert played.said[1].startswith("Slurm answers again, after")


def test_polls_grow_rarer_by_the_first_wait(play: Callable[..., Played], job: Job) -> None:
    """While nothing ends each wait is longer by the first one, to three minutes; then it is it."""
    played = play()
    played.executor.workflow.executor_settings.init_seconds_before_status_checks = 2
    played.executor.next_seconds_between_status_checks = 2
    played.queue("RUNNING")
    for wait in (4, 6, 8):
        assert played.poll(job) == ["7"]
        assert played.executor.next_seconds_between_status_checks == wait
    played.executor.next_seconds_between_status_checks = 179
    assert played.poll(job) == ["7"]
    assert played.executor.next_seconds_between_status_checks == 180
    played.queue("COMPLETED")
    assert played.poll(job) == []
    assert played.executor.next_seconds_between_status_checks == 2


def test_controller_that_is_starting_loses_no_job(play: Callable[..., Played], job: Job) -> None:
    """Where the plugin falls back to an sacct that knows nothing, the job is judged later."""
    played = play()
    played.queue("COMPLETED")
    played.play("scontrol", AWAY)
    assert played.poll(job) == ["7"]
    assert any("Falling back to 'sacct'" in words for words in played.said)
    played.play("scontrol", CONFIG)
    assert played.poll(job) == []
    assert played.done == [job]


@pytest.mark.parametrize("finished", [False, True])
def test_forgotten_job_is_settled_by_its_files(
    finished: bool, play: Callable[..., Played], job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that Slurm does not know any more is waited for a minute, and not for ever."""
    played = play()
    played.queue(None)
    if finished:
        for path in job.output:
            Path(path).touch()
    assert played.poll(job) == ["7"]
    monkeypatch.setattr(slurm_executor, "GRACE", 0)
    assert played.poll(job) == []
    assert (played.done, played.failed) == (([job], []) if finished else ([], [job]))
    notes = [note["message"] for note in failures()]
    assert notes == ([] if finished else [slurm.ending(slurm.FORGOTTEN, "7")])
    assert "does not know job 7" in slurm.ending(slurm.FORGOTTEN, "7")


@pytest.mark.parametrize("group", ["", "fit"])
@pytest.mark.parametrize(
    ("state", "resource", "option", "requested"),
    [
        ("TIMEOUT", "runtime", "-t", (60, 100)),
        ("OUT_OF_MEMORY", "mem_mb", "--mem", (1500,)),
        ("CANCELLED", "", "-t", (30, 30)),
    ],
)
def test_retry_asks_for_what_was_short(
    state: str,
    resource: str,
    option: str,
    requested: tuple[int, ...],
    group: str,
    play: Callable[..., Played],
    tmp_path: Path,
) -> None:
    """After TIMEOUT more minutes, after OUT_OF_MEMORY more memory, to the cap; else no more.

    At the cap no retry is left, and the note says so.
    """
    played = play()
    first = {"runtime": 30, "mem_mb": 1000, "max_runtime": 100, "max_mem_mb": 1500}
    job = Job(tmp_path, dict(first), group)
    played.play("sbatch", "echo 7")
    played.queue(state)
    for attempt, expected in enumerate((None, *requested), 1):
        job.attempt = attempt
        job.resources = job._resources = Resources(first)
        played.executor._settled.clear()
        played.executor.run_job(job)
        command = played.called("sbatch")[-1]
        if expected is not None:
            assert f" {option} {expected} " in command
        assert f"-t {30 if state != 'TIMEOUT' or expected is None else expected} " in command
        assert played.poll(job) == []
        assert len(played.failed) == attempt
        assert (job.attempt > job.restart_times) == (bool(resource) and expected == requested[-1])
    [note] = failures()
    assert note["message"].startswith(f"ended by Slurm, which says {state} of job 7")
    assert (f"`max_{resource}`, which allows no more" in note["message"]) == bool(resource)
    forget_failure(KEY)


@pytest.mark.parametrize("step", ["sample_chain", "sample_fit"])
@pytest.mark.parametrize("saved", [True, False])
def test_chain_that_goes_on_is_sent_again_at_the_cap(
    saved: bool,
    step: str,
    play: Callable[..., Played],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Chains with a saved state need no more minutes than there are: the next job goes on."""
    monkeypatch.setenv("STANCHION_CACHE", str(tmp_path / "cache"))
    played = play()
    asked = {"runtime": 100, "mem_mb": 1000, "max_runtime": 100, "max_mem_mb": 1500}
    job = Job(tmp_path, asked)
    arguments = {"command": ["num_samples=5"], "rows": {"draws": 5, "before": 0}}
    unkeyed = {"threads": 1, "saving": {"seconds": 60}}
    made_of = {"step": step}
    values = {
        "step": step,
        "key": "c" * 64,
        "made_of": made_of,
        "arguments": arguments,
        "unkeyed": unkeyed,
        "drop": (),
    }
    file = JobFile(**{**dict.fromkeys(JobFile.__dataclass_fields__), **values})  # type: ignore[arg-type]
    path = tmp_path / job.input[0]
    path.parent.mkdir(parents=True)
    path.write_text(file.text())
    if saved:
        family = family_of(made_of, arguments, 1)
        if step == "sample_fit":
            note_families("c" * 64, ["d" * 64, family])
        write_state(tmp_path / "cache/states" / family[:2] / family, "")
    played.play("sbatch", "echo 7")
    played.queue("TIMEOUT")
    played.executor.run_job(job)
    assert played.poll(job) == []
    assert (job.attempt <= job.restart_times) == saved
    [note] = failures()
    assert ("run again: it goes on from the state" in note["message"]) == saved
    assert ("more minutes" in note["message"]) != saved
    if saved:
        played.executor.run_job(job)
        assert " -t 100 " in played.called("sbatch")[-1]
        assert not any("sent again with" in words for words in played.said)


def test_failed_step_gets_no_more(play: Callable[..., Played], job: Job) -> None:
    """A chain that ended by its own time limit fails its job: it is sent again as it was."""
    played = play()
    played.play("sbatch", "echo 7")
    played.queue("FAILED")
    note_failure(KEY, "sample_chain.2", 1, "chain 2 took longer than its time_limit")
    assert played.poll(job) == []
    played.executor.run_job(job)
    assert " -t 30 " in played.called("sbatch")[-1]
    assert [note["message"] for note in failures()] == ["chain 2 took longer than its time_limit"]


@pytest.mark.parametrize(
    "words",
    [
        "slurmstepd-node1: error: Detected 1 oom-kill event(s) in StepId=7.0. Some of your",
        "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0. Some of the step tasks",
        "srun: error: node1: task 0: Out Of Memory",
    ],
)
def test_kill_for_memory_within_a_failed_job_is_seen(
    words: str, play: Callable[..., Played], job: Job
) -> None:
    """Where only the step within the job ran out of memory, the job's log tells FAILED's cause."""
    played = play()
    played.play("sbatch", "echo 7")
    played.queue("FAILED")
    note_failure(KEY, "sample_chain.2", 1, "chain 2 was killed by SIGKILL")
    (played.folder / "7.log").write_text(f"Building DAG of jobs...\n{words}\nExiting.\n")
    assert played.poll(job) == []
    [note] = failures()
    assert note["message"].startswith("ended by Slurm, which says OUT_OF_MEMORY of job 7\n")
    assert note["message"].endswith("\nchain 2 was killed by SIGKILL")
    played.executor.run_job(job)
    assert " --mem 1500 " in played.called("sbatch")[-1]


def test_job_is_sent_under_the_name_of_its_fit(play: Callable[..., Played], job: Job) -> None:
    """A job's name is prefix, fit and step, by which the plugin asks about it as well."""
    played = play()
    played.play("sbatch", "echo 7")
    played.executor.run_job(job)
    assert f" --job-name {NAME} " in played.called("sbatch")[0]
    played.queue("COMPLETED")
    played.poll(job)
    assert any(f",{NAME}" in line for line in played.called("squeue") if "--name" in line)


def test_refused_job_is_not_sent_again(play: Callable[..., Played], job: Job) -> None:
    """What sbatch refuses fails at once, without a retry, with its words and what to correct."""
    played = play()
    words = "sbatch: error: invalid partition specified: nowhere"
    played.play("sbatch", f"echo '{words}' >&2; exit 1")
    played.executor.run_job(job)
    assert len(played.called("sbatch")) == 1
    assert played.failed == [job]
    assert job.attempt > job.restart_times
    [note] = failures()
    assert note["state"] == REFUSED
    assert "invalid partition specified: nowhere\n" in note["message"]
    assert "`slurm_partition`" in note["message"]


def test_job_whose_reply_was_lost_is_not_doubled(play: Callable[..., Played], job: Job) -> None:
    """Where Slurm took a job and its reply was lost, that one is cancelled before the next."""
    played = play()
    lost = (
        "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation'"
    )
    played.play("sbatch", f"[ -e again ] && exec echo 8; touch again; {lost} >&2; exit 1")
    played.play("scancel", ":")
    played.queue("PENDING")
    played.executor.run_job(job)
    assert played.called("scancel") == ["scancel 7"]
    assert len(played.called("sbatch")) == 2
    assert [info.external_jobid for info in played.executor.active_jobs] == ["8"]
    assert played.failed == []


def test_run_that_is_stopped_does_not_wait_for_slurm(play: Callable[..., Played], job: Job) -> None:
    """A stopped run sends nothing any more, also where it waits for an answer to do so."""
    played = play()
    played.play("squeue", AWAY)
    played.play("sbatch", AWAY)
    sending = threading.Thread(target=played.executor.run_job, args=[job])
    sending.start()
    played.executor._stopped.set()
    sending.join(10)
    assert not sending.is_alive()
    assert played.failed == []
