"""What a run of plan or apply did, in counts. Nothing in it names a row."""

from __future__ import annotations

from dataclasses import dataclass, field

from takedown.apply.listed import Blocklist
from takedown.apply.scan import Removals
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


@dataclass
class Outcome:
    """Counts of a run; those of failed files are left out.

    Attributes:
        edition, seq, state_sha256: the list that was applied.
        files: shards dealt with (a tar and its sidecars are one).
        rows_in, rows_out: rows read, and rows of those that stay.
        removed_by_kind: rows removed, under the first kind of PUBLISHED_KINDS that names them.
        null_urls: rows without an address, which no url_sha256 entry can name.
        bytes_read, bytes_written: for a plan those that `apply` would read and (roughly) write. Files
            without a removal are linked, which writes nothing.
        errors: files that failed.
    """

    edition: str
    seq: int
    state_sha256: str
    files: int = 0
    rows_in: int = 0
    rows_out: int = 0
    removed_by_kind: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PUBLISHED_KINDS, 0))
    null_urls: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    errors: list[Failure] = field(default_factory=list)

    @classmethod
    def of(cls, blocklist: Blocklist, failures: list[Failure]) -> Outcome:
        """That of a run which has not begun, with what failed before."""
        return cls(blocklist.edition, blocklist.seq, blocklist.state_sha256, errors=list(failures))

    def add(self, removals: Removals, bytes_read: int, bytes_written: int) -> None:
        """Count one shard that was dealt with."""
        self.files += 1
        self.rows_in += removals.rows_in
        self.rows_out += removals.rows_in - len(removals.rows)
        self.null_urls += removals.null_urls
        for kind, count in removals.by_kind.items():
            self.removed_by_kind[kind] += count
        self.bytes_read += bytes_read
        self.bytes_written += bytes_written

    @property
    def removed(self) -> int:
        """Rows removed in all."""
        return self.rows_in - self.rows_out
