"""The releases that led to the newest one, read back along the manifests' chain of SHA-256.

A manifest names the one before it; so whatever is reached here was signed. The chain ends where an edition
began, or where an older manifest is no longer kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from takedown.blocklist import paths
from takedown.blocklist.manifest import Manifest
from takedown.errors import VerificationFailed


def manifests(repository: Path, newest: Manifest) -> Iterator[Manifest]:
    """An edition's manifests, newest first, as far back as they are kept.

    Args:
        repository: folder of the release repository.
        newest: verified already.
    """
    while True:
        yield newest
        path = repository / paths.manifest(newest.edition, newest.seq - 1)
        wanted = newest.prev_manifest_sha256
        if wanted is None or not path.is_file():
            return
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != wanted:
            return
        try:
            newest = Manifest.from_bytes(data)
        except VerificationFailed:  # signed once, by rules that this version no longer reads
            return


def new_files(manifest: Manifest) -> list[tuple[str, int, str]]:
    """(path, bytes, SHA-256) of the data files that came with this very release."""
    files = [
        (delta.path, delta.bytes, delta.sha256) for delta in manifest.deltas if delta.end == manifest.seq
    ]
    if manifest.state.seq == manifest.seq:
        files.extend((file.path, file.bytes, file.sha256) for file in manifest.state.files)
    return files


def needed_files(manifest: Manifest) -> list[tuple[str, int, str]]:
    """(path, bytes, SHA-256) of every data file that a manifest names."""
    state = [(file.path, file.bytes, file.sha256) for file in manifest.state.files]
    return state + [(delta.path, delta.bytes, delta.sha256) for delta in manifest.deltas]
