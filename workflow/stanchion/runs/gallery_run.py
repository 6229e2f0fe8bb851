"""`stanchion gallery --run`: analyses of the gallery, each a project of its own, one by one."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from stanchion.errors import Fault, StanchionError, UnreachableError, machine_fault
from stanchion.plan.facts import fetch_datasets
from stanchion.project.create import init
from stanchion.runs.gallery import Entry, chosen_entries, example_of
from stanchion.runs.styles import columns_of, folded, styled
from stanchion.system.interpreters import interpreter
from stanchion.system.sentences import counted, listed
from stanchion.system.stopping import stopping

DONE, FAILED, SKIPPED, STOPPED = "done", "failed", "skipped", "stopped"
_STYLES = {DONE: "pass", FAILED: "fail", SKIPPED: "warn", STOPPED: "warn"}
_VERDICTS = ("pass", "warn", "waived", "fail")

Document = Mapping[str, Any]
"""What `stanchion run --json` prints: of a run, or of an error."""


@dataclass(frozen=True)
class Outcome:
    """How the run of one analysis ended; without `seconds` it was not begun."""

    name: str
    state: str
    words: str
    seconds: float | None = None


def run_project(folder: Path) -> Document:
    """Run the project in a folder on all cores, its progress on standard error."""
    command = [sys.executable, "-m", "stanchion", "run", "--cores", "all", "--json"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    stdout, _ = process.communicate()  # `subprocess.run` would kill it where a signal stops us
    with suppress(json.JSONDecodeError):
        document: Document = json.loads(stdout)
        return document
    return {"exit_code": process.returncode or 1, "message": "the run ended without a result"}


def run_gallery(
    directory: Path, names: Sequence[str], run: Callable[[Path], Document] = run_project
) -> int:
    """Lay out analyses in folders of a directory, run each, and return the exit code.

    The others go on after one that fails. What has come of each is printed, also of those before
    a signal.

    Raises:
        StanchionError: the gallery has no such analysis, or `directory` is a file.
        StoppedError: a signal has stopped the run.
    """
    entries = chosen_entries(names)
    if directory.exists() and not directory.is_dir():
        raise StanchionError("this is a file, not a folder", where=str(directory))
    outcomes: list[Outcome] = []
    try:
        with stopping():
            for number, entry in enumerate(entries, 1):
                folder = directory / entry.name
                _say(f"{entry.name}, {number} of {len(entries)}, in {folder}")
                _run_entry(entry, folder, run, outcomes)
                _say(f"{entry.name}: {outcomes[-1].state}")
    finally:
        if outcomes:
            print(table(outcomes), flush=True)
            print(f"reports: {directory}/NAME/results/ANALYSIS/report.html", flush=True)
    return int(any(outcome.state == FAILED for outcome in outcomes))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _run_entry(
    entry: Entry, folder: Path, run: Callable[[Path], Document], outcomes: list[Outcome]
) -> None:
    """Lay out and run one analysis, and add its outcome, also where a signal ends it."""
    begun = None
    try:
        reason = _lay_out(entry, folder)
        if reason is not None:
            outcomes.append(Outcome(entry.name, SKIPPED, reason))
            return
        begun = time.monotonic()
        state, words = _judged(run(folder), folder)
        outcomes.append(Outcome(entry.name, state, words, time.monotonic() - begun))
    except KeyboardInterrupt:
        taken = None if begun is None else time.monotonic() - begun
        words = "finished steps are kept: the same command goes on"
        outcomes.append(Outcome(entry.name, STOPPED, words, taken))
        raise
    except (StanchionError, OSError) as error:
        fault = error.faults[0] if isinstance(error, StanchionError) else machine_fault(error)
        outcomes.append(Outcome(entry.name, FAILED, _sentence(fault or Fault(str(error)))))


def _lay_out(entry: Entry, folder: Path) -> str | None:
    """Lay a project out and fetch its data; return why it cannot be run here, if it cannot."""
    with redirect_stdout(StringIO()):
        init(folder, example_of(entry))
    missing = [python for python in entry.interpreters if not _has_python(python, folder)]
    if missing:
        commands = " && ".join([f"cd {folder}", *entry.installing(folder)])
        return f"there is no {listed(missing)}, here or in {folder}; to make it: {commands}"
    try:
        fetch_datasets(entry.project, folder)
    except UnreachableError as error:
        return _sentence(error.faults[0])
    return None


def _has_python(declared: str, folder: Path) -> bool:
    """Tell whether a project has a declared Python; an environment that lies here is linked."""
    if interpreter(declared, folder) is not None:
        return True
    environment = Path(declared).parts[0]
    if interpreter(declared, Path()) is None or environment in ("/", ".."):
        return False
    link = folder / environment
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(Path(environment).absolute())
    return interpreter(declared, folder) is not None


def _judged(document: Document, folder: Path) -> tuple[str, str]:
    """Return the state and the words of a run that has ended."""
    fits = Counter(fit["verdict"] or fit["state"] for fit in document.get("fits", ()))
    verdicts = [v for v in (*_VERDICTS, *sorted(fits)) if v in fits]
    counts = ", ".join(f"{fits[verdict]} {verdict}" for verdict in dict.fromkeys(verdicts))
    if document["exit_code"] == 0:
        steps = document["steps"]
        rest = counted(steps, "step") if steps else "nothing had to run"
        return DONE, f"{counted(sum(fits.values()), 'fit')}: {counts}; {rest}"
    failures = document.get("failures", ())
    if not failures:
        return FAILED, str(document.get("message", counts)).partition("\n")[0]
    first = failures[0]
    cause = str(first["message"]).partition("\n")[0]
    log = f" ({folder / first['log']})" if first.get("log") else ""
    return FAILED, f"{counts}; {first['step']}: {cause}{log}"


def _sentence(fault: Fault) -> str:
    where = f"{fault.where}: " if fault.where else ""
    return f"{where}{fault.what}" + (f"; {fault.todo}" if fault.todo else "")


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes for a person, a line each, and their sum."""
    width = max(map(len, ("analysis", *(outcome.name for outcome in outcomes))))
    columns = columns_of(sys.stdout)
    lines = [f"{'analysis':{width}}  seconds"]
    for outcome in outcomes:
        seconds = "" if outcome.seconds is None else f"{outcome.seconds:.1f}"
        state = styled(outcome.state, _STYLES[outcome.state], sys.stdout)
        line = f"{outcome.name:{width}}  {seconds:>7}  {outcome.state}: {outcome.words}"
        lines.append(folded(line, columns).replace(outcome.state, state, 1))
    total = sum(outcome.seconds or 0 for outcome in outcomes)
    states = Counter(outcome.state for outcome in outcomes)
    counts = ", ".join(f"{number} {state}" for state, number in states.items())
    return "\n".join([*lines, f"{'all':{width}}  {total:7.1f}  {counts}"])
