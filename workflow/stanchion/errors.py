"""The tree of errors: each says what is wrong, where, what is allowed and what to do next.

StanchionError                 exit 1
├── DeclarationError           exit 2   the YAML, a dataset or a program is wrong; carries faults
│   ├── DataError                       a declared dataset does not hold what was declared
│   └── ProgramError                    stanc refuses a Stan program
├── ToolchainError             exit 1   no usable CmdStan, compiler or stanc
├── StepError                  exit 1   a step could not make its result
│   ├── CompileError
│   └── ChainError
├── VersioningError            exit 1   DVC or git cannot do what was asked
└── GateError                  exit 3   checks with `on_fail: stop` have failed
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, as a person should read it."""

    what: str
    where: str | None = None
    key: str | None = None
    value: object = None
    allowed: str | None = None
    todo: str | None = None

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        rows = [("key", self.key), ("allowed", self.allowed), ("do", self.todo)]
        if self.value is not None:
            rows.insert(1, ("value", repr(self.value)))
        return "\n".join([head, *(f"  {name + ':':<9} {text}" for name, text in rows if text)])


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


class GateError(StanchionError):
    """A fit failed checks that were declared to stop the run."""

    exit_code = 3
