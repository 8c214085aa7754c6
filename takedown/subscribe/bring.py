"""Bringing one edition's list up to date from files named by an authenticated manifest.

1. Refuse a manifest that goes back, or that is another one under the same number.
2. The cheap way: the list kept here and the deltas since; only where they carry on from exactly this list.
3. On any doubt about that: the full state and the deltas after it.
4. Whatever way: the result must be the list the manifest names, or nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from tuf.api.exceptions import DownloadError

from takedown import __version__, disk
from takedown.blocklist.delta import check_start
from takedown.blocklist.manifest import DeltaFile, Manifest, StateFile
from takedown.blocklist.pieces import Piece
from takedown.blocklist.rebuild import roll, stream
from takedown.errors import VerificationFailed
from takedown.subscribe.store import LocalEdition, pieces

T = TypeVar("T")

Pieces = Iterator[Piece]

#: Fetches one data file to its place on this disk.
Get = Callable[[StateFile | DeltaFile], None]


def bring(
    manifest: Manifest, kept: LocalEdition | None, incoming: Path, get: Get, write: Callable[[Pieces], T]
) -> tuple[T, str | None]:
    """Write the list a manifest names.

    Args:
        manifest: authenticated.
        kept: the edition's list on this disk, if any.
        incoming: folder that ``get`` fills.
        get: fetches one file of the manifest, checked by length and SHA-256.
        write: gets the list as a stream, reads all of it, and may be called again when that failed.

    Returns:
        What ``write`` answered, and the slug of why the deltas were not used, None where they were, or no
        way was tried with them.

    Raises:
        VerificationFailed: neither way leads to the list.
        DownloadError: a file that is needed cannot be had.
    """
    note = None
    if kept and _deltas_are_cheaper(manifest, kept):
        try:
            return write(_by_deltas(manifest, kept, incoming, get)), None
        except VerificationFailed as error:
            note = error.slug
        except DownloadError:
            note = "delta-missing"
    return write(stream(_fetching(_full_way(manifest), incoming, get), manifest)), note


def check_follows(manifest: Manifest, kept: LocalEdition | None, sha256: str) -> None:
    """Nothing when a manifest may replace the one kept.

    Raises:
        VerificationFailed: slugs ``rollback``, ``manifest-changed``, ``client-too-old``.
    """
    if kept and manifest.seq < kept.manifest.seq:
        raise VerificationFailed(
            "The release offered is older than the list kept here; the kept list stays. Tell the publisher.",
            slug="rollback",
        )
    if kept and manifest.seq == kept.manifest.seq and sha256 != kept.manifest_sha256:
        raise VerificationFailed(
            "The release offered has the number of the list kept here but other content; the kept list stays "
            "in use. Tell the publisher.",
            slug="manifest-changed",
        )
    if _numbers(manifest.min_client) > _numbers(__version__):
        raise VerificationFailed(
            f"This release needs version {manifest.min_client} of this program or newer; install that first.",
            slug="client-too-old",
        )


def _by_deltas(manifest: Manifest, kept: LocalEdition, incoming: Path, get: Get) -> Pieces:
    if manifest.seq == kept.manifest.seq + 1 and manifest.prev_manifest_sha256 != kept.manifest_sha256:
        raise VerificationFailed("The release follows another one than is kept here.", slug="manifest-chain")
    deltas = manifest.steps(kept.manifest.seq) or ()
    if deltas:
        check_start(kept.manifest.state_sha256, deltas[0])
    return roll(_fetching(deltas, incoming, get), manifest, pieces(kept), deltas)


def _fetching(files: Iterable[StateFile | DeltaFile], incoming: Path, get: Get) -> disk.Locate:
    """Where the files of a manifest are on this disk; each is fetched when it is asked for."""
    named = {file.path: file for file in files}

    def locate(path: str) -> Path:
        get(named[path])
        return incoming / path

    return locate


def _deltas_are_cheaper(manifest: Manifest, kept: LocalEdition) -> bool:
    """True when deltas lead here from the kept list, and weigh no more than the full way."""
    deltas = manifest.steps(kept.manifest.seq)
    if deltas is None or kept.manifest.prefix_hex != manifest.prefix_hex:
        return False
    return sum(file.bytes for file in deltas) <= sum(file.bytes for file in _full_way(manifest))


def _full_way(manifest: Manifest) -> list[StateFile | DeltaFile]:
    return [*manifest.state.files, *(manifest.steps(manifest.state.seq) or ())]


def _numbers(version: str) -> tuple[int, ...]:
    """A version's numbers for comparison; a part that is no number counts as 0."""
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))
