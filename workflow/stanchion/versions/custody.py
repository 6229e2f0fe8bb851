"""The chain of custody: each file from a record, each record's key from its content, each record's
inputs from the outputs of the records before, from the data's rows and the programs to the report.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from stanchion.methods.catalogue import METHODS
from stanchion.plan import paths
from stanchion.plan.catalogue import KNOWN
from stanchion.plan.keys import key_of
from stanchion.provenance.keyfile import Line
from stanchion.provenance.stamps import Content
from stanchion.system.folders import STATE
from stanchion.system.hashes import content_hash
from stanchion.versions.difference import Difference, Kind

Json = Mapping[str, Any]

_OF_DATA = ("prepare_data", "prepare_quantities_data")
_ENDED_WELL = ("done", "reused")
_RECORD = re.compile(r"(?P<folder>.+/records/[^/]+)/(?P<key>[0-9a-f]{12})-(?P<rest>\w+)\.json")
_SURROUNDINGS = ("packages", "code", "toolchain", "python", "host")
"""Where two records of one key agree in these, their outputs are the same bytes."""


@dataclass(frozen=True)
class SoundRecord:
    """A record that is what its name, its place and its key say."""

    path: str
    folder: str
    rule: str
    attempt: int
    content: Json

    @property
    def key(self) -> str:
        """The key of what was made."""
        return str(self.content["key"])

    @property
    def ended_well(self) -> bool:
        """Whether the step left results."""
        return self.content["state"] in _ENDED_WELL

    @cached_property
    def outputs(self) -> dict[str, str]:
        """SHA-256 by path."""
        return {entry["path"]: entry["sha256"] for entry in self.content.get("outputs", ())}


@dataclass(frozen=True)
class Custody:
    """What proves each file of an analysis, and what does not hang together."""

    proofs: Mapping[str, SoundRecord]
    """Path → the record that proves it; a record proves itself."""
    current: tuple[SoundRecord, ...]
    """The record that each key file names."""
    records: tuple[SoundRecord, ...]
    """Every sound record."""
    faults: tuple[Difference, ...]


def examine(
    hashes: Mapping[str, str],
    records: Mapping[str, bytes],
    lines: Mapping[str, Line | None],
    *,
    linked: bool = True,
) -> Custody:
    """Hold every file of an analysis to a record and, where `linked`, each record to those before.

    `hashes` is SHA-256 by path, of each file below the analysis's folder; `records` the content of
    those that lie where records do, `lines` what key files say.
    """
    faults: list[Difference] = []
    sound = list(_sound(records, faults))
    unsound = {fault.path for fault in faults}
    faults += [*_gaps(sound), *_contradictions(sound)]
    current = list(_current(lines, sound, faults))
    proofs = {record.path: record for record in sound}
    for record, key_file in current:
        proofs[key_file] = record
        proofs |= dict.fromkeys(record.outputs, record)
    faults += _unproved(hashes, proofs, unsound)
    faults += _lost(hashes, [record for record, _ in current])
    if not unsound and linked:
        faults += _links([record for record, _ in current], sound)
    if not unsound:
        faults += _overtaken([record for record, _ in current])
    return Custody(
        proofs, tuple(record for record, _ in current), tuple(sound), tuple(_once(faults))
    )


def is_record(path: str) -> bool:
    """Tell whether a file lies where a step's records do."""
    return "/records/" in path


def is_key_file(path: str) -> bool:
    """Tell whether a file lies where key files do."""
    return "/.keys/" in path


def _sound(records: Mapping[str, bytes], faults: list[Difference]) -> Iterator[SoundRecord]:
    for path in sorted(records):
        try:
            yield _read(path, records[path])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            why = str(error) if type(error) is ValueError else "it cannot be read"
            faults.append(Difference(Kind.ALTERED, path, f"this record was altered: {why}"))


def _read(path: str, text: bytes) -> SoundRecord:
    """Return a record; raises ValueError with what in it contradicts its name, place or key."""
    named = _RECORD.fullmatch(path)
    step = paths.step_of(named["folder"]) if named is not None else None
    if named is None or step is None:
        raise ValueError("no step leaves a record of this name")
    try:
        content = json.loads(text)
    except ValueError as error:
        raise KeyError(path) from error
    rule, wildcards = step
    if content["schema"] != "stanchion/record/1" or content["step"] != rule:
        raise ValueError(f"it is not of the step {rule}")
    if key_of({**content["made_of"], "arguments": content["arguments"]}) != content["key"]:
        raise ValueError("its key does not follow from its content")
    if content["made_of"]["step"] != rule or content["key"][:12] != named["key"]:
        raise ValueError("its name is not that of its key")
    copied = KNOWN[rule].shared
    if named["rest"] != (content_hash(text)[:12] if copied else str(content["attempt"])):
        raise ValueError("its name is not that of its attempt")
    record = SoundRecord(path, named["folder"], rule, int(content["attempt"]), content)
    if record.ended_well:
        outputs = paths.outputs(rule, wildcards)
        if {entry["name"]: entry["path"] for entry in content["outputs"]} != outputs:
            raise ValueError("its outputs are not those of its step")
        if any(not entry["sha256"] for entry in content["inputs"]):
            raise ValueError("it does not name its inputs")
    return record


def _gaps(records: Sequence[SoundRecord]) -> Iterator[Difference]:
    """Attempts at a key are counted from 1, so that one that was taken away leaves a gap."""
    attempts: dict[tuple[str, str], set[int]] = defaultdict(set)
    for record in records:
        if not KNOWN[record.rule].shared:
            attempts[record.folder, record.key].add(record.attempt)
    for (folder, key), numbers in attempts.items():
        for lost in sorted(set(range(1, max(numbers))) - numbers):
            path = f"{folder}/{key[:12]}-{lost}.json"
            yield Difference(Kind.MISSING, path, "later attempts count this record, and it is gone")


def _contradictions(records: Sequence[SoundRecord]) -> Iterator[Difference]:
    """Yield records that say otherwise than earlier ones of their key.

    Where the same bytes are not promised, as of a script's, they count as what they were made of,
    and what follows as what it was made of.
    """
    unlike = _unpromised(records)
    first: dict[tuple[str, str, str], SoundRecord] = {}
    for record in sorted(records, key=lambda record: record.attempt):
        if not record.ended_well:
            continue
        facts = [record.content.get(name) for name in _SURROUNDINGS]
        read = [entry for entry in record.content["inputs"] if entry["path"] in unlike]
        facts += [[entry["path"], entry["sha256"]] for entry in read]
        around = json.dumps(facts, sort_keys=True)
        before = first.setdefault((record.folder, record.key, around), record)
        if _that_follow(before) != _that_follow(record):
            what = f"it contradicts {before.path}: the same key gives the same bytes"
            yield Difference(Kind.ALTERED, record.path, what)


def _unpromised(records: Sequence[SoundRecord]) -> set[str]:
    """Return the paths of results whose bytes do not follow from their keys."""
    paths = set[str]()
    for record in records:
        method = METHODS.get(str(record.content["arguments"].get("method")))
        repeats = KNOWN[record.rule].repeats and (method is None or method.repeats)
        if record.ended_well and not repeats:
            paths.update(record.outputs)
    size = -1
    while size != len(paths):
        size = len(paths)
        for record in records:
            if record.ended_well and any(e["path"] in paths for e in record.content["inputs"]):
                paths.update(record.outputs)
    return paths


def _that_follow(record: SoundRecord) -> dict[str, str]:
    """Return the hashes of the outputs that follow from the key."""
    return {
        entry["path"]: entry["sha256"]
        for entry in record.content["outputs"]
        if entry["name"] not in KNOWN[record.rule].varying
    }


def _current(
    lines: Mapping[str, Line | None], records: Sequence[SoundRecord], faults: list[Difference]
) -> Iterator[tuple[SoundRecord, str]]:
    """Yield, for each key file, the last record of its key that ended well."""
    for folder in sorted({record.folder for record in records if not KNOWN[record.rule].shared}):
        step = paths.step_of(folder)
        key_file = paths.key_file(*step) if step is not None else ""
        if key_file not in lines:
            continue
        line = lines[key_file]
        mine = [record for record in records if record.folder == folder and record.ended_well]
        mine = [record for record in mine if line is not None and record.key == line.key]
        if line is None or not mine:
            what = "no record of this step has the key that it names"
            faults.append(Difference(Kind.ALTERED, key_file, what))
            continue
        last = max(mine, key=lambda record: record.attempt)
        named = {
            entry["name"]: Content(entry["size"], entry["sha256"])
            for entry in last.content["outputs"]
        }
        if named != line.outputs:
            what = f"it does not name the outputs of {last.path}"
            faults.append(Difference(Kind.ALTERED, key_file, what))
        yield last, key_file


def _unproved(
    hashes: Mapping[str, str], proofs: Mapping[str, SoundRecord], unsound: set[str]
) -> Iterator[Difference]:
    """Yield what no record proves; not again what would be proved by one that was named."""
    named = {path for record in unsound for path in _files_of(record)}
    for path, digest in hashes.items():
        proof = proofs.get(path)
        if proof is None:
            if not is_record(path) and path not in named:
                yield Difference(Kind.EXTRA, path, "no record of a step proves this file")
        elif proof.outputs.get(path, digest) != digest:
            what = f"it is not what the step that made it wrote: {proof.path}"
            yield Difference(Kind.ALTERED, path, what)


def _files_of(record: str) -> Iterator[str]:
    """Yield the files of the step that a record, by its place, is of."""
    folder = PurePosixPath(record).parent
    step = paths.step_of(str(folder))
    if step is not None:
        yield from paths.outputs(*step).values()
        yield paths.key_file(*step)


def _lost(hashes: Mapping[str, str], current: Sequence[SoundRecord]) -> Iterator[Difference]:
    for record in current:
        for path in record.outputs:
            if path not in hashes and KNOWN[record.rule].keep is None:
                yield Difference(Kind.MISSING, path, f"{record.path} names it")


def _overtaken(current: Sequence[SoundRecord]) -> Iterator[Difference]:
    """Yield the results that were made from others than those which lie beside them now."""
    digests = {path: digest for record in current for path, digest in record.outputs.items()}
    for record in current:
        for entry in record.content["inputs"]:
            if digests.get(entry["path"], entry["sha256"]) != entry["sha256"]:
                what = f"it was made from another {entry['path']} than lies there"
                yield Difference(Kind.STALE, record.path, what)


def _links(current: Sequence[SoundRecord], records: Sequence[SoundRecord]) -> Iterator[Difference]:
    """Yield where the inputs of a record are not the outputs of those before it, the way back."""
    by_key: dict[str, list[SoundRecord]] = defaultdict(list)
    for record in records:
        if record.ended_well:
            by_key[record.key].append(record)
    pending, visited = list(current), set()
    while pending:
        record = pending.pop()
        if record.path in visited:
            continue
        visited.add(record.path)
        keys = record.content["made_of"]["upstream"]
        before = [maker for key in keys for maker in by_key[key]]
        if missing := [key[:12] for key in keys if not by_key[key]]:
            what = f"no record is left of a step that it follows: key {', '.join(missing)}"
            yield Difference(Kind.MISSING, record.path, what)
        provided = {
            entry["path"]: _provided(entry["path"], before) for entry in record.content["inputs"]
        }
        for entry in record.content["inputs"]:
            makers = [
                maker for maker, digest in provided[entry["path"]] if digest == entry["sha256"]
            ]
            pending += makers
            if provided[entry["path"]] and not makers:
                what = f"its input {entry['path']} is not what the step before it wrote"
                yield Difference(Kind.ALTERED, record.path, what)
            elif not makers and not missing and not _is_source(record, entry):
                what = f"no record before it proves its input {entry['path']}"
                yield Difference(Kind.ALTERED, record.path, what)


def _provided(path: str, before: Sequence[SoundRecord]) -> list[tuple[SoundRecord, str]]:
    return [(maker, maker.outputs[path]) for maker in before if path in maker.outputs]


def _is_source(record: SoundRecord, entry: Json) -> bool:
    """Tell whether an input comes from outside: data as the key names them, or a program."""
    path, content = entry["path"], record.content["made_of"]["content"]
    if record.rule == "make_table":
        return entry["sha256"] in content.get(entry["name"], ())
    if path.startswith(("results/", f"{STATE}/programs/")):
        return False
    if record.rule in _OF_DATA or entry["name"] == "init":
        return bool(content.get(entry["name"]) == entry["sha256"])
    return True


def _once(faults: Sequence[Difference]) -> list[Difference]:
    """Return each fault once, sorted by path."""
    return sorted(dict.fromkeys(faults), key=lambda fault: (fault.path, fault.kind, fault.what))
