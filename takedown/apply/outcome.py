"""What a run of plan or apply did, in counts. Nothing in it names a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from takedown.apply.listed import Listing
from takedown.errors import TakedownError
from takedown.keys import PUBLISHED_KINDS


@dataclass(frozen=True)
class Failure:
    """One file that could not be dealt with; it is not in the result.

    Attributes:
        file: its path.
        error: slug for programs.
        message: sentence for people.
    """

    file: str
    error: str
    message: str

    @classmethod
    def of(cls, file: object, error: TakedownError) -> Failure:
        return cls(str(file), error.slug, error.sentence)


@dataclass(frozen=True)
class Counts:
    """What one shard added to the counts of a run. See `Outcome` for what they mean."""

    rows_in: int
    removed_by_kind: Mapping[str, int]
    quarantined_by_kind: Mapping[str, int]
    null_urls: int
    uncheckable: Mapping[str, int]
    bytes_read: int
    bytes_written: int
    other_names: int = 0

    def to_json(self) -> dict[str, Any]:
        """For a pipe or a journal."""
        return asdict(self)


def no_kinds() -> dict[str, int]:
    """Nothing of any kind."""
    return dict.fromkeys(PUBLISHED_KINDS, 0)


@dataclass
class Outcome:
    """Counts of a run; those of failed files are left out.

    Attributes:
        edition, seq, state_sha256: the list that was applied.
        files: shards dealt with (a tar and its sidecars are one).
        rows_in, rows_out: rows read, and rows of those that stay.
        removed_by_kind: rows removed, under the first kind of PUBLISHED_KINDS that names them.
        quarantined_by_kind: those of them that are kept aside in the ledger, so that they can come back.
        null_urls: rows without an address, which no url_sha256 entry can name.
        uncheckable: rows that some kind on the list could not be held against, by reason.
        bytes_read, bytes_written: for a plan those that `apply` would read and (roughly) write. Files
            without a removal are linked, which writes nothing.
        other_names: files replaced in place whose old content lives on under another name (a hard link).
        list_day, confirmed: the day of the list, and the day on which it was last known to be the newest.
        resumed: shards that an earlier, interrupted run had finished; they are in all the counts.
        errors: files that failed.
    """

    edition: str
    seq: int
    state_sha256: str
    files: int = 0
    rows_in: int = 0
    rows_out: int = 0
    removed_by_kind: dict[str, int] = field(default_factory=no_kinds)
    quarantined_by_kind: dict[str, int] = field(default_factory=no_kinds)
    null_urls: int = 0
    uncheckable: dict[str, int] = field(default_factory=dict)
    bytes_read: int = 0
    bytes_written: int = 0
    other_names: int = 0
    list_day: str | None = None
    confirmed: str | None = None
    resumed: int = field(default=0, compare=False)
    errors: list[Failure] = field(default_factory=list)

    @classmethod
    def of(cls, listing: Listing, failures: list[Failure]) -> Outcome:
        """That of a run which has not begun, with what failed before."""
        return cls(listing.edition, listing.seq, listing.state_sha256, errors=list(failures))

    def add(self, counts: Counts) -> None:
        """Count one shard that was dealt with."""
        self.files += 1
        self.rows_in += counts.rows_in
        self.rows_out += counts.rows_in - sum(counts.removed_by_kind.values())
        self.null_urls += counts.null_urls
        self.bytes_read += counts.bytes_read
        self.bytes_written += counts.bytes_written
        self.other_names += counts.other_names
        _add(self.removed_by_kind, counts.removed_by_kind)
        _add(self.quarantined_by_kind, counts.quarantined_by_kind)
        _add(self.uncheckable, counts.uncheckable)

    @property
    def removed(self) -> int:
        """Rows removed in all."""
        return self.rows_in - self.rows_out

    @property
    def quarantined(self) -> int:
        """Rows of those that are kept aside."""
        return sum(self.quarantined_by_kind.values())


def _add(to: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        to[name] = to.get(name, 0) + count
