"""One JSON document on standard output, and everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TextIO

from stanchion.errors import Fault


@contextmanager
def all_on_stderr() -> Iterator[TextIO]:
    """Send what this process and those that it starts print to standard error while this lasts.

    What is given is the standard output, for the document.
    """
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w") as stdout:
        os.dup2(2, 1)
        try:
            yield stdout
        finally:
            sys.stdout.flush()
            os.dup2(stdout.fileno(), 1)


def error_document(message: str, faults: Sequence[Fault], exit_code: int) -> str:
    """Return the document of a command that could not do what was asked."""
    content = {
        "schema": "stanchion/error/1",
        "exit_code": exit_code,
        "message": message,
        "faults": faults_as_json(faults),
    }
    return json.dumps(content, indent=1, default=str)


def faults_as_json(faults: Sequence[Fault]) -> list[dict[str, object]]:
    """Return faults as plain JSON; a value that JSON lacks is its text."""
    plain: list[dict[str, object]] = json.loads(json.dumps(list(map(asdict, faults)), default=str))
    return plain
