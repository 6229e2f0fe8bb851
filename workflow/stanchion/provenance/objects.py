"""Holds a manifest against DVC's objects, in its cache or at a remote; every byte is hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from stanchion.provenance.manifest import Entry, Manifest, folder_of
from stanchion.versioning import Store, read_listing

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was tracked: what, and where."""

    kind: str
    """altered, missing or extra."""
    path: str
    what: str


def differences(store: Store, listing: str, manifest: Manifest) -> Iterator[Difference]:
    """Yield each object of a store that does not hold what a manifest says; absent ones included.

    `listing` is the MD5 of the object that lists the folder's files, as the pointer names it.
    """
    folder = folder_of(manifest.analysis)
    oids = _listed(store, listing)
    if isinstance(oids, Difference):
        yield oids
        return
    for entry in manifest.files:
        oid = oids.pop(entry.path.removeprefix(f"{folder}/"), None)
        if oid is None:
            yield Difference("missing", entry.path, f"the {store.name} does not list this file")
        else:
            yield from _compared(store, oid, entry)
    for path in oids:
        yield Difference("extra", f"{folder}/{path}", f"the {store.name} lists a file too many")


def _listed(store: Store, listing: str) -> dict[str, str] | Difference:
    place = store.place(listing)
    if not store.has(listing):
        return Difference("missing", place, f"the {store.name} does not hold the list of files")
    with store.open(listing) as file:
        text = file.read()
    digest = hashlib.md5(text, usedforsecurity=False).hexdigest()
    if f"{digest}.dir" != listing:
        return Difference("altered", place, f"the {store.name}'s list of files was altered")
    return read_listing(text)


def _compared(store: Store, oid: str, entry: Entry) -> Iterator[Difference]:
    if not store.has(oid):
        yield Difference("missing", entry.path, f"the {store.name} does not hold this file")
        return
    with store.open(oid) as file:
        digest = sha256_of(file)
    if digest != entry.sha256:
        what = f"the {store.name}'s copy was altered: {store.place(oid)}"
        yield Difference("altered", entry.path, what)


def sha256_of(file: BinaryIO) -> str:
    """Return the SHA-256 of what is left of an open file, a block at a time."""
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
