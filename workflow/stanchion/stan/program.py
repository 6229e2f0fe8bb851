"""What stanc says of a Stan program: its canonical text, its variables, the files it includes.

A description is cached by the content of stanc, the program and its includes, so that a second
look costs no process. Imports the standard library only.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stanchion.errors import Fault, ProgramError
from stanchion.stan.sizes import Declaration, declarations
from stanchion.stan.sources import BELOW, COPIED_PROGRAM
from stanchion.system.files import read_bounded
from stanchion.system.hashes import content_hash, text_hash
from stanchion.system.usage import note_use

CANONICAL = "deprecations,includes,braces,parentheses,strip-comments"
MOST_BYTES, MOST_SECONDS = 10_000_000, 120
_SCHEMA = "stanchion/program/4"
_BLOCKS = {
    "data": "inputs",
    "parameters": "parameters",
    "transformed_parameters": "transformed parameters",
    "generated_quantities": "generated quantities",
}
_UNREAD = Declaration("", ())
_INCLUDE = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    r'|"[^"\n]*"'
    r'|#include\s+(?:"([^"]*)"|<([^>]*)>|([^\s"<>]+))',
    re.DOTALL,
)
"""An include where stanc sees one: not in a comment, not in a string."""
_PLACE = re.compile(r"(?:Syntax|Semantic) error in '([^']+)', line (\d+)")


@dataclass(frozen=True)
class Variable:
    """A variable of a program; `sizes` are expressions as declared, "" where unknown.

    `type` is stanc's (`matrix`), `kind` the declared one (`cholesky_factor_corr`); `lower` and
    `upper` are the declared bounds, "" where there is none, `> 0` of a family's data that are to
    be more.
    """

    name: str
    type: str
    dimensions: int
    sizes: tuple[str, ...]
    kind: str = ""
    lower: str = ""
    upper: str = ""


@dataclass(frozen=True)
class Program:
    """A Stan program as stanc understands it."""

    path: str
    canonical: str
    data: tuple[Variable, ...]
    parameters: tuple[Variable, ...]
    transformed_parameters: tuple[Variable, ...]
    generated_quantities: tuple[Variable, ...]
    includes: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    """Path → SHA-256 of the program's own text and of each file that it includes."""
    family: str = ""
    """The conjugate family whose variables these are, where there is no Stan program."""

    def has(self, name: str) -> bool:
        """Return whether any block declares this variable."""
        return any(variable.name == name for block in _BLOCKS for variable in getattr(self, block))

    def variables(self) -> dict[str, tuple[Variable, ...]]:
        """Return all variables by block."""
        return {block: getattr(self, block) for block in _BLOCKS}

    def as_json(self) -> dict[str, Any]:
        """Return the whole description as plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, described: dict[str, Any]) -> Program:
        """Return the description that `as_json` gave."""
        blocks = {
            block: tuple(Variable(**v | {"sizes": tuple(v["sizes"])}) for v in described[block])
            for block in _BLOCKS
        }
        return cls(**described | blocks | {"includes": tuple(described["includes"])})


def describe(
    path: Path, stanc: Path, include_dirs: Sequence[Path] = (), cache: Path | None = None
) -> Program:
    """Describe a program; `#include` looks in its own folder, then in `include_dirs`.

    Raises:
        ProgramError: the program cannot be read or stanc refuses it.
    """
    return describe_sources(read_sources(path, include_dirs), stanc, cache)


def describe_sources(sources: Sources, stanc: Path, cache: Path | None = None) -> Program:
    """Describe a program as it was read, whatever happens to its files meanwhile.

    Raises:
        ProgramError: stanc refuses it.
    """
    entry = cache / f"{_fingerprint(stanc, sources)}.json" if cache else None
    described = _look_up(entry) if entry else None
    if described is None:
        described = _ask(sources, stanc)
        if entry:
            _keep(entry, described)
    files = {str(path): text for path, text in sources.files()}
    hashes = {path: content_hash(text) for path, text in files.items()}
    origin = {"path": str(sources.path), "includes": list(files)[1:], "files": hashes}
    return Program.from_json(described | origin)


@dataclass(frozen=True)
class Sources:
    """A program's text and the files that it includes, each read once."""

    path: Path
    text: bytes
    includes: Mapping[str, tuple[Path, bytes]]
    """By the name that stands in `#include`: the file, and its text."""

    def files(self) -> Iterator[tuple[Path, bytes]]:
        """Yield path and text of the program, then of each file that it includes, once."""
        yield from {self.path: self.text, **dict(self.includes.values())}.items()

    def copy(self, folder: Path) -> dict[str, str]:
        """Write the program, and each include beside it; return copy → original, program first.

        They lie in the folder `COPIED_PROGRAM` of `folder`, also where a name climbs.
        """
        climbs = max((Path(name).parts.count("..") for name in self.includes), default=0)
        home = folder.joinpath(COPIED_PROGRAM, *[BELOW] * climbs)
        originals = {}
        for name, (path, text) in {self.path.name: (self.path, self.text), **self.includes}.items():
            copy = f"{home}/{name}"
            Path(copy).parent.mkdir(parents=True, exist_ok=True)
            Path(copy).write_bytes(text)
            originals[copy] = str(path)
        return originals


def read_sources(path: Path, include_dirs: Sequence[Path] = ()) -> Sources:
    """Read a program and what it includes.

    Raises:
        ProgramError: the program cannot be read.
    """
    text = _read(path, "the Stan program", "correct `program:`, or put the file there")
    folders = include_folders(path, include_dirs)
    includes: dict[str, tuple[Path, bytes]] = {}
    texts = [text]
    while texts:
        for names in _INCLUDE.findall(texts.pop(0).decode(errors="replace")):
            name = "".join(names)
            file = _first(folders, name) if name and name not in includes else None
            if file is not None and file != path:
                includes[name] = file, _read(file, "the included file", "let it be read")
                texts.append(includes[name][1])
    return Sources(path, text, includes)


def _read(path: Path, what: str, todo: str) -> bytes:
    try:
        return read_bounded(path, MOST_BYTES)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ProgramError(f"{what} cannot be read: {reason}", where=str(path), todo=todo) from (
            error
        )


def _first(folders: Sequence[Path], name: str) -> Path | None:
    """Return the file of this name in the first folder that has one, as stanc looks for it."""
    candidates = [Path(f"{folder}/{name}") for folder in folders]
    return next((path for path in candidates if path.is_file()), None)


def include_folders(path: Path, include_dirs: Sequence[Path]) -> list[Path]:
    """Return the folders in which a program's `#include` is looked up, in order."""
    return list(dict.fromkeys([path.parent, *(d for d in include_dirs if d.is_dir())]))


def stanc_error(message: str, program: Path) -> ProgramError:
    """Return stanc's message as an error that names the file and the line."""
    match = _PLACE.search(message)
    where = f"{match[1]}:{match[2]}" if match else str(program)
    return ProgramError(Fault(f"stanc refuses the program:\n{message.strip()}", where=where))


def _fingerprint(stanc: Path, sources: Sources) -> str:
    """Hash what a description depends on; stanc stands for itself by path, size and time."""
    state = stanc.stat()
    parts = [_SCHEMA, str(stanc.resolve()), str(state.st_size), str(state.st_mtime_ns)]
    hashes = [content_hash(text) for _, text in sources.files()]
    return text_hash("\n".join(parts + hashes))


def _ask(sources: Sources, stanc: Path) -> dict[str, Any]:
    """Run stanc twice, at the same time: for what it knows and for the canonical text."""
    with tempfile.TemporaryDirectory(prefix="stanchion-") as folder:
        originals = sources.copy(Path(folder))
        program = next(iter(originals))
        command = [str(stanc), "--color=never", f"--include-paths={Path(program).parent}"]
        options = [["--info"], ["--auto-format", f"--canonicalize={CANONICAL}"]]
        running = [
            subprocess.Popen(
                [*command, *flags, program],
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for flags in options
        ]
        (info, message), (canonical, _) = _answers(running, sources.path)
    if any(process.returncode for process in running):
        for copy, original in originals.items():
            message = message.replace(copy, original)
        raise stanc_error(message, sources.path)
    return {"canonical": canonical} | _variables(json.loads(info), canonical)


def _answers(running: list[subprocess.Popen[str]], path: Path) -> list[tuple[str, str]]:
    try:
        return [process.communicate(timeout=MOST_SECONDS) for process in running]
    except subprocess.TimeoutExpired:
        for process in running:
            process.kill()
            process.communicate()
        what = f"stanc has not understood the program within {MOST_SECONDS} s"
        raise ProgramError(what, where=str(path)) from None


def _variables(info: dict[str, Any], canonical: str) -> dict[str, Any]:
    declared = declarations(canonical)
    described = {}
    for block, section in _BLOCKS.items():
        described[block] = [
            {
                "name": name,
                "type": about["type"] if isinstance(about["type"], str) else "tuple",
                "dimensions": about["dimensions"],
                "sizes": _fit(declaration.sizes, about["dimensions"]),
                "kind": declaration.kind,
                "lower": declaration.lower,
                "upper": declaration.upper,
            }
            for name, about in info[section].items()
            for declaration in [declared.get(name, _UNREAD)]
        ]
    return described


def _fit(sizes: Sequence[str], dimensions: int) -> list[str]:
    """Return one size a dimension: a square type such as cov_matrix[K] declares its size once."""
    if len(sizes) == dimensions:
        return list(sizes)
    if sizes and len(sizes) + 1 == dimensions:
        return [*sizes, sizes[-1]]
    return [""] * dimensions


def _look_up(entry: Path) -> dict[str, Any] | None:
    """Return what was kept, or None where nothing was, or what is there is not what was kept.

    The canonical text enters keys: an entry that was altered would give a program another's key.
    """
    try:
        digest, _, text = entry.read_bytes().partition(b"\n")
    except OSError:
        return None
    if content_hash(text).encode() != digest:
        return None
    note_use(entry)
    described: dict[str, Any] = json.loads(text)
    return described


def _keep(entry: Path, described: dict[str, Any]) -> None:
    """Write the entry beside its place and rename it; that it cannot be written is no fault."""
    with suppress(OSError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=entry.parent, prefix=".")
        text = json.dumps(described).encode()
        with os.fdopen(handle, "wb") as file:
            file.write(content_hash(text).encode() + b"\n" + text)
        Path(name).replace(entry)
