"""A list as `apply` sees it, without signatures around it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from takedown.blocklist.table import Table
from takedown.keys import Key
from takedown.publish import EditionDraft, ceremony, publish, sign, stage
from takedown.subscribe import sync


@dataclass
class FakeBlocklist:
    """Digests in full by kind; cut to `prefix_hex`, sorted and unique when asked for."""

    digests: dict[str, list[str]] = field(default_factory=dict)
    prefix_hex: int = 64
    edition: str = "research"
    seq: int = 7
    disposition: str = "purge"

    @property
    def state_sha256(self) -> str:
        """Of the entries, as in a manifest: another list has another."""
        lines = (f"{kind}\t{entry}\n" for kind in sorted(self.digests) for entry in self.entries(kind))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def entries(self, kind: str) -> list[str]:
        return sorted({digest[: self.prefix_hex] for digest in self.digests.get(kind, [])})

    def table(self, kind: str) -> Table | None:
        entries = self.entries(kind)
        return Table.of(kind, self.prefix_hex, entries) if entries else None


def of_urls(*urls: str, prefix_hex: int = 64) -> FakeBlocklist:
    """A list of these very addresses."""
    digests = [hashlib.sha256(url.encode()).hexdigest() for url in urls]
    return FakeBlocklist({"url_sha256": digests}, prefix_hex)


def sync_keys(folder: Path, keys: Iterable[Key], **edition: Any) -> Path:
    """A state folder with a list that was published, signed and synced as holders do it."""
    repository, staging, private = (folder / f".{name}" for name in ("repository", "staging", "private"))
    root = ceremony(private, repository, publisher="Example").read_bytes()
    stage(
        repository,
        staging,
        [EditionDraft("research", list(keys), **edition)],
        publisher="Example",
        dataset_ids=["example"],
        created=datetime.now(UTC).date(),
        audit_head="",
    )
    sign(repository, staging, private / "targets-1.pem")
    publish(repository, staging, private)
    sync(str(repository), root, folder / "state")
    return folder / "state"


def sync_urls(folder: Path, *urls: str, **edition: Any) -> Path:
    """The same for these very addresses."""
    keys = [Key("url_sha256", hashlib.sha256(url.encode()).hexdigest()) for url in urls]
    return sync_keys(folder, keys, **edition)
