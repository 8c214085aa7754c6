"""The verified list of one edition, as everything that works with a list sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

from takedown.blocklist.columns import Digests
from takedown.blocklist.manifest import Manifest
from takedown.blocklist.state import State
from takedown.blocklist.table import Table
from takedown.errors import UsageError
from takedown.subscribe import fresh, store
from takedown.subscribe.result import root_warnings
from takedown.subscribe.store import Current, LocalEdition
from takedown.subscribe.tables import open_table
from takedown.subscribe.trust import trusted_root


@dataclass(frozen=True)
class LocalBlocklist:
    """A verified list of one edition, read from disk as needed.

    Attributes:
        edition: its name.
        seq: number of the release.
        manifest: everything the publisher signed about it.
    """

    edition: str
    seq: int
    manifest: Manifest = field(repr=False)
    _state_dir: Path = field(repr=False)
    _current: Current = field(repr=False, compare=False)
    _read: dict[str, Digests] = field(default_factory=dict, repr=False, compare=False)

    @property
    def prefix_hex(self) -> int:
        """Hexadecimal digits kept of each digest: 64 for all of them (md5 never has more than 32)."""
        return self.manifest.prefix_hex

    @property
    def state_sha256(self) -> str:
        return self.manifest.state_sha256

    @property
    def disposition(self) -> str:
        """``purge`` or ``quarantine``: what to do with matching samples."""
        return self.manifest.disposition

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds that have entries."""
        return tuple(self.manifest.count_by_kind)

    @property
    def confirmed(self) -> date | None:
        """Day of the last sync that proved this list to be the newest; None where none did."""
        return fresh.confirmed(self._state_dir, self._current)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Plain sentences for whoever goes on with this list: signatures that expired, a trial's keys.

        Raises:
            VerificationFailed: slug ``root-invalid``: the root file on this disk was altered.
        """
        return (*root_warnings(self._root), *fresh.expiry_warnings(self._state_dir))

    @cached_property
    def root_keyids(self) -> tuple[str, ...]:
        """Key ids, sorted, of the root that vouches for this list, its chain of signatures checked.

        Raises:
            VerificationFailed: slug ``metadata-invalid`` or ``local-altered``.
        """
        history = self._state_dir / store.METADATA / store.ROOT_HISTORY
        root = trusted_root(self._root, history, self._current.root_version)
        return tuple(sorted(root.signed.roles["root"].keyids))

    def table(self, kind: str) -> Table | None:
        """What answers whether digests of a kind are listed; None where the kind has no entries.

        Its file is checked by length and SHA-256 here, and made anew where it is missing.

        Raises:
            VerificationFailed: slug ``local-altered``: a file on this disk was changed; sync again.
        """
        return open_table(self._local, kind)

    def digests(self, kind: str) -> Digests:
        """Sorted digests of one kind: array of fixed-width lowercase hex, dtype ``S64`` or ``S{prefix_hex}``.

        Read from disk at the first call for this kind, all into memory, and checked again while reading.

        Raises:
            VerificationFailed: slug ``local-altered``: a file on this disk was changed; sync again.
        """
        if kind not in self._read:
            state = State.collect(store.pieces(self._local, (kind,)), self.prefix_hex)
            self._read[kind] = state.digests(kind)
        return self._read[kind]

    def entries(self, kind: str) -> Sequence[str]:
        """Sorted digests of one kind as text.

        Raises:
            VerificationFailed: slug ``local-altered``: a file on this disk was changed; sync again.
        """
        return [digest.decode("ascii") for digest in self.digests(kind).tolist()]

    def files(self, kind: str) -> list[Path]:
        """The Parquet files (columns kind, digest) of one kind, for SQL engines."""
        return [self._local.folder / file.path for file in self._local.files if file.kind == kind]

    @property
    def _local(self) -> LocalEdition:
        return self._current.editions[self.edition]

    @property
    def _root(self) -> bytes:
        try:
            return (self._state_dir / store.ROOT).read_bytes()
        except OSError as error:
            raise store.altered(error) from error


def open_blocklist(state_dir: Path, edition: str | None = None, dataset: str | None = None) -> LocalBlocklist:
    """Open the list kept in a state folder.

    Args:
        state_dir: as given to ``sync``.
        edition: needed only where several are kept.
        dataset: refuse a list that does not say it is for this dataset.

    Raises:
        NothingToSync: slug ``no-list``: nothing was synced yet.
        UsageError: slugs ``edition-needed``, ``edition-unknown``, ``dataset-unknown``: several editions and
            none named, or the one named is not kept, or it is for other datasets.
        VerificationFailed: the folder was altered.
    """
    current = store.need_current(state_dir)
    local = current.editions[_choose(sorted(current.editions), edition)]
    manifest = local.manifest
    if dataset is not None and dataset not in manifest.dataset_ids:
        raise UsageError(
            f"The list kept here is not for that dataset, but for: {', '.join(manifest.dataset_ids)}.",
            slug="dataset-unknown",
        )
    return LocalBlocklist(manifest.edition, manifest.seq, manifest, state_dir, current)


def _choose(names: Sequence[str], edition: str | None) -> str:
    if edition is None and len(names) > 1:
        raise UsageError(
            f"Several editions are kept here: {', '.join(names)}. Choose one with --edition.",
            slug="edition-needed",
        )
    if edition is not None and edition not in names:
        raise UsageError(
            f"That edition is not kept here; choose from: {', '.join(names)}.", slug="edition-unknown"
        )
    return names[0] if edition is None else edition
