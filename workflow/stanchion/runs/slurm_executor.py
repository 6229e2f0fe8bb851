"""Snakemake's executor for Slurm, made to bear a controller that does not answer for a while.

The plugin gives up its watch over the jobs when a question stays without an answer, takes a lost
reply to `sbatch` for a failed job, and waits for ever for a job that Slurm has forgotten. What is
relied on here was read in its version 2.8, and tests/cluster hold it to that.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from itertools import batched
from pathlib import Path, PurePath
from typing import Any

import snakemake_executor_plugin_slurm as plugin
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

from stanchion.plan.job import JobFile
from stanchion.plan.keys import family_of
from stanchion.plan.step_words import doing_of
from stanchion.provenance.runs import REFUSED, note_ending, note_failure, scheduler_endings
from stanchion.runs import slurm
from stanchion.stan.states import ChainState, noted_families, state_folder
from stanchion.system.folders import JOBS

GRACE = 60.0
"""Seconds after which a job is settled that Slurm has forgotten or the plugin cannot judge."""
_PREFIX = "stanchion"
_PAUSE = 5.0
_LONGEST = 180
_AT_ONCE = 200
"""Jobs about which the plugin asks at once: it gives their names, on one command line."""
_STATE = re.compile(r"SLURM status is: '(\w+)'")
_QUOTED = re.compile(r"The error message was '(.*?)'\.?$", re.DOTALL)


def take_over() -> None:
    """Have Snakemake use this executor where it would use the plugin's."""
    ExecutorPluginRegistry().get_plugin("slurm").executor = PatientExecutor


class PatientExecutor(plugin.Executor):  # type: ignore[misc]
    """The plugin's executor, with patience, and with names of jobs that carry the fit.

    A job that Slurm ended for want of time or memory is sent again with more, up to the resources
    `max_runtime` and `max_mem_mb`; a chain that goes on from a saved state, with as much too. A job
    that Slurm does not take is not sent again.
    """

    def __post_init__(self, test_mode: bool = False) -> None:
        self._here = threading.local()
        self._stopped = threading.Event()
        self._patience = slurm.Patience(self.logger.warning)
        self._sent: set[str | None] = set()
        self._settled: set[str | None] = set()
        self._over_since: dict[str | None, float] = {}
        self._shown: dict[str | None, str] = {}
        self._waiting = ""
        super().__post_init__(test_mode)

    @property
    def run_uuid(self) -> str:
        """The name by which the plugin sends a job, or the names by which it asks for some."""
        return getattr(self._here, "names", None) or self._run_uuid

    @run_uuid.setter
    def run_uuid(self, value: str) -> None:
        self._run_uuid = value

    def name_of(self, job: Any) -> str:
        """Return a job's name in Slurm: the prefix, then its fit and its step or group."""
        return f"{self.workflow.executor_settings.jobname_prefix or _PREFIX}:{_address(job)}"

    def run_job(self, job: Any) -> None:
        """Send a job; where Slurm does not answer, wait and send it then."""
        self._ask_for_more(job)
        while not self._stopped.is_set():
            error = self._send(job)
            if error is None:
                return
            if self._is_unreached(error):
                self._wait_for_answer(job)
                continue
            message = slurm.refusal(_words(error))
            with suppress(OSError):
                for file in _files(job):
                    note_failure(file.stem, doing_of(file), 1, message, state=REFUSED)
            _retry_no_more(job)
            super()._report_job_error_threadsafe(SubmittedJobInfo(job), error)
            return

    async def check_active_jobs(
        self, active_jobs: list[SubmittedJobInfo]
    ) -> AsyncIterator[SubmittedJobInfo]:
        """Report the jobs that have ended and yield the others; without an answer, all."""
        first = self.workflow.executor_settings.init_seconds_before_status_checks
        over = self._over(active_jobs) if active_jobs else set()
        ended = [info for info in active_jobs if info.external_jobid in over]
        for info in active_jobs:
            if info.external_jobid not in over:
                self._over_since.pop(info.external_jobid, None)
                yield info
        interval = self.next_seconds_between_status_checks  # type: ignore[has-type]
        for batch in batched(ended, _AT_ONCE):
            async for info in self._judge(batch):
                yield info
        soon = not active_jobs or ended or self._patience.is_tried
        later = min(interval + max(first, 1), _LONGEST)
        self.next_seconds_between_status_checks = first if soon else later

    def report_job_success(self, job_info: SubmittedJobInfo) -> None:
        """Report a job that has ended well."""
        self._settled.add(job_info.external_jobid)
        super().report_job_success(job_info)

    def report_job_error(self, job_info: SubmittedJobInfo, msg: Any = None, **facts: Any) -> None:
        """Leave word of what Slurm says of a job's end, then report it."""
        self._settled.add(job_info.external_jobid)
        if job_info.external_jobid is not None:
            match = _STATE.search(msg or "")
            state = match.group(1) if match else slurm.FORGOTTEN
            if state == "FAILED" and slurm.memory_ran_out(Path(job_info.aux["slurm_logfile"])):
                state = "OUT_OF_MEMORY"
            self._note_end(job_info, state)
        super().report_job_error(job_info, msg, **facts)

    def cancel(self) -> None:
        """Send nothing any more, and cancel what was sent."""
        self._stopped.set()
        super().cancel()

    def shutdown(self) -> None:
        """Send nothing any more, and end."""
        self._stopped.set()
        super().shutdown()

    def _over(self, infos: Sequence[SubmittedJobInfo]) -> set[str | None]:
        """Return the ids of jobs that are at their end or unknown to Slurm; none without answer."""
        try:
            rows = {row.job: row for row in slurm.queue(ended=True)}
        except (slurm.NoAnswerError, OSError) as error:
            self._patience.missed(error)
            return set()
        self._patience.answered()
        row_of = {info.external_jobid: rows.get(str(info.external_jobid)) for info in infos}
        self._show(infos, {job: row for job, row in row_of.items() if row is not None})
        return {job for job, row in row_of.items() if row is None or row.state not in slurm.ACTIVE}

    async def _judge(self, infos: Sequence[SubmittedJobInfo]) -> AsyncIterator[SubmittedJobInfo]:
        """Have the plugin report jobs that have ended; settle those that it cannot, in the end."""
        self._here.names = ",".join([self._run_uuid, *(self.name_of(i.job) for i in infos)])
        try:
            async for _ in super().check_active_jobs(list(infos)):
                pass
        finally:
            self._here.names = None
        for info in infos:
            if info.external_jobid in self._settled:
                continue
            since = self._over_since.setdefault(info.external_jobid, time.monotonic())
            if self._submitted_job_clusters or time.monotonic() - since < GRACE:
                yield info
            elif all(Path(file).exists() for file in info.job.output):
                self.report_job_success(info)
            else:
                self.report_job_error(info)

    def _send(self, job: Any) -> str | None:
        """Have the plugin send a job, and return what it says where it could not."""
        self._here.names, self._here.error = self.name_of(job), None
        try:
            super().run_job(job)
        except Exception as error:
            self._here.error = f"{type(error).__name__}: {error}"
        finally:
            self._here.names = None
        message: str | None = self._here.error
        return message

    def _report_job_error_threadsafe(self, job_info: SubmittedJobInfo, msg: str) -> None:
        if getattr(self._here, "names", None):
            self._here.error = msg
        else:
            super()._report_job_error_threadsafe(job_info, msg)

    def _report_job_submission_threadsafe(self, job_info: SubmittedJobInfo) -> None:
        self._sent.add(job_info.external_jobid)
        super()._report_job_submission_threadsafe(job_info)

    def _is_unreached(self, message: str) -> bool:
        words = _words(message)
        if slurm.is_unreached(words):
            self._patience.missed(words.strip().rpartition("\n")[2])
            return True
        try:
            slurm.queue()
        except (slurm.NoAnswerError, OSError) as error:
            self._patience.missed(error)
            return True
        return False

    def _wait_for_answer(self, job: Any) -> None:
        """Wait until Slurm answers, and cancel what it has of this job: its reply was lost."""
        while not self._stopped.wait(_PAUSE):
            try:
                rows = slurm.queue()
            except (slurm.NoAnswerError, OSError) as error:
                self._patience.missed(error)
                continue
            self._patience.answered()
            same = (self.name_of(job), Path.cwd())
            strays = [r.job for r in rows if (r.name, Path(r.folder)) == same and _files(job)]
            if unknown := [stray for stray in strays if stray not in self._sent]:
                slurm.cancel(unknown)
            return

    def _ask_for_more(self, job: Any) -> None:
        """Raise what a job asks for, where Slurm ended it in this run for want of it."""
        ends = Counter(end for file in _files(job) for end in scheduler_endings(file.stem))
        for state, resource in slurm.MORE.items():
            had, most = job.resources.get(resource), job.resources.get(f"max_{resource}")
            amount = slurm.more(had, most, ends[state]) if isinstance(had, int) else had
            if amount != had:
                _set_resource(job, resource, amount)
                self.logger.info(f"{_label(job)}: sent again with {resource}={amount}, not {had}")

    def _note_end(self, info: SubmittedJobInfo, state: str) -> None:
        """Leave word of how Slurm ended a job, by the first of its steps that is not done."""
        job, resource = info.job, slurm.MORE.get(state, "")
        had, most = job.resources.get(resource), job.resources.get(f"max_{resource}")
        spent = isinstance(had, int) and isinstance(most, int) and had >= most
        goes_on = state == "TIMEOUT" and _goes_on(job)
        if spent and not goes_on:
            _retry_no_more(job)
        file = next((f for m in _members(job) if not _is_done(m) for f in _files(m)), None)
        if file is not None:
            message = slurm.ending(state, str(info.external_jobid), spent=spent, goes_on=goes_on)
            with suppress(OSError):
                note_ending(file.stem, doing_of(file), state, message)

    def _show(self, infos: Sequence[SubmittedJobInfo], rows: dict[str | None, slurm.Job]) -> None:
        """Say which jobs have begun to run, and how many wait, and why, where that has changed."""
        for info in infos:
            row = rows.get(info.external_jobid)
            if row is not None and row.state == "RUNNING" and self._shown.get(row.job) != row.node:
                self._shown[row.job] = row.node
                where = f"running on {row.node} since {row.since} (job {row.job})"
                self.logger.info(f"{_label(info.job)}: {where}")
        reasons = Counter(row.reason for row in rows.values() if row.state == "PENDING")
        waiting = ", ".join(
            f"{count}{slurm.in_words(why)}" for why, count in sorted(reasons.items())
        )
        if waiting != self._waiting:
            self._waiting = waiting
            self.logger.info(f"jobs that wait in Slurm: {waiting or 'none'}")


def _members(job: Any) -> list[Any]:
    return list(job) if job.is_group() else [job]


def _files(job: Any) -> list[PurePath]:
    """Return the job files of a job's steps, in the order of their work."""
    paths = [PurePath(str(path)) for member in _members(job) for path in member.input]
    return [path for path in paths if path.is_relative_to(JOBS)]


def _goes_on(job: Any) -> bool:
    """Tell whether a job has saved a state, from which it goes on when it is sent again."""
    return any(_has_state(Path(file)) for file in _files(job))


def _has_state(path: Path) -> bool:
    try:
        file = JobFile.read(path)
        if not file.unkeyed.get("saving"):
            return False
        families = noted_families(file.key) if file.step == "sample_fit" else [_family(file)]
    except (OSError, ValueError, TypeError, KeyError):
        return False
    return any(ChainState(state_folder(family)).position() for family in families)


def _family(file: JobFile) -> str:
    return family_of(file.made_of_now(), file.arguments, file.unkeyed["threads"])


def _address(job: Any) -> str:
    """Return where a job belongs: its fit, and its step, or those of its group with a +."""
    folders = [file.relative_to(JOBS).parent for file in _files(job)]
    if not folders:
        return str(job.name)
    return str(folders[0].with_name("+".join(folder.name for folder in folders)))


def _label(job: Any) -> str:
    """Return what a job is at, by its first step."""
    files = _files(job)
    return doing_of(files[0]) if files else str(job.name)


def _is_done(step: Any) -> bool:
    """Tell whether a step has written its key file, which it does last of all."""
    key = getattr(step.output, "key", None)
    return key is not None and Path(str(key)).exists()


def _set_resource(job: Any, name: str, value: int) -> None:
    """Change what a job asks for, for this attempt: the next one evaluates it anew."""
    if job.is_group():
        job._resources[name] = value
    else:
        setattr(job.resources, name, value)


def _retry_no_more(job: Any) -> None:
    job.attempt = max(job.attempt, job.restart_times + 1)


def _words(message: str) -> str:
    """Return Slurm's own words of the plugin's message about a job that was not taken."""
    before = message.partition("\n    sbatch call:")[0]
    match = _QUOTED.search(before)
    return match.group(1) if match else before
