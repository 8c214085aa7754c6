"""What a reader keeps on disk, and how it is read back.

    state_dir/
      binding.json          the address and the SHA-256 of the root file this folder belongs to
      root.json             the root file itself
      metadata/             python-tuf's cache
      current.json          which list is in use; its rename is the only moment a list changes
      lists/000042-<id>/    targets.json, the checkpoint, and each edition's manifest and list as Parquet,
                          laid out as in a release repository
      incoming/             downloads of an unfinished sync

A list folder never changes once ``current.json`` names it. Where one was damaged all the same, sync fetches
the list again into another folder; ``binding.json`` and ``metadata/`` stay, and with them the protection
against rollback.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from takedown import disk
from takedown.blocklist import canonical, paths
from takedown.blocklist.canonical import Fields
from takedown.blocklist.columns import Digests
from takedown.blocklist.entry import KINDS
from takedown.blocklist.files import read_state
from takedown.blocklist.manifest import Manifest, StateFile, read_state_file
from takedown.blocklist.state import State
from takedown.errors import NothingToSync, TakedownError, UsageError, VerificationFailed

CURRENT = "current.json"
BINDING = "binding.json"
ROOT = "root.json"
LISTS = "lists"
INCOMING = "incoming"
METADATA = "metadata"
TARGETS = "targets.json"
LOCK = ".lock"

_CURRENT_FIELDS = ("folder", "seq", "root_version", "editions")


@dataclass(frozen=True)
class LocalEdition:
    """One edition of a local list: its manifest and its own Parquet files.

    Attributes:
        folder: the list folder.
        manifest_sha256: of the manifest's bytes.
        files: like the manifest's, but for the list at ``manifest.seq``; paths are relative to ``folder``.
    """

    folder: Path
    manifest: Manifest
    manifest_sha256: str
    files: tuple[StateFile, ...]


@dataclass(frozen=True)
class Current:
    """The list in use: one folder, verified under ``root_version``."""

    folder: Path
    seq: int
    root_version: int
    editions: dict[str, LocalEdition]

    @property
    def manifests(self) -> dict[str, str]:
        """edition -> SHA-256 of its manifest."""
        return {name: kept.manifest_sha256 for name, kept in self.editions.items()}

    @property
    def rows(self) -> dict[str, tuple[int, int]]:
        """edition -> (seq, entries)."""
        return {name: (kept.manifest.seq, kept.manifest.rows) for name, kept in self.editions.items()}


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
    _local: LocalEdition = field(repr=False)
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

    def digests(self, kind: str) -> Digests:
        """Sorted digests of one kind: array of fixed-width lowercase hex, dtype ``S64`` or ``S{prefix_hex}``.

        Read from disk at the first call for this kind, and checked again while reading.

        Raises:
            VerificationFailed: slug ``local-altered``: a file on this disk was changed; sync again.
        """
        if kind not in self._read:
            self._read[kind] = read_local(self._local, (kind,)).digests(kind)
        return self._read[kind]

    def entries(self, kind: str) -> list[str]:
        """Sorted digests of one kind as text.

        Raises:
            VerificationFailed: slug ``local-altered``: a file on this disk was changed; sync again.
        """
        return [digest.decode("ascii") for digest in self.digests(kind).tolist()]

    def files(self, kind: str) -> list[Path]:
        """The Parquet files (columns kind, digest) of one kind, for SQL engines."""
        return [self._local.folder / file.path for file in self._local.files if file.kind == kind]


def open_blocklist(state_dir: Path, edition: str | None = None) -> LocalBlocklist:
    """Open the list kept in a state folder.

    Args:
        state_dir: as given to ``sync``.
        edition: needed only where several are kept.

    Raises:
        NothingToSync: slug ``no-list``: nothing was synced yet.
        UsageError: several editions and none named, or the one named is not kept.
        VerificationFailed: the folder was altered.
    """
    current = need_current(state_dir)
    names = sorted(current.editions)
    if edition is None and len(names) > 1:
        raise UsageError(f"Several editions are kept here: {', '.join(names)}. Choose one with --edition.")
    name = names[0] if edition is None else edition
    if name not in current.editions:
        raise UsageError(f"That edition is not kept here; choose from: {', '.join(names)}.")
    local = current.editions[name]
    return LocalBlocklist(name, local.manifest.seq, local.manifest, local)


def need_current(state_dir: Path) -> Current:
    """The list in use.

    Raises:
        NothingToSync: slug ``no-list``: nothing was synced yet.
        VerificationFailed: slug ``local-altered``.
    """
    current = load_current(state_dir)
    if current is None:
        raise NothingToSync(f"No list is kept in {state_dir}; run 'takedown sync' first.", slug="no-list")
    return current


def load_current(state_dir: Path) -> Current | None:
    """The list in use, None when there is none yet.

    Raises:
        VerificationFailed: slug ``local-altered``: the folder was changed by something else than sync.
    """
    path = state_dir / CURRENT
    if not path.is_file():
        return None
    data = path.read_bytes()
    try:
        return _read_current(state_dir, data)
    except (TakedownError, OSError) as error:
        if path.read_bytes() != data:  # a sync finished in between and took the old list away
            return load_current(state_dir)
        raise altered() from error


def _read_current(state_dir: Path, data: bytes) -> Current:
    fields = Fields(canonical.from_bytes(data, "list"), _CURRENT_FIELDS, "list")
    folder = state_dir / LISTS / fields.text("folder")
    editions = [_read_edition(folder, item) for item in fields.items("editions", most=1000)]
    return Current(
        folder=folder,
        seq=fields.count("seq"),
        root_version=fields.count("root_version"),
        editions={local.manifest.edition: local for local in editions},
    )


def save_current(state_dir: Path, current: Current) -> None:
    """Make a finished list folder the one in use: the only moment at which a reader's list changes."""
    editions = [
        {
            "name": name,
            "seq": local.manifest.seq,
            "manifest_sha256": local.manifest_sha256,
            "files": [vars(file) for file in local.files],
        }
        for name, local in sorted(current.editions.items())
    ]
    value = {
        "folder": current.folder.name,
        "seq": current.seq,
        "root_version": current.root_version,
        "editions": editions,
    }
    disk.write(state_dir / CURRENT, canonical.to_bytes(value))


def read_local(local: LocalEdition, kinds: Sequence[str] = KINDS) -> State:
    """The list of a local edition, its files checked by length, SHA-256 and format.

    Args:
        local: the edition.
        kinds: read only these.

    Raises:
        VerificationFailed: slug ``local-altered``, or ``list-replaced`` when a sync took it away meanwhile.
    """
    files = [file for file in local.files if file.kind in kinds]
    try:
        return read_state(lambda path: local.folder / path, files, local.manifest.prefix_hex)
    except (VerificationFailed, OSError) as error:  # gone between two looks at it, too
        if not local.folder.is_dir():
            sentence = "A newer list was synced while this one was in use; run the command again."
            raise VerificationFailed(sentence, slug="list-replaced") from error
        raise altered() from error


def _read_edition(folder: Path, value: object) -> LocalEdition:
    fields = Fields(value, ("name", "seq", "manifest_sha256", "files"), "list")
    name, seq = fields.text("name"), fields.count("seq", least=1)
    data = (folder / paths.manifest(paths.check_edition_name(name), seq)).read_bytes()
    if hashlib.sha256(data).hexdigest() != fields.sha256("manifest_sha256"):
        raise altered()
    files = (read_state_file(item, name, seq) for item in fields.items("files", most=2000))
    return LocalEdition(folder, Manifest.from_bytes(data), fields.sha256("manifest_sha256"), tuple(files))


def altered() -> VerificationFailed:
    """The error for a state folder that is not as sync left it."""
    return VerificationFailed(
        "The list kept on this disk was altered or is incomplete; run 'takedown sync' again to replace it.",
        slug="local-altered",
    )
