"""What the pages for people tell, read from the committed release: counts and days, nothing of an entry."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from takedown.blocklist import paths
from takedown.blocklist.manifest import Manifest
from takedown.blocklist.root import THROWAWAY_FIELD
from takedown.publish.history import manifests
from takedown.publish.keyring import PUBLISHER_FIELD
from takedown.publish.repository import Head

#: Releases that the feed and the page tell about.
RELEASES_TOLD = 30


@dataclass(frozen=True)
class Step:
    """What one release did to one edition. ``added`` and ``removed`` are None where its list began anew."""

    edition: str
    rows: int
    added: int | None
    removed: int | None


@dataclass(frozen=True)
class Past:
    """One release: its number, its day, and its editions sorted by name."""

    seq: int
    created: date
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Facts:
    """All that the pages tell.

    Attributes:
        publisher, dataset_ids: as the newest release says, or the root before there is one.
        throwaway: the keys were made for a trial.
        root_sha256: of the first root file, in hex.
        root_keys: full ids of the keys of the newest root, sorted; root_threshold of them must sign.
        editions: newest manifests, sorted by name.
        history: newest release first; empty before the first.
    """

    publisher: str
    dataset_ids: tuple[str, ...]
    throwaway: bool
    root_sha256: str
    root_keys: tuple[str, ...]
    root_threshold: int
    editions: tuple[Manifest, ...]
    history: tuple[Past, ...]


def facts_of(repository: Path, head: Head) -> Facts:
    """Read what the pages tell.

    Args:
        repository: folder of the release repository.
        head: what is committed there.
    """
    root = head.root.signed
    first = (repository / paths.metadata(1, "root")).read_bytes()
    editions = tuple(head.manifests[name][0] for name in sorted(head.manifests))
    newest = editions[0] if editions else None
    return Facts(
        publisher=plain(
            newest.publisher if newest else str(root.unrecognized_fields.get(PUBLISHER_FIELD, ""))
        ),
        dataset_ids=tuple(map(plain, newest.dataset_ids)) if newest else (),
        throwaway=root.unrecognized_fields.get(THROWAWAY_FIELD) is True,
        root_sha256=hashlib.sha256(first).hexdigest(),
        root_keys=tuple(sorted(root.roles["root"].keyids)),
        root_threshold=root.roles["root"].threshold,
        editions=editions,
        history=_history(repository, editions),
    )


def plain(text: str) -> str:
    """Text without control characters, which neither XML nor a page may hold."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _history(repository: Path, editions: tuple[Manifest, ...]) -> tuple[Past, ...]:
    found: dict[int, list[Manifest]] = {}
    for newest in editions:
        for manifest in islice(manifests(repository, newest), RELEASES_TOLD):
            found.setdefault(manifest.seq, []).append(manifest)
    newest_first = islice(sorted(found.items(), reverse=True), RELEASES_TOLD)
    return tuple(Past(seq, some[0].created, tuple(map(_step, some))) for seq, some in newest_first)


def _step(manifest: Manifest) -> Step:
    newest = manifest.deltas[-1] if manifest.deltas else None
    if newest is None:
        return Step(manifest.edition, manifest.rows, None, None)
    return Step(manifest.edition, manifest.rows, newest.added, newest.removed)
