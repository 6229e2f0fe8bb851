"""Runs one step: opens its record, reuses or makes its outputs, renames them into place.

    python -m stanchion.steps JOBFILE

Imports nothing heavier than the standard library before the step itself is loaded.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import re
import shutil
import signal
import sys
import traceback
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from stanchion.errors import StanchionError, StepError, machine_fault
from stanchion.plan.argument_json import read_arguments
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import Job, JobFile
from stanchion.plan.keys import key_of
from stanchion.plan.step_words import WARNING, doing, made, reused, why_again
from stanchion.provenance import keyfile
from stanchion.provenance.cache import Cache
from stanchion.provenance.records import Record, describe_files, last_finished, open_record
from stanchion.provenance.runs import forget_failure, is_heard, note_failure
from stanchion.provenance.stamps import Content, Stamp, keep
from stanchion.stan.process import check_starts
from stanchion.steps.inputs import open_inputs, planned_inputs
from stanchion.system.folders import TEMPORARY, cache_root
from stanchion.system.processes import (
    descendants,
    die_with_parent,
    end,
    has_lost_warm_process,
)
from stanchion.system.temporaries import own_name
from stanchion.system.writing import write_whole

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_SAID = ("started_anew", "not_saved", "log")
"""Notes that a person hears of behind the line of a step."""
PUBLISHED = {"done", "reused", "superseded"}


class Stopped(BaseException):
    """The step was asked to end by a signal."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


def main(argv: list[str] | None = None) -> int:
    """Run the step of a job file and return the exit code."""
    path = Path((argv if argv is not None else sys.argv[1:])[0])
    _end_with_parent()
    file = JobFile.read(path)
    log = Path(file.log)
    with _unraisable_in(log):
        code = _logged(file, log)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        end(descendants(os.getpid()), signal.SIGKILL)  # what did not listen when it was stopped
    return code


def _logged(file: JobFile, log: Path) -> int:
    try:
        for number in _SIGNALS:  # here, where a signal that is already there has its sentence
            signal.signal(number, _stop)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("")
        how = run(file)
    except BaseException as error:
        return _fail(file, log, error)
    is_logged = _note(log, f"{how}\n")
    with contextlib.suppress(OSError):
        forget_failure(file.key)
    if not (is_logged and is_heard()):
        _say(f"{how}\n")
    return 0


def _fail(file: JobFile, log: Path, error: BaseException) -> int:
    """Say why a step failed, in the log and in a note; where nobody hears of that, here too.

    None of them can fail it anew.
    """
    exit_code, message = explain(error)
    message = _with_final_paths(_without_where(error, str(log)) or message, file)
    text = f"{doing(file)} failed\n{message}\n"
    expected = isinstance(error, StanchionError | Stopped) or machine_fault(error) is not None
    _note(log, text if expected else text + "".join(traceback.format_exception(error)))
    heard = is_heard()
    try:
        note_failure(file.key, doing(file), exit_code, message, log=str(log))
    except OSError:
        heard = False
    if not heard and not (isinstance(error, Stopped) and has_lost_warm_process()):
        _say(f"\n{text}(log: {log})\n")
    if os.environ.get("STANCHION_TRACEBACK"):
        traceback.print_exception(error)
    return exit_code


def _without_where(error: BaseException, log: str) -> str | None:
    """Return a message whose place is the step's own log, which is named once, after the cause."""
    if not isinstance(error, StanchionError):
        return None
    return "\n".join(
        str(replace(fault, where=None) if fault.where == log else fault) for fault in error.faults
    )


def _with_final_paths(message: str, file: JobFile) -> str:
    """Return a message that names a draft of an output by the path that it was to have."""
    drafts = re.compile(rf"\S*{re.escape(TEMPORARY)}/[^/\s]+/(\w+)/[^/\s:]+")
    return drafts.sub(lambda match: file.outputs.get(match[1], match[0]), message)


def _note(log: Path, text: str) -> bool:
    """Write to the log and tell whether that worked; what failed was said where it mattered."""
    try:
        with log.open("a") as file:
            file.write(text)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _unraisable_in(log: Path) -> Iterator[None]:
    """Have the log take what libraries say while they close, as HDF5 does on a full disk."""
    hooks = sys.unraisablehook, sys.excepthook
    sys.unraisablehook = lambda event: _note(log, f"ignored: {event.exc_value!r}\n")
    sys.excepthook = lambda _kind, error, _trace: _note(log, f"ignored: {error!r}\n")
    try:
        yield
    finally:
        sys.unraisablehook, sys.excepthook = hooks


def label(file: JobFile) -> str:
    """Return what a person calls this step: its name and where its results lie."""
    folder = Path(file.records).parent.parent
    shown = "/".join(folder.parts[1:]) if folder.parts[:1] == ("results",) else folder.name
    return f"{Path(file.records).name} {shown}"


def run(file: JobFile) -> str:
    """Make the step's outputs, or reuse them, and return how in one line."""
    before = last_finished(file.records)
    record = open_record(file)
    if file.unrepeated:
        record.content["lineage"] = keyfile.lineage_of(file.unrepeated)
    with _staging(file) as staged:
        try:
            _require_key(file)
            how = _reuse(file, record, staged) or _make_alone(
                file, record, staged, why_again(file, before)
            )
        except Stopped as error:
            if record.content["state"] not in PUBLISHED:
                _close_failed(record, error)
                raise
            how = f"{doing(file)}: {record.content['state']}, then {explain(error)[1]}"
        except BaseException as error:
            _close_failed(record, error)
            raise
    if record.content["state"] != "superseded":
        for path in file.drop:
            Path(path).unlink(missing_ok=True)
    return how


def _close_failed(record: Record, error: BaseException) -> None:
    exit_code, message = explain(error)
    with contextlib.suppress(OSError):
        record.close("failed", exit_code, error=message)


def explain(error: BaseException) -> tuple[int, str]:
    """Return an exit code and the one message for an error."""
    if isinstance(error, StanchionError):
        return error.exit_code, str(error)
    if isinstance(error, Stopped):
        return 128 + error.number, f"stopped by {error}"
    if fault := machine_fault(error):
        return 1, str(fault)
    return 1, f"internal error: {type(error).__name__}: {error}"


def _reuse(file: JobFile, record: Record, staged: dict[str, Path]) -> str | None:
    if not file.cached:
        return None
    cache, row = Cache(cache_root()), STEPS[file.step]
    entry = cache.fetch(file.step, file.cache_key(), staged, row.version)
    if entry is None or not all(check_starts(staged[name]) for name in row.executables):
        return None
    record.content["inputs"] = planned_inputs(file)
    command = {"command": c} if (c := entry["origin"].get("command")) else {}
    _publish(file, record, staged, "reused", origin=entry["origin"], notes=command)
    return reused(file)


def _make_alone(file: JobFile, record: Record, staged: dict[str, Path], reason: str | None) -> str:
    """Make the outputs; where another run makes the same ones, wait and reuse those."""
    if not STEPS[file.step].one_at_a_time:
        return _make(file, record, staged, reason)
    with Cache(cache_root()).alone(file.step, file.key):
        return _reuse(file, record, staged) or _make(file, record, staged, reason)


def _require_key(file: JobFile) -> None:
    """Refuse a job whose key is not that of its arguments, or of another version of its step.

    Its file may have been edited, or Stanchion been installed anew while the job waited.
    """
    version = STEPS[file.step].version
    if key_of({**file.made_of, "arguments": file.arguments}) != file.key:
        raise StepError(
            "its arguments were changed since this run was planned: they are not what its key says",
            where=label(file),
            todo="run again, which writes it again",
        )
    if file.made_of.get("version", version) != version:
        raise StepError(
            "another version of Stanchion has planned this run, whose step may give other results",
            where=label(file),
            todo="run again",
        )


def _make(file: JobFile, record: Record, staged: dict[str, Path], reason: str | None) -> str:
    folder = next(iter(staged.values())).parents[1]
    with open_inputs(file, folder / "inputs") as inputs:
        record.content["inputs"] = inputs.described
        inputs.originals.update((str(staged[name]), path) for name, path in file.outputs.items())
        content = {**file.arguments, **file.unkeyed}
        job = Job(
            step=file.step,
            key=file.key,
            arguments=read_arguments(STEPS[file.step].arguments, content, label(file)),
            inputs=inputs.paths,
            outputs=staged,
            log=Path(file.log),
            descriptors=inputs.descriptors,
            made_of=file.made_of_now(),
            made_in={name: record.content[name] for name in ("run", "git")},
        )
        module = importlib.import_module(f"stanchion.steps.{file.step}")
        try:
            module.run(job)
        except StanchionError as error:
            raise inputs.renamed(error) from error
    missing = [name for name, path in staged.items() if not path.exists()]
    if missing:
        raise StepError(f"{file.step} did not write {', '.join(missing)}")
    notes = inputs.renamed_notes(job.notes)
    _publish(file, record, staged, "done", notes=notes)
    took = made(file, record.content["seconds"], reason)
    uncached = _keep(file, record)
    if uncached is None and record.content["state"] == "done" and hasattr(module, "after"):
        module.after(job)
    warnings = [*([uncached] if uncached is not None else []), *_warnings(notes)]
    return "".join([took, *(f"{WARNING}{text}" for text in warnings)])


def _warnings(notes: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a person hears of a step, and of the runs of its procedure with their names."""
    yield from (notes[fact] for fact in _SAID if fact in notes)
    names_of = defaultdict[str, list[str]](list)
    for run in notes.get("runs", ()):
        for text in (run[fact] for fact in _SAID if fact in run):
            name = run.get("name", "")
            names_of[text.removeprefix(f"{name}: ")].append(name)
    for text, names in names_of.items():
        more = f" and {len(names) - 1} more" if names[1:] else ""
        yield f"{names[0]}{more}: {text}" if names[0] else text


def _keep(file: JobFile, record: Record) -> str | None:
    """Keep the outputs in the cache, with the hash of their closed record; say why if it cannot."""
    if not file.cached or record.content["state"] != "done":
        return None
    hashes = {entry["name"]: entry["sha256"] for entry in record.content["outputs"]}
    outputs = {name: Path(path) for name, path in file.outputs.items()}
    try:
        Cache(cache_root()).store(
            file.step,
            file.cache_key(),
            outputs,
            record.as_origin(),
            STEPS[file.step].version,
            hashes,
        )
    except OSError as error:
        return f"not kept in the cache: {error.filename}: {error.strerror}"
    return None


def _publish(
    file: JobFile, record: Record, staged: dict[str, Path], state: str, **facts: Any
) -> None:
    """Rename the outputs into place, close the record, then write the key file, which proves.

    An attempt that was given up for lost, on a node that nobody could reach, changes nothing: a
    later one has taken its place, whose files may be in use or dropped already.
    """
    stamps = {name: Stamp.of(path) for name, path in staged.items()}
    described = describe_files(staged)
    if record.is_superseded():
        record.close("superseded", 0, **facts)
        return
    with _stops_held():
        outputs, settled = {}, {}
        for entry in described:
            final = Path(file.outputs[entry["name"]])
            final.parent.mkdir(parents=True, exist_ok=True)
            _rename(staged[entry["name"]], final)
            entry["path"] = str(final)
            outputs[entry["name"]] = Content(entry["size"], entry["sha256"])
            if stamps[entry["name"]].same_file(now := Stamp.of(final)):
                settled[entry["name"]] = (now, entry["sha256"])
        record.close(state, 0, outputs=described, **facts)
        keep(file.stamps, settled)
        lineage = record.content.get("lineage")
        write_whole(file.key_file, keyfile.line_of(file.key, outputs, lineage))


@contextlib.contextmanager
def _staging(file: JobFile) -> Iterator[dict[str, Path]]:
    """Give each output a path of its own, and sweep what is left there.

    It lies on the results' file system, or where $STANCHION_SCRATCH says: $TMPDIR, for instance.
    """
    folder = _scratch() / own_name(file.key[:12])
    staged = {name: folder / name / Path(path).name for name, path in file.outputs.items()}
    try:
        for path in staged.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        yield staged
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _scratch() -> Path:
    chosen = os.environ.get("STANCHION_SCRATCH")
    if not chosen:
        return Path(TEMPORARY)
    folder = os.path.expandvars(chosen)
    if "$" in folder:
        raise StepError(
            f"STANCHION_SCRATCH={chosen} names a variable that is not set here",
            where=os.uname().nodename,
            todo="name a folder of the node, or a variable that it sets, or unset it",
        )
    return Path(folder)


def _rename(staged: Path, final: Path) -> None:
    """Put a file into its place at once; from another file system, by way of a copy on this one."""
    try:
        staged.replace(final)
        return
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    shared = Path(TEMPORARY) / own_name(final.name)
    beside = final.with_name(own_name(f".{final.name}"))
    shared.parent.mkdir(parents=True, exist_ok=True)
    near = shared if shared.parent.stat().st_dev == final.parent.stat().st_dev else beside
    try:
        shutil.copy(staged, near)
        near.replace(final)
    finally:
        near.unlink(missing_ok=True)


def _end_with_parent() -> None:
    """Ask the kernel to end this process when Snakemake dies, so that no orphan goes on writing."""
    if not die_with_parent(signal.SIGTERM, os.getppid()):
        raise SystemExit(1)


def _stop(number: int, _frame: object) -> None:
    """Ask what the step has started, such as a compiler, to end, and end the step, once."""
    for other in _SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    end(descendants(os.getpid()), signal.SIGTERM)
    raise Stopped(number)


@contextlib.contextmanager
def _stops_held() -> Iterator[None]:
    """Have a signal that asks to stop wait until what lies inside is whole."""
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    arrived: list[int] = []
    for number in _SIGNALS:
        signal.signal(number, lambda number, _frame: arrived.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if arrived:
        signal.raise_signal(signal.Signals(arrived[0]))


def _say(text: str, stream: TextIO | None = None) -> None:
    """Print to the terminal in one write, so that parallel steps do not mix their lines."""
    with contextlib.suppress(OSError):
        (stream or sys.stderr).write(text)
        (stream or sys.stderr).flush()
