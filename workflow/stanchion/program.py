"""What stanc says of a Stan program: its canonical text, its variables, the files it includes.

A description is cached by the content of stanc, the program and its includes, so that a second
look costs no process. Imports the standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stanchion.errors import Fault, ProgramError
from stanchion.program_sizes import Declaration, declarations

CANONICAL = "deprecations,includes,braces,parentheses,strip-comments"
_SCHEMA = "stanchion/program/2"
_BLOCKS = {
    "data": "inputs",
    "parameters": "parameters",
    "transformed_parameters": "transformed parameters",
    "generated_quantities": "generated quantities",
}
_UNREAD = Declaration("", ())
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_INCLUDE = re.compile(r"^[ \t]*#include[ \t]+[<\"]?([^\s<>\"]+)[>\"]?", re.MULTILINE)
_PLACE = re.compile(r"(?:Syntax|Semantic) error in '([^']+)', line (\d+)")


@dataclass(frozen=True)
class Variable:
    """A variable of a program; `sizes` are expressions as declared, "" where unknown.

    `type` is stanc's (`matrix`), `kind` the declared one (`cholesky_factor_corr`).
    """

    name: str
    type: str
    dimensions: int
    sizes: tuple[str, ...]
    kind: str = ""


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

    def has(self, name: str) -> bool:
        """Return whether any block declares this variable."""
        return any(variable.name == name for block in _BLOCKS for variable in getattr(self, block))

    def variables(self) -> dict[str, list[dict[str, Any]]]:
        """Return all variables by block, as plain JSON."""
        return {
            block: [asdict(v) | {"sizes": list(v.sizes)} for v in getattr(self, block)]
            for block in _BLOCKS
        }

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
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ProgramError(
            f"the Stan program cannot be read: {(error.strerror or str(error)).lower()}",
            where=str(path),
            todo="correct `program:`, or put the file there",
        ) from error
    folders = include_folders(path, include_dirs)
    includes = _included(text.decode(errors="replace"), folders)
    entry = cache / f"{_fingerprint(stanc, text, includes)}.json" if cache else None
    described = _look_up(entry) if entry else None
    if described is None:
        described = _ask(path, stanc, folders)
        if entry:
            _keep(entry, described)
    return Program.from_json(
        described | {"path": str(path), "includes": [str(p) for p in includes]}
    )


def include_folders(path: Path, include_dirs: Sequence[Path]) -> list[Path]:
    """Return the folders in which a program's `#include` is looked up, in order."""
    return list(dict.fromkeys([path.parent, *(d for d in include_dirs if d.is_dir())]))


def stanc_error(message: str, program: Path) -> ProgramError:
    """Return stanc's message as an error that names the file and the line."""
    place = _PLACE.search(message)
    where = f"{place[1]}:{place[2]}" if place else str(program)
    return ProgramError(Fault(f"stanc refuses the program:\n{message.strip()}", where=where))


def _included(text: str, folders: Sequence[Path]) -> list[Path]:
    """Return the files that a text includes, and what they include, in order of appearance."""
    found: dict[Path, None] = {}
    texts = [text]
    while texts:
        for name in _INCLUDE.findall(_COMMENT.sub("", texts.pop(0))):
            file = next((folder / name for folder in folders if (folder / name).is_file()), None)
            if file is not None and file not in found:
                found[file] = None
                texts.append(file.read_text(errors="replace"))
    return list(found)


def _fingerprint(stanc: Path, text: bytes, includes: Sequence[Path]) -> str:
    """Hash what a description depends on; stanc stands for itself by path, size and time."""
    state = stanc.stat()
    parts = [_SCHEMA, str(stanc.resolve()), str(state.st_size), str(state.st_mtime_ns)]
    contents = [text, *(file.read_bytes() for file in includes)]
    hashes = [hashlib.sha256(content).hexdigest() for content in contents]
    return hashlib.sha256("\n".join(parts + hashes).encode()).hexdigest()


def _ask(path: Path, stanc: Path, folders: Sequence[Path]) -> dict[str, Any]:
    """Run stanc twice, at the same time: for what it knows and for the canonical text."""
    command = [str(stanc), "--color=never", f"--include-paths={','.join(map(str, folders))}"]
    asked = [["--info"], ["--auto-format", f"--canonicalize={CANONICAL}"]]
    running = [
        subprocess.Popen(
            [*command, *more, str(path)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for more in asked
    ]
    (info, message), (canonical, _) = [process.communicate() for process in running]
    if any(process.returncode for process in running):
        raise stanc_error(message, path)
    return {"canonical": canonical} | _variables(json.loads(info), canonical)


def _variables(info: dict[str, Any], canonical: str) -> dict[str, Any]:
    declared = declarations(canonical)
    described = {}
    for block, section in _BLOCKS.items():
        described[block] = [
            {
                "name": name,
                "type": about["type"] if isinstance(about["type"], str) else "tuple",
                "dimensions": about["dimensions"],
                "sizes": _fit(found.sizes, about["dimensions"]),
                "kind": found.kind,
            }
            for name, about in info[section].items()
            for found in [declared.get(name, _UNREAD)]
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
    try:
        kept: dict[str, Any] = json.loads(entry.read_text())
    except (OSError, ValueError):
        return None
    return kept


def _keep(entry: Path, described: dict[str, Any]) -> None:
    """Write the entry beside its place and rename it; that it cannot be written is no fault."""
    with suppress(OSError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=entry.parent, prefix=".")
        with os.fdopen(handle, "w") as file:
            json.dump(described, file)
        Path(name).replace(entry)
