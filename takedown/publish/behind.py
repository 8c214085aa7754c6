"""Noticing that a repository was put back: its timestamp names less than was already published from here.

1. After each commit, ``.committed`` beside the lock remembers the versions and the timestamp's SHA-256.
2. Before the next one, the timestamp must be the one remembered, or newer.
3. Without that file (it is no part of a copy) the metadata and manifests that lie there must not be further
   ahead than a killed run can leave them: one number.

Readers refuse anything older than they have seen, so going on from an older copy would cut them off.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from takedown import disk
from takedown.blocklist import canonical, paths
from takedown.errors import VerificationFailed
from takedown.publish.repository import Head

#: What this folder has committed already; not published, and never needed by readers.
COMMITTED = ".committed"

_METADATA = re.compile(r"([0-9]+)\.(root|targets|snapshot)\.json")
_FIELDS = ("timestamp", "snapshot", "targets", "sha256")


def remember(repository: Path, head: Head) -> None:
    """Write down what is committed now."""
    data = canonical.to_bytes(_versions(head) | {"sha256": _timestamp_sha256(repository)})
    path = repository / COMMITTED
    if not path.is_file() or path.read_bytes() != data:
        disk.write(path, data)


def refuse_behind(repository: Path, head: Head) -> None:
    """Nothing when the committed release is the newest that this folder ever held.

    Raises:
        VerificationFailed: slug ``repository-behind``: an older copy was put over a newer one.
    """
    remembered, now = _remembered(repository), _versions(head)
    if remembered is not None:
        versions, sha256 = remembered
        same = versions["timestamp"] == now["timestamp"]
        if any(versions[role] > now[role] for role in now) or (
            same and sha256 != _timestamp_sha256(repository)
        ):
            raise _behind()
    if any(version > newest for version, newest in _found(repository, head)):
        raise _behind()


def _versions(head: Head) -> dict[str, int]:
    return {
        "timestamp": head.timestamp.signed.version,
        "snapshot": head.snapshot.signed.version,
        "targets": head.targets.signed.version,
    }


def _timestamp_sha256(repository: Path) -> str:
    return hashlib.sha256((repository / paths.TIMESTAMP).read_bytes()).hexdigest()


def _remembered(repository: Path) -> tuple[dict[str, int], str] | None:
    """(versions, SHA-256 of the timestamp); None where nothing readable says."""
    path = repository / COMMITTED
    if not path.is_file():
        return None
    try:
        fields = canonical.Fields(canonical.from_bytes(path.read_bytes(), "record"), _FIELDS, "record")
        return {role: fields.count(role) for role in _FIELDS[:-1]}, fields.sha256("sha256")
    except VerificationFailed:
        return None


def _found(repository: Path, head: Head) -> Iterator[tuple[int, int]]:
    """(number of a file that lies there, the highest that a killed run could have left)."""
    versions = _versions(head)
    most = {
        "root": head.root.signed.version,
        "targets": versions["targets"] + 1,
        "snapshot": versions["snapshot"] + 1,
    }
    for file in (repository / "metadata").iterdir():
        if named := _METADATA.fullmatch(file.name):
            yield int(named[1]), most[named[2]]
    for file in [*(repository / "log").glob("*.json"), *(repository / "editions").glob("*/manifest-*.json")]:
        path = file.relative_to(repository).as_posix()
        manifest = paths.parse_manifest(path)
        seq = manifest[1] if manifest else paths.parse_checkpoint(path)
        if seq is not None:
            yield seq, head.seq + 1


def _behind() -> VerificationFailed:
    return VerificationFailed(
        "The repository was put back to an older state than it already published; readers would refuse what "
        "comes next. Restore its newest copy.",
        slug="repository-behind",
    )
