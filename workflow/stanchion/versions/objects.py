"""Holds a manifest against DVC's objects, in its cache or at a remote; every byte is hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from stanchion.versions.difference import Difference, Kind
from stanchion.versions.dvc import Store, read_listing
from stanchion.versions.manifest import Entry, Manifest
from stanchion.versions.results import folder_of

_BLOCK = 1 << 20


def differences(store: Store, listing: str, manifest: Manifest) -> Iterator[Difference]:
    """Yield each object of a store that does not hold what a manifest says; absent ones included.

    `listing` is the MD5 of the object that lists the folder's files, as the pointer names it.
    """
    for difference, _ in broken(store, listing, manifest):
        yield difference


def broken(
    store: Store, listing: str, manifest: Manifest
) -> Iterator[tuple[Difference, str | None]]:
    """Yield the same with the name of the object, where the list of files names one."""
    folder = folder_of(manifest.analysis)
    oids = _listed(store, listing)
    if isinstance(oids, Difference):
        yield oids, listing
        return
    for entry in manifest.files:
        oid = oids.pop(entry.path.removeprefix(f"{folder}/"), None)
        if oid is None:
            what = f"the {store.name} does not list this file"
            yield Difference(Kind.MISSING, entry.path, what), None
        elif (wrong := _wrong(store, oid, entry)) is not None:
            yield wrong, oid
    for path in oids:
        what = f"the {store.name} lists a file too many"
        yield Difference(Kind.EXTRA, f"{folder}/{path}", what), None


def _listed(store: Store, listing: str) -> dict[str, str] | Difference:
    path = store.path_of(listing)
    if not store.has(listing):
        what = f"the {store.name} does not hold the list of files"
        return Difference(Kind.MISSING, path, what)
    with store.open(listing) as file:
        text = file.read()
    digest = hashlib.md5(text, usedforsecurity=False).hexdigest()
    if f"{digest}.dir" != listing:
        return Difference(Kind.ALTERED, path, f"the {store.name}'s list of files was altered")
    return read_listing(text)


def _wrong(store: Store, oid: str, entry: Entry) -> Difference | None:
    if not store.has(oid):
        return Difference(Kind.MISSING, entry.path, f"the {store.name} does not hold this file")
    with store.open(oid) as file:
        digest = sha256_of(file)
    if digest == entry.sha256:
        return None
    what = f"the {store.name}'s copy was altered: {store.path_of(oid)}"
    return Difference(Kind.ALTERED, entry.path, what)


def sha256_of(file: BinaryIO) -> str:
    """Return the SHA-256 of what is left of an open file, a block at a time."""
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
