"""Key files: one line beside a step's outputs that says which key made them, and their content.

Where a step before it, as a person's own script, need not give the same bytes again, the line holds
the lineage too: what those steps have left. A result of another lineage is stale.

A key file is an output of its step and a plain input of the steps that follow. It gets the
modification time `SETTLED`, older than anything else, so that no clock decides. What makes
Snakemake run a step is its job file: where the plan's key and the outputs do not agree, that one
gets the time `TO_RUN`, which is newer; else it is as old as the key file. Of what only passes
from step to step, an altered piece loses its key file, and is made where something needs it.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from stanchion.provenance.stamps import Content, contents
from stanchion.system.hashes import content_hash
from stanchion.system.writing import write_whole

SETTLED = 1
TO_RUN = 2
_LINEAGE = "^"
"""Stands before the lineage, which no name of an output does."""
_OUTPUT = re.compile(r"(\w+)=(\d+):([0-9a-f]{64})")


class State(StrEnum):
    """What a step's outputs are, held against the plan and against what their step wrote."""

    CURRENT = "current"
    STALE = "stale"
    ALTERED = "altered"
    MISSING = "missing"


class Made(Protocol):
    """A step, as far as its results are concerned."""

    @property
    def key(self) -> str: ...
    @property
    def outputs(self) -> Mapping[str, str]: ...
    @property
    def key_file(self) -> str: ...
    @property
    def stamps(self) -> str: ...
    @property
    def records(self) -> str: ...
    @property
    def unrepeated(self) -> Mapping[str, str]: ...


class Line(NamedTuple):
    """What a key file says: the key, the content of each output by name, and the lineage."""

    key: str
    outputs: Mapping[str, Content]
    lineage: str | None = None


def line_of(key: str, outputs: Mapping[str, Content], lineage: str | None = None) -> str:
    """Return a key file's line: the key, then each output's size in bytes and SHA-256 by name."""
    words = [f"{name}={size}:{digest}" for name, (size, digest) in sorted(outputs.items())]
    made_with = [f"{_LINEAGE}{lineage}"] if lineage is not None else []
    return " ".join([key, *made_with, *words]) + "\n"


def lineage_of(unrepeated: Mapping[str, str]) -> str | None:
    """Return the SHA-256 of what these steps have left, whose bytes do not follow from their keys.

    `unrepeated` is key by path of the key file; None where there are none.
    """
    if not unrepeated:
        return None
    left = defaultdict[str, list[dict[str, str] | None]](list)
    for path, key in sorted(unrepeated.items()):
        line = read_line(path)
        outputs = None if line is None or line.key != key else line.outputs
        left[key].append(None if outputs is None else {n: c.sha256 for n, c in outputs.items()})
    made = {key: each if len(each) > 1 else each[0] for key, each in left.items()}
    return content_hash(json.dumps(made, sort_keys=True).encode())


def read_line(key_file: str) -> Line | None:
    """Return what a key file says, or None where there is none or it says nothing of the kind."""
    try:
        return parse_line(Path(key_file).read_text(errors="replace"))
    except OSError:
        return None


def parse_line(text: str) -> Line | None:
    """Return what the text of a key file says, or None where it says nothing of the kind."""
    key, *words = text.split() or [""]
    lineage = words.pop(0)[1:] if words and words[0].startswith(_LINEAGE) else None
    matches = [_OUTPUT.fullmatch(word) for word in words]
    outputs = {match[1]: Content(int(match[2]), match[3]) for match in matches if match is not None}
    return Line(key, outputs, lineage) if outputs and len(outputs) == len(words) else None


def state_of(step: Made) -> State:
    """Return the state of a step's outputs; hashes only those that changed since the last look."""
    return _look(step)[0]


def altered_outputs(step: Made) -> list[str]:
    """Return the outputs that are not what their step wrote; all where no key file says which."""
    state, line = _look(step)
    if state is not State.ALTERED:
        return []
    present = contents(step.outputs, step.stamps)
    recorded = line.outputs if line is not None else {}
    return [path for name, path in step.outputs.items() if recorded.get(name) != present[name]]


def settle(step: Made) -> State:
    """Return the state of a step's outputs, and leave the key file saying so by its time.

    The key file decides where there is one. Where there is none, a finished record of this key
    does, if each output still has the SHA-256 that it names. Nothing is deleted: results are
    tracked, and who only asks what would run must not lose any.
    """
    path = Path(step.key_file)
    state, line = _look(step)
    if state is State.CURRENT and line is None:
        lineage = lineage_of(step.unrepeated)
        write_whole(path, line_of(step.key, contents(step.outputs, step.stamps), lineage))
    with suppress(FileNotFoundError):
        if path.stat().st_mtime != SETTLED:
            os.utime(path, (SETTLED, SETTLED))
    return state


def is_to_run(step: Made, state: State) -> bool:
    """Tell whether a step must run whatever its files look like to Snakemake.

    Outputs that are missing Snakemake sees itself, and makes those that something needs: not the
    chains that were dropped after their draws were collected.
    """
    if state is not State.MISSING:
        return state is not State.CURRENT
    line = read_line(step.key_file)
    return line is not None and line.key != step.key


def _look(step: Made) -> tuple[State, Line | None]:
    """Return the state of a step's outputs, and what its key file says."""
    outputs, line = step.outputs, read_line(step.key_file)
    try:
        present = contents(outputs, step.stamps)
    except OSError:
        return State.MISSING, line
    if line is None:
        return _by_records(step, present), line
    if line.key != step.key or line.outputs.keys() != present.keys():
        return State.STALE, line
    if line.lineage != lineage_of(step.unrepeated):
        return State.STALE, line
    return State.CURRENT if line.outputs == present else State.ALTERED, line


def _by_records(step: Made, present: Mapping[str, Content]) -> State:
    """Look for a record that explains the outputs; what its own key's record denies is altered."""
    hashes = {name: content.sha256 for name, content in present.items()}
    lineage = lineage_of(step.unrepeated)
    recorded_hashes = [
        (record["key"], _hashes(record))
        for record in _finished(step.records)
        if record.get("lineage") == lineage
    ]
    if (step.key, hashes) in recorded_hashes:
        return State.CURRENT
    denied = any(key == step.key for key, _ in recorded_hashes)
    explained = any(recorded == hashes for _, recorded in recorded_hashes)
    return State.ALTERED if denied and not explained else State.STALE


def _finished(records: str) -> Iterator[dict[str, Any]]:
    for path in sorted(Path(records).glob("*.json")):
        try:
            content = json.loads(path.read_text())
            if content["state"] in ("done", "reused") and content["key"]:
                yield content
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue


def _hashes(record: Mapping[str, Any]) -> dict[str, str] | None:
    try:
        return {entry["name"]: entry["sha256"] for entry in record["outputs"]}
    except (KeyError, TypeError):
        return None
