"""Fetches a dataset declared by `url:` once, and keeps it only if its SHA-256 is as declared."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from pathlib import Path

from stanchion.errors import DataError

TIMEOUT = 60
"""Seconds without an answer after which a server counts as silent."""
_BLOCK = 1 << 20


def fetch(url: str, sha256: str, target: Path) -> None:
    """Download `url` to `target` in one rename.

    Raises:
        DataError: the server does not answer, or sends other bytes than declared.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    making = target.with_name(f".{target.name}.{os.getpid()}")
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, making.open("wb") as file:
            while block := answer.read(_BLOCK):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != sha256:
            raise DataError(
                f"{url} holds other bytes than declared",
                value=digest.hexdigest(),
                allowed=f"SHA-256 {sha256}",
                todo="check the source, then correct sha256 if the new content is right",
            )
        making.replace(target)
    except (urllib.error.URLError, TimeoutError) as error:
        raise DataError(
            f"{url} cannot be fetched: {getattr(error, 'reason', error)}",
            todo=f"check the network, or put the file at {target}",
        ) from error
    finally:
        making.unlink(missing_ok=True)
