"""The receipts log at the publisher: every release appends one file of leaves, and a checkpoint says so.

1. ``write_log`` reads all leaves published so far and compares them with the published checkpoint: a log that
   lost a file or a byte is not built on.
2. It appends the leaves of the new release and writes the new checkpoint.
3. ``check_log`` needs the published checkpoint and the new leaves only: its frontier, grown by them,
   must be the new one. So a signer sees that nothing that was published is taken back or altered.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from takedown import disk
from takedown.blocklist import checkpoint, leaves, paths
from takedown.blocklist.leaves import LEAF_BYTES, PADDED, Record
from takedown.blocklist.log import Frontier, Rows
from takedown.blocklist.manifest import Log
from takedown.errors import VerificationFailed
from takedown.publish.terms import disagree

#: Most bytes of leaves a release may append: 4 million leaves.
MOST_BYTES = 4_000_000 * LEAF_BYTES


def write_log(repository: Path, part: Path, seq: int, records: Iterable[Record]) -> Log:
    """Write the leaves and the checkpoint of release ``seq``.

    Args:
        repository: holds the log so far; only read.
        part: the staging folder in the making.
        seq: of the new release.
        records: what it does about the items of receipts.

    Returns:
        What the manifests of the release say of the log.

    Raises:
        VerificationFailed: slug ``log-broken``: the published log is not what its checkpoint says.
        ValueError, BadKey: a record that is none.
    """
    before = _published(repository, seq - 1)
    data = leaves.leaves(seq, records)
    after = before.grown(Rows(data, LEAF_BYTES))
    disk.write(part / paths.leaves(seq), data)
    disk.write(part / paths.checkpoint(seq), checkpoint.to_bytes(seq, after))
    return checkpoint.log_of(after)


def check_log(repository: Path, staging: Path, seq: int) -> tuple[Log, int]:
    """The staged log, when it is the published one with new leaves at its end.

    Args:
        repository: its checkpoint was verified already.
        staging: the staged release.
        seq: its number.

    Returns:
        Size and root after the release, and how many leaves it appends.

    Raises:
        VerificationFailed: slugs ``staging-disagrees``, ``checkpoint-invalid``.
    """
    before = _checkpoint(repository, seq - 1)
    after = _checkpoint(staging, seq)
    appended = after.size - before.size
    if not _is_appendix(staging / paths.leaves(seq), appended):
        raise disagree("its leaves of the log are missing, cut off or too many")
    if before.grown(_rows(staging, seq)) != after:
        raise disagree("the checkpoint is not that of the published log with the staged leaves after it")
    return checkpoint.log_of(after), appended


def leaves_file(staging: Path, seq: int) -> tuple[str, int, str]:
    """(path, bytes, SHA-256) of the staged leaves, as ``publish`` copies files."""
    path = paths.leaves(seq)
    return path, (staging / path).stat().st_size, disk.sha256_file(staging / path)


def _published(repository: Path, seq: int) -> Frontier:
    """The frontier of the published log, worked out from all of its leaves."""
    found = Frontier()
    try:
        for number in range(1, seq + 1):
            found = found.grown(_rows(repository, number))
    except (OSError, ValueError) as error:
        raise _broken("a file of leaves is missing or cut off") from error
    if found != _checkpoint(repository, seq):
        raise _broken("its leaves are not those of its checkpoint")
    return found


def _checkpoint(folder: Path, seq: int) -> Frontier:
    """The checkpoint of a release; before the first one the log is empty."""
    return checkpoint.read((folder / paths.checkpoint(seq)).read_bytes(), seq) if seq else Frontier()


def _rows(folder: Path, seq: int) -> Rows:
    return Rows((folder / paths.leaves(seq)).read_bytes(), LEAF_BYTES)


def _is_appendix(path: Path, appended: int) -> bool:
    size = appended * LEAF_BYTES
    whole = 0 < size <= MOST_BYTES and not appended % PADDED
    return whole and path.is_file() and path.stat().st_size == size


def _broken(why: str) -> VerificationFailed:
    return VerificationFailed(
        f"The published log of receipts cannot be built on: {why}. Restore the repository from a copy.",
        slug="log-broken",
    )
