"""The tree of errors: each says what is wrong, where, what is allowed and what to do next.

StanchionError                 exit 1
├── DeclarationError           exit 2   the YAML, a dataset or a program is wrong; carries faults
│   ├── DataError                       a declared dataset does not hold what was declared
│   │   └── UnreachableError            its `url:` does not answer
│   └── ProgramError                    stanc refuses a Stan program
├── ToolchainError             exit 1   no usable CmdStan, compiler or stanc
├── StepError                  exit 1   a step could not make its result
│   ├── CompileError
│   └── ChainError
├── VersioningError            exit 1   DVC or git cannot do what was asked
├── ResultsError               exit 1   results that Python asks for are not there
│   ├── AlteredError                    they are not what their steps wrote
│   ├── StaleError                      they are not what the declaration asks for now
│   ├── UnplannedError                  there is no declaration to hold them against
│   └── FailedError                     they are of a fit that failed its checks
├── StoppedError               exit 130 after SIGINT, 143 after SIGTERM
└── GateError                  exit 3   checks with `on_fail: stop` have failed
"""

from __future__ import annotations

import errno
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, as a person should read it."""

    what: str
    where: str | None = None
    key: str | None = None
    value: object = field(default=None, hash=False)
    allowed: str | None = None
    todo: str | None = None

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        rows = [("key", self.key), ("allowed", self.allowed), ("do", self.todo)]
        if self.value is not None:
            rows.insert(1, ("value", _shortened(repr(self.value))))
        return "\n".join([head, *(f"  {name + ':':<9} {text}" for name, text in rows if text)])


def _shortened(text: str, most: int = 300) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


class StanchionError(Exception):
    """An error that is shown to a person as one message, without a traceback."""

    exit_code = 1

    def __init__(self, what: str | Fault | Sequence[Fault], **details: object) -> None:
        if isinstance(what, str):
            what = Fault(what, **details)  # type: ignore[arg-type]
        self.faults = (what,) if isinstance(what, Fault) else tuple(what)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.faults,)


class DeclarationError(StanchionError):
    """The declaration, or something it names, is wrong."""

    exit_code = 2


class DataError(DeclarationError):
    """A dataset does not hold what was declared of it."""


class UnreachableError(DataError):
    """A dataset's `url:` does not answer."""


class ProgramError(DeclarationError):
    """A Stan program is refused by stanc, or lacks what was declared of it."""


class ToolchainError(StanchionError):
    """There is no usable CmdStan, C++ compiler or stanc."""


class StepError(StanchionError):
    """A step could not make its result."""


class CompileError(StepError):
    """A Stan program could not be compiled."""


class ChainError(StepError):
    """A chain did not finish."""


class VersioningError(StanchionError):
    """DVC or git cannot do what was asked."""


class ResultsError(StanchionError):
    """Results that Python asks for are not there, or not as they were when they were loaded."""


class AlteredError(ResultsError):
    """Results are not what their steps wrote."""


class StaleError(ResultsError):
    """Results are not what the declaration asks for now."""


class UnplannedError(ResultsError):
    """There is no declaration to hold results against."""


class FailedError(ResultsError):
    """Draws or estimates of a fit that failed checks which were declared to stop."""


class StoppedError(StanchionError):
    """A signal has stopped the run."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"stopped by {signal.Signals(number).name}",
            todo="finished steps are kept: the same command goes on",
        )
        self.number = number
        self.exit_code = 128 + number

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.number,)


class GateError(StanchionError):
    """A fit failed checks that were declared to stop the run."""

    exit_code = 3


NO_SPACE = "no space left on the device"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_OF_THE_MACHINE = {
    errno.EROFS: "make the file system writable, or work in a copy elsewhere",
    errno.EACCES: "give yourself the right to write there, or work in a copy elsewhere",
    errno.EPERM: "give yourself the right to write there, or work in a copy elsewhere",
    errno.EISDIR: "move this folder away: a file of this name belongs there",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "look at the disk or the file server, then run again",
    errno.ESTALE: "look at the file server, then run again",
}


def machine_fault(error: BaseException) -> Fault | None:
    """Return the fault of a disk, a right or a name that an error tells of, if it does."""
    if not isinstance(error, OSError):
        return None
    number = error.errno if error.errno is not None else _quoted_number(str(error))
    where = str(error.filename2 or error.filename or Path.cwd())
    if number in _FULL:
        todo = "free some space and run again; finished steps are kept"
        return Fault(NO_SPACE, where=where, todo=todo)
    if number in _OF_THE_MACHINE:
        what = (error.strerror or str(error)).lower()
        return Fault(what, where=where, todo=_OF_THE_MACHINE[number])
    return None


def _quoted_number(text: str) -> int | None:
    """Return the error number that HDF5 quotes in its text."""
    return next((n for n in (*_FULL, *_OF_THE_MACHINE) if f"errno = {n}," in text), None)
