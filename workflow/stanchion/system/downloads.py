"""Fetches a dataset declared by `url:` once, and keeps it only if its SHA-256 is as declared."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.request
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError

from stanchion.errors import DataError, UnreachableError, machine_fault
from stanchion.system.temporaries import own_name

TIMEOUT = 60
"""Seconds without an answer after which a server counts as silent."""
MOST_BYTES, MOST_SECONDS = 4 << 30, 3600
"""What a download may take: tables are read as text, for which more would be too much anyway."""
_GONE = (http.client.NOT_FOUND, http.client.GONE)
_BLOCK = 1 << 20


def fetch(url: str, sha256: str, target: Path) -> None:
    """Download `url` to `target` in one rename.

    Raises:
        UnreachableError: the server does not answer.
        DataError: it has no such file, does not end, or sends other bytes than declared; the disk
            is full.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    making = target.with_name(own_name(f".{target.name}"))
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, making.open("wb") as file:
            digest = _copy(answer, file, url, target)
        if digest != sha256:
            raise DataError(
                f"{url} holds other bytes than declared",
                value=digest,
                allowed=f"SHA-256 {sha256}",
                todo="check the source, then correct sha256 if the new content is right",
            )
        making.replace(target)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, HTTPError) and error.code in _GONE:
            raise DataError(
                f"{url} is not there: the server answers {error.code} {error.reason}",
                todo=f"correct the url, or put the file at {target}: wherever it comes from, it is "
                "held to its SHA-256",
            ) from error
        kind = UnreachableError if machine_fault(error) is None else DataError
        raise kind(
            f"{url} cannot be fetched: {getattr(error, 'reason', error)}",
            todo=f"check the network (behind a proxy, set https_proxy), or fetch the file "
            f"elsewhere and put it at {target}: it is held to its SHA-256 there too",
        ) from error
    finally:
        making.unlink(missing_ok=True)


def _copy(answer: http.client.HTTPResponse, file: BinaryIO, url: str, target: Path) -> str:
    """Copy what a server sends, as it comes and within the limits; return its SHA-256."""
    digest, size, begun = hashlib.sha256(), 0, time.monotonic()
    while block := answer.read1(_BLOCK):
        digest.update(block)
        file.write(block)
        size += len(block)
        if size > MOST_BYTES or time.monotonic() - begun > MOST_SECONDS:
            raise DataError(
                f"{url} does not end: {size / 1e6:.0f} MB came in {time.monotonic() - begun:.0f} s",
                allowed=f"{MOST_BYTES / 1e9:.1f} GB in {MOST_SECONDS / 60:g} minutes",
                todo=f"fetch it by other means, and put it at {target}",
            )
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)
    return digest.hexdigest()
