"""A list as `apply` sees it, without signatures around it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from takedown.blocklist.table import Table


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
