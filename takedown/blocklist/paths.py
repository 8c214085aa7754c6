"""Names in a release repository: where each file of a release lives (docs/releases.md, "Layout").

Every name carries its sequence number and never changes content. Readers compute the name they expect and
compare, so a manifest can point nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from takedown.errors import UsageError

TIMESTAMP = "metadata/timestamp.json"

_EDITION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_MANIFEST = re.compile(r"editions/([a-z0-9-]+)/manifest-([0-9]{6,})\.json")
_CHECKPOINT = re.compile(r"log/checkpoint-([0-9]{6,})\.json")


def is_edition_name(name: str) -> bool:
    """True for 1 to 64 lowercase letters, digits and inner hyphens: safe in paths and addresses."""
    return _EDITION.fullmatch(name) is not None


def check_edition_name(name: str) -> str:
    """The name itself.

    Raises:
        UsageError: the name is not 1 to 64 lowercase letters, digits and inner hyphens.
    """
    if not is_edition_name(name):
        raise UsageError("An edition's name is 1 to 64 lowercase letters, digits and hyphens; rename it.")
    return name


def metadata(version: int, role: str) -> str:
    return f"metadata/{version}.{role}.json"


def manifest(edition: str, seq: int) -> str:
    return f"editions/{edition}/manifest-{seq:06d}.json"


def checkpoint(seq: int) -> str:
    return f"log/checkpoint-{seq:06d}.json"


def leaves(seq: int) -> str:
    """The leaves that release ``seq`` appended to the receipts log."""
    return f"log/leaves-{seq:06d}.bin"


def state(edition: str, seq: int, kind: str, shard: str) -> str:
    """One file of a full state. ``shard`` is the leading hex all its digests share; empty when unsharded."""
    return f"editions/{edition}/state/{seq:06d}/{kind}.{int(shard or '0', 16):02x}.parquet"


def delta(edition: str, start: int, end: int) -> str:
    return f"editions/{edition}/delta/{start:06d}-{end:06d}.parquet"


def parse_manifest(path: str) -> tuple[str, int] | None:
    """(edition, seq) of a manifest's path, None for any other path or another spelling of one."""
    found = _MANIFEST.fullmatch(path)
    if not found or not is_edition_name(found[1]):
        return None
    edition, seq = found[1], int(found[2])
    return (edition, seq) if seq > 0 and manifest(edition, seq) == path else None


def parse_checkpoint(path: str) -> int | None:
    """seq of a checkpoint's path, None for any other path or another spelling of one."""
    found = _CHECKPOINT.fullmatch(path)
    if not found or int(found[1]) < 1 or checkpoint(int(found[1])) != path:
        return None
    return int(found[1])


def release_of(names: Iterable[str]) -> tuple[int, dict[str, str]] | None:
    """What the target names of signed metadata say.

    Returns:
        (seq, edition -> path of its manifest); seq is 0 and there are no editions before the first release.
        None when the names are not those of one release: exactly one checkpoint, and manifests of its number.
    """
    checkpoints: list[int] = []
    editions: dict[str, str] = {}
    numbers: set[int] = set()
    for name in names:
        if (seq := parse_checkpoint(name)) is not None:
            checkpoints.append(seq)
        elif named := parse_manifest(name):
            editions[named[0]] = name
            numbers.add(named[1])
        else:
            return None
    if not checkpoints and not editions:
        return 0, {}
    return (checkpoints[0], editions) if len(checkpoints) == 1 and numbers == set(checkpoints) else None
