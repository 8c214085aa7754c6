"""What `apply`, `check` and the loaders need of a verified list; takedown.subscribe provides it."""

from __future__ import annotations

from typing import Protocol

from takedown.blocklist.table import Table


class Listing(Protocol):
    """One edition of a list, at one sequence number."""

    @property
    def edition(self) -> str: ...
    @property
    def seq(self) -> int: ...
    @property
    def state_sha256(self) -> str: ...
    @property
    def prefix_hex(self) -> int: ...
    @property
    def disposition(self) -> str:
        """``purge`` or ``quarantine``: what becomes of a row that is named."""
        ...

    def table(self, kind: str) -> Table | None:
        """All entries of a kind of PUBLISHED_KINDS; None where there are none.

        Raises:
            VerificationFailed: the list on this disk was altered.
        """
        ...
