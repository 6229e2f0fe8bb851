"""Key files: one line beside a step's outputs that says which key made them.

A key file is what makes Snakemake run a step: it is an output of the step and a plain input of
the steps that follow. Where the plan's key and the outputs agree, it gets the modification time
`SETTLED`, older than anything else, so that no clock decides; where they do not, it is deleted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from stanchion.provenance.hashes import file_hash
from stanchion.provenance.writing import write_whole

SETTLED = 1


def line(key: str, sizes: Mapping[str, int]) -> str:
    """Return a key file's line: the key, then each output's size in bytes by name."""
    return " ".join([key, *(f"{name}={size}" for name, size in sorted(sizes.items()))]) + "\n"


def sizes_of(outputs: Mapping[str, str]) -> dict[str, int] | None:
    """Return each output's size in bytes, or None where one is missing."""
    try:
        return {name: Path(path).stat().st_size for name, path in outputs.items()}
    except OSError:
        return None


def settle(key: str, key_file: str, outputs: Mapping[str, str], records: str) -> bool:
    """Tell whether the outputs were made with this key, and leave the key file saying so.

    The key file decides where there is one. Where there is none, a finished record of this key
    does, if each output still has the SHA-256 that it names.
    """
    sizes = sizes_of(outputs)
    wanted = line(key, sizes) if sizes is not None else None
    try:
        status = Path(key_file).stat()
        found = Path(key_file).read_text()
    except OSError:
        if sizes is None or not _proved(key, outputs, records):
            return False
        write_whole(key_file, wanted or "")
        os.utime(key_file, (SETTLED, SETTLED))
        return True
    if found != wanted:
        Path(key_file).unlink(missing_ok=True)
        return False
    if status.st_mtime != SETTLED:
        os.utime(key_file, (SETTLED, SETTLED))
    return True


def _proved(key: str, outputs: Mapping[str, str], records: str) -> bool:
    for record in sorted(Path(records).glob(f"{key[:12]}-*.json"), reverse=True):
        try:
            content = json.loads(record.read_text())
            if content["key"] != key or content["state"] not in ("done", "reused"):
                continue
            hashes = {entry["name"]: entry["sha256"] for entry in content["outputs"]}
        except (OSError, ValueError, KeyError):
            continue
        return all(file_hash(Path(path)) == hashes.get(name) for name, path in outputs.items())
    return False
