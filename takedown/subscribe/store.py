"""What a reader keeps on disk, and how it is read back.

    state_dir/
      binding.json          the address and the SHA-256 of the root file this folder belongs to
      root.json             the root file itself
      metadata/             python-tuf's cache
      current.json          which list is in use; its rename is the only moment a list changes
      confirmed.json        the day on which that list was last found to be the newest
      lists/000042-<id>/    targets.json, the checkpoint, and each edition's manifest and list as Parquet,
                            laid out as in a release repository, with a look-up table for each kind
      incoming/             downloads of an unfinished sync

A list folder never changes once ``current.json`` names it. Where one was damaged all the same, sync fetches
the list again into another folder; ``binding.json`` and ``metadata/`` stay, and with them the protection
against rollback.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from takedown import disk
from takedown.blocklist import canonical, paths
from takedown.blocklist.canonical import Fields
from takedown.blocklist.entry import KINDS
from takedown.blocklist.files import read_pieces
from takedown.blocklist.manifest import Manifest, StateFile, read_state_file
from takedown.blocklist.pieces import Piece
from takedown.errors import NothingToSync, TakedownError, UsageError, VerificationFailed

CURRENT = "current.json"
BINDING = "binding.json"
ROOT = "root.json"
LISTS = "lists"
INCOMING = "incoming"
METADATA = "metadata"
ROOT_HISTORY = "root_history"
TARGETS = "targets.json"
LOCK = ".lock"

_CURRENT_FIELDS = ("folder", "seq", "root_version", "editions")


@dataclass(frozen=True)
class TableFile:
    """The look-up table of one kind: made here from the list, not fetched."""

    kind: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class LocalEdition:
    """One edition of a local list: its manifest, its own Parquet files and its look-up tables.

    Attributes:
        folder: the list folder.
        manifest_sha256: of the manifest's bytes.
        files: like the manifest's, but for the list at ``manifest.seq``; paths are relative to ``folder``.
        tables: one for each kind that has entries.
    """

    folder: Path
    manifest: Manifest
    manifest_sha256: str
    files: tuple[StateFile, ...]
    tables: tuple[TableFile, ...]

    def table_path(self, kind: str) -> Path:
        """Where the look-up table of a kind stands."""
        return self.folder / table_path(self.manifest.edition, self.manifest.seq, kind)


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
    try:
        if not path.is_file():
            return None
        data = path.read_bytes()
    except PermissionError as error:
        raise altered(error) from error
    try:
        return _read_current(state_dir, data)
    except (TakedownError, OSError) as error:
        if path.read_bytes() != data:  # a sync finished in between and took the old list away
            return load_current(state_dir)
        raise altered(error) from error


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
            "tables": [vars(table) for table in local.tables],
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


def pieces(local: LocalEdition, kinds: Sequence[str] = KINDS) -> Iterator[Piece]:
    """The list of a local edition as a stream, its files checked by length, SHA-256 and format.

    Args:
        local: the edition.
        kinds: read only these.

    Raises:
        VerificationFailed: slug ``local-altered``, or ``list-replaced`` when a sync took it away meanwhile.
    """
    files = [file for file in local.files if file.kind in kinds]
    try:
        yield from read_pieces(lambda path: local.folder / path, files, local.manifest.prefix_hex)
    except (VerificationFailed, OSError) as error:  # gone between two looks at it, too
        raise missing_or_altered(local.folder, error) from error


def table_path(edition: str, seq: int, kind: str) -> str:
    """Place of a look-up table in a list folder."""
    return f"editions/{edition}/table/{seq:06d}/{kind}.table"


def _read_edition(folder: Path, value: object) -> LocalEdition:
    fields = Fields(value, ("name", "seq", "manifest_sha256", "files", "tables"), "list")
    name, seq = fields.text("name"), fields.count("seq", least=1)
    data = (folder / paths.manifest(paths.check_edition_name(name), seq)).read_bytes()
    if hashlib.sha256(data).hexdigest() != fields.sha256("manifest_sha256"):
        raise altered()
    files = (read_state_file(item, name, seq) for item in fields.items("files", most=2000))
    tables = (_read_table(item) for item in fields.items("tables", most=len(KINDS)))
    return LocalEdition(
        folder, Manifest.from_bytes(data), fields.sha256("manifest_sha256"), tuple(files), tuple(tables)
    )


def _read_table(value: object) -> TableFile:
    fields = Fields(value, TableFile.__dataclass_fields__, "list")
    return TableFile(fields.choice("kind", KINDS), fields.count("bytes", least=1), fields.sha256("sha256"))


def missing_or_altered(folder: Path, cause: Exception) -> TakedownError:
    """The error for a file of a list folder that is not as it was."""
    if isinstance(cause, PermissionError) or folder.is_dir():
        return altered(cause)
    sentence = "A newer list was synced while this one was in use; run the command again."
    return VerificationFailed(sentence, slug="list-replaced")


def altered(cause: Exception | None = None) -> TakedownError:
    """The error for a state folder that is not as sync left it, or that belongs to somebody else."""
    if isinstance(cause, PermissionError):
        return UsageError(
            f"{cause.filename} cannot be used ({cause.strerror}); work as the user who synced the list, or "
            "name another folder with --state.",
            slug="state-not-permitted",
        )
    return VerificationFailed(
        "The list kept on this disk was altered or is incomplete; run 'takedown sync' again to replace it.",
        slug="local-altered",
    )
