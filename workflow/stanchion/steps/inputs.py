"""What a step reads: copies of its own, each held to what the step's key was made of.

A file is copied and the copy is hashed, so that what is read is what was hashed, whatever happens
to the file meanwhile. A compiled program is hashed through the descriptor that is executed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from stanchion.errors import Fault, ProgramError, StanchionError, StepError
from stanchion.plan.catalogue import STEPS
from stanchion.plan.job import JobFile
from stanchion.provenance.cache import Cache
from stanchion.provenance.keyfile import read_line
from stanchion.system.folders import TEMPORARY, cache_root
from stanchion.system.hashes import content_hash, file_hash, file_hashes, text_hash
from stanchion.system.temporaries import own_name

if TYPE_CHECKING:
    from stanchion.stan.program import Sources

EXECUTABLE = "executable"
"""The input that is executed, not read."""
_BLOCK = 1 << 20
_LOST = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


@dataclass
class Inputs:
    """A step's inputs as it reads them."""

    paths: dict[str, Path | list[Path]] = field(default_factory=dict)
    """Copies by name; of what is executed, the path that a person knows."""
    descriptors: dict[str, int] = field(default_factory=dict)
    """Open copies by name, of what is executed."""
    described: list[dict[str, Any]] = field(default_factory=list)
    """Name, path that a person knows, SHA-256 and size in bytes of each file."""
    originals: dict[str, str] = field(default_factory=dict)
    """Copy → the path that a person knows."""

    def named(self, text: str) -> str:
        """Return a text with the paths that a person knows for those of copies."""
        for copy, original in self.originals.items():
            text = text.replace(copy, original)
        return text

    def renamed(self, error: StanchionError) -> StanchionError:
        """Return an error with the paths that a person knows for those of copies."""
        return type(error)([self._renamed(fault) for fault in error.faults])

    def renamed_notes(self, notes: Mapping[str, Any]) -> dict[str, Any]:
        """Return notes with the paths that a person knows for those of copies."""
        renamed: dict[str, Any] = json.loads(self.named(json.dumps(notes, ensure_ascii=False)))
        return renamed

    def _renamed(self, fault: Fault) -> Fault:
        texts = {name: self.named(text) for name, text in vars(fault).items() if type(text) is str}
        return replace(fault, **texts)


@dataclass(frozen=True)
class _Input:
    """One file to read: where it lies, where its copy goes, and what the plan expects of it."""

    path: Path
    copy: Path
    expected: Mapping[str, Any]

    def digest(self) -> str | None:
        """Return the SHA-256 that it must have, by the plan or by the step that wrote it."""
        if "sha256" in self.expected:
            return str(self.expected["sha256"])
        line = read_line(self.expected["key_file"])
        if line is None or line.key != self.expected["key"]:
            return None
        content = line.outputs.get(self.expected["output"])
        return content.sha256 if content is not None else None

    def fault(self) -> Fault:
        """Return what is to be said of a file that is not what it must be."""
        if "step" not in self.expected:
            return _changed(str(self.path))
        return Fault(
            f"it is not what {self.expected['step']} wrote: it was altered since",
            where=str(self.path),
            todo="run again, which makes it again",
        )


@contextmanager
def open_inputs(file: JobFile, folder: Path) -> Iterator[Inputs]:
    """Copy a step's inputs into a folder, held to what the plan and the steps before say of them.

    Raises:
        StepError: a source changed since the run was planned, or a result is not what its step
            wrote and the cache does not hold it; names each.
    """
    inputs, faults = Inputs(), list[Fault]()
    near = Path(TEMPORARY) / own_name(f"{file.key[:12]}-programs")
    try:
        for name, planned in file.inputs.items():
            home = (near if name == EXECUTABLE else folder) / name
            each = [
                _Input(Path(path), home / str(number) / Path(path).name, file.expected[path])
                for number, path in enumerate(planned if isinstance(planned, list) else [planned])
            ]
            copies = _take(name, each, inputs, faults)
            inputs.paths[name] = copies if isinstance(planned, list) else copies[0]
        if faults:
            raise StepError(list(dict.fromkeys(faults)))
        yield inputs
    finally:
        for descriptor in inputs.descriptors.values():
            os.close(descriptor)
        shutil.rmtree(near, ignore_errors=True)


def planned_inputs(file: JobFile) -> list[dict[str, Any]]:
    """Describe a step's inputs as the plan and the steps before name them, without reading them.

    So a result that is reused is known by what its key was made of.
    """
    rows = []
    for name, planned in file.inputs.items():
        for path in planned if isinstance(planned, list) else [planned]:
            expected = file.expected[path]
            if "program" in expected:
                rows += [_row(name, each, sha) for each, sha in expected["files"].items()]
            else:
                digest = _Input(Path(path), Path(path), expected).digest()
                rows.append(_row(name, path, digest or file_hash(Path(path))))
    return rows


def _take(name: str, files: Sequence[_Input], inputs: Inputs, faults: list[Fault]) -> list[Path]:
    """Copy and hash the inputs of one name; return where each is read, and add what is wrong."""
    if files and "program" in files[0].expected:
        return [_take_program(name, file, inputs, faults) for file in files]
    hashes = _hashes(name, files, inputs)
    for file in files:
        expected = file.digest()
        if expected is not None and hashes.get(file.copy) != expected and _put_back(file, expected):
            hashes |= _hashes(name, [file], inputs)
        digest = hashes.get(file.copy)
        if digest is None or digest != expected:
            faults.append(file.fault())
            continue
        inputs.originals[str(file.copy)] = str(file.path)
        inputs.described.append(_row(name, str(file.path), digest, file.copy.stat().st_size))
    return [file.path if name == EXECUTABLE else file.copy for file in files]


def _hashes(name: str, files: Sequence[_Input], inputs: Inputs) -> dict[Path, str]:
    """Copy files and return the SHA-256 of each copy; that of a file that is not there is not."""
    copies = [file.copy for file in files if _copy(file)]
    if name == EXECUTABLE:
        return {copy: _open_executable(copy, inputs) for copy in copies}
    return dict(zip(copies, file_hashes(copies), strict=True))


def _take_program(name: str, file: _Input, inputs: Inputs, faults: list[Fault]) -> Path:
    """Copy a program and what it includes, held to its canonical form."""
    from stanchion.stan.program import read_sources

    planned: Mapping[str, str] = file.expected["files"]
    try:
        sources = read_sources(file.path, [Path(p) for p in file.expected["include_dirs"]])
    except ProgramError:
        faults.append(_changed(str(file.path)))
        return file.copy
    texts = {str(path): text for path, text in sources.files()}
    files = {path: content_hash(text) for path, text in texts.items()}
    if files != planned and _canonical_hash(sources) != file.expected["program"]:
        paths = [path for path in {**planned, **files} if files.get(path) != planned.get(path)]
        faults += map(_changed, paths)
    copies = sources.copy(file.copy.parent)
    inputs.originals.update(copies)
    inputs.described += [_row(name, p, files[p], len(text)) for p, text in texts.items()]
    return Path(next(iter(copies)))


def _canonical_hash(sources: Sources) -> str | None:
    from stanchion.stan.program import describe_sources
    from stanchion.stan.toolchain import find

    try:
        described = describe_sources(sources, find().stanc, cache_root() / "programs")
    except ProgramError:
        return None
    return text_hash(described.canonical)


def _changed(path: str) -> Fault:
    return Fault(
        "it changed since this run was planned",
        where=path,
        todo="run again: the next run plans with it as it is then",
    )


def _row(name: str, path: str, digest: str, size: int | None = None) -> dict[str, Any]:
    sized = {"size": size} if size is not None else {}
    return {"name": name, "path": path, "sha256": digest, **sized}


def _copy(file: _Input) -> bool:
    """Copy a file, and tell whether there was one to read."""
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return False
    with os.fdopen(descriptor, "rb") as source:
        file.copy.parent.mkdir(parents=True, exist_ok=True)
        file.copy.unlink(missing_ok=True)
        with file.copy.open("wb") as sink:
            _copy_content(source, sink)
    return True


def _copy_content(source: BinaryIO, sink: BinaryIO) -> None:
    """Copy in the kernel, which shares blocks on file systems that can; else block by block."""
    try:
        while os.copy_file_range(source.fileno(), sink.fileno(), 1 << 30):
            pass
    except OSError as error:
        if error.errno in _LOST:
            raise
    sink.seek(0, os.SEEK_END)
    source.seek(sink.tell())
    shutil.copyfileobj(source, sink, _BLOCK)


def _open_executable(copy: Path, inputs: Inputs) -> str:
    """Open the copy that will be executed, and return the SHA-256 of what is open."""
    copy.chmod(0o700)
    if EXECUTABLE in inputs.descriptors:
        os.close(inputs.descriptors.pop(EXECUTABLE))
    descriptor = inputs.descriptors[EXECUTABLE] = os.open(copy, os.O_RDONLY)
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _put_back(file: _Input, digest: str) -> bool:
    """Replace an altered result by what its step wrote, where the cache holds that."""
    if "step" not in file.expected:
        return False
    near = Path(TEMPORARY) / own_name(file.path.name)
    step, output = file.expected["step"], {file.expected["output"]: near}
    key = _cache_key_of(Path(file.expected["job_file"]))
    if key is None:
        return False
    try:
        near.parent.mkdir(parents=True, exist_ok=True)
        entry = Cache(cache_root()).fetch(step, key, output, STEPS[step].version)
        if entry is None or file_hash(near) != digest:
            return False
        file.path.parent.mkdir(parents=True, exist_ok=True)
        near.replace(file.path)
        return True
    finally:
        with suppress(OSError):
            near.unlink()


def _cache_key_of(job_file: Path) -> str | None:
    """Return the key in the cache of a step before, or None where its job file is gone."""
    with suppress(OSError, ValueError, TypeError):
        return JobFile.read(job_file).cache_key()
    return None
