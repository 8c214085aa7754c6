"""What a run is asked to do, in a form that every process of it has."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from takedown import __version__
from takedown.apply.inventory import Inventory
from takedown.apply.layout import Job
from takedown.apply.listed import Listing
from takedown.apply.scan import Scanner
from takedown.errors import UsageError
from takedown.keys import PUBLISHED_KINDS

#: Entries that name a row by MD5 only: collisions can be crafted, so such a row is always kept aside.
MD5 = PUBLISHED_KINDS.index("img_md5")


@dataclass(frozen=True)
class Terms:
    """The list and the rules of a run.

    Attributes:
        scanner: the list, ready to be asked.
        edition, seq: of the list.
        prefix_hex: hexadecimal digits that entries have.
        purge: rows go for good, but for those named by MD5 only.
        key: changes with anything that a finished shard depends on.
        planning: nothing is written.
        thorough: also compare tars with their sidecars when planning.
        inventory: of the copy, where there is one.
        out: folder of the result; None in place.
        ledger: folder of the rows kept aside, None where none are.
        removed: folder for the parts of the table of removed rows, where one was asked for.
    """

    scanner: Scanner
    edition: str
    seq: int
    prefix_hex: int
    purge: bool
    key: str
    planning: bool = False
    thorough: bool = False
    inventory: Inventory | None = None
    out: Path | None = None
    ledger: Path | None = None
    removed: Path | None = None

    @classmethod
    def of(
        cls,
        listing: Listing,
        *,
        out: Path | None,
        ledger: Path | None,
        removed: Path | None = None,
        planning: bool = False,
        thorough: bool = False,
        inventory: Inventory | None = None,
    ) -> Terms:
        """Those of a list.

        Raises:
            UsageError: slug ``ledger-needed``: rows are to be kept aside, or files to be replaced in place,
                and there is no ledger.
            VerificationFailed: the list on this disk was altered.
        """
        purge = listing.disposition == "purge"
        needed = out is None or not purge or listing.table("img_md5") is not None
        if needed and ledger is None and not planning:
            raise UsageError(
                "This run keeps removed rows aside, so that they can be put back; name a folder for them "
                "with --ledger.",
                slug="ledger-needed",
            )
        rules = [__version__, listing.state_sha256, listing.prefix_hex, purge, out is None]
        return cls(
            scanner=Scanner(listing),
            edition=listing.edition,
            seq=listing.seq,
            prefix_hex=listing.prefix_hex,
            purge=purge,
            key=hashlib.sha256(json.dumps(rules).encode()).hexdigest(),
            planning=planning,
            thorough=thorough,
            inventory=inventory,
            out=out,
            ledger=ledger if needed else None,
            removed=removed,
        )

    @property
    def in_place(self) -> bool:
        """Whether sources are replaced."""
        return self.out is None

    def folder(self, job: Job) -> Path:
        """Where the files of a shard go."""
        return job.shard.path.parent if self.out is None else self.out / job.folder

    def targets(self, job: Job) -> list[Path]:
        """Where each main file of a shard goes."""
        return [self.folder(job) / file.name for file in job.shard.main_files()]

    def places(self, job: Job) -> list[Path]:
        """Where every file of a shard goes, those of single samples too."""
        return [self.folder(job) / name for name in job.shard.relative_files()]

    def kept_aside(self, kinds: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which of the removed rows, named by these kinds, are kept aside."""
        return np.asarray(kinds == MD5 if self.purge else np.ones(len(kinds), dtype=bool))
