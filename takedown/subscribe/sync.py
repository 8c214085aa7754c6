"""Sync: verify the newest release and make it the local list.

1. Under the state folder's lock: the folder must belong to this address and root file.
2. TUF metadata, from the root file on; nothing new is trusted before it verifies.
3. Each edition's manifest and the log's checkpoint, then the data files, deltas or the full state, each when
   the list that is being written needs it.
4. A new list folder is written whole, then ``current.json`` is renamed into place; then the old one goes.

Whatever fails before that rename leaves the last verified list in use. Only a list that is proven whole, as
``verify`` does it, is kept or called the newest: a damaged one is fetched again, and older ones stay refused.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from tuf.api.exceptions import DownloadError
from tuf.api.metadata import TargetFile
from tuf.ngclient import FetcherInterface

from takedown import disk
from takedown.blocklist import checkpoint
from takedown.blocklist.canonical import broken
from takedown.blocklist.manifest import MAX_BYTES, DeltaFile, Log, Manifest, StateFile
from takedown.blocklist.paths import parse_manifest
from takedown.blocklist.pieces import Piece
from takedown.errors import NothingToSync, UsageError, VerificationFailed
from takedown.subscribe import store
from takedown.subscribe.binding import bind, check_binding
from takedown.subscribe.bring import bring, check_follows
from takedown.subscribe.fetch import Fetcher, base_address, download
from takedown.subscribe.fresh import confirm
from takedown.subscribe.result import SyncResult, root_warnings
from takedown.subscribe.store import Current, LocalEdition
from takedown.subscribe.tables import write_list
from takedown.subscribe.trust import UNREADABLE, Release, Unreachable, download_target, fetch_release
from takedown.subscribe.verify import is_whole

Progress = Callable[[int, int, str], None]

_DAMAGED = "The list kept on this disk was altered or is incomplete; it is fetched again."


@dataclass
class _Job:
    """One sync under way: where from, where to, and what there is to tell."""

    url: str
    root: bytes
    state_dir: Path
    fetcher: FetcherInterface
    progress: Progress | None = None
    warnings: list[str] = field(default_factory=list)
    fetched: int = 0

    @property
    def incoming(self) -> Path:
        return self.state_dir / store.INCOMING

    def get(self, file: StateFile | DeltaFile) -> None:
        """Fetch one data file of a manifest."""
        target = self.incoming / file.path
        self.fetched += download(self.fetcher, self.url, file.path, target, file.bytes, file.sha256)

    def watched(self, pieces: Iterable[Piece], manifest: Manifest) -> Iterator[Piece]:
        """A list on its way to disk, its progress told."""
        done = 0
        for kind, digests in pieces:
            yield kind, digests
            done += len(digests)
            if self.progress:
                self.progress(done, manifest.rows, f"Edition {manifest.edition}")

    def get_target(self, target: TargetFile, most: int) -> bytes:
        """Fetch a manifest or checkpoint."""
        data = download_target(self.fetcher, self.url, target, most)
        self.fetched += len(data)
        return data

    def result(self, current: Current, stale: str | None = None) -> SyncResult:
        return SyncResult(current.seq, current.rows, tuple(self.warnings), stale, self.fetched)


def sync(
    url: str,
    root: bytes,
    state_dir: Path,
    *,
    min_seq: int = 0,
    fetcher: FetcherInterface | None = None,
    progress: Progress | None = None,
) -> SyncResult:
    """Verify the newest release and make it the local list.

    Args:
        url: http(s) or file address, or the path, of the release repository.
        root: the publisher's root file, had by a way you trust.
        state_dir: folder for the list and for what protects against rollback; bound to this address and root.
        min_seq: refuse releases below this number.
        fetcher: how bytes are had; the default speaks http(s) and file.
        progress: called with (entries fetched and written, entries in all, which edition) now and then.

    Returns:
        What is in use now. ``stale`` is set when the newest release could not be had and an older is kept.

    Raises:
        NothingToSync: no list could be had, and none is kept here.
        Stale: the newest signatures have expired; a list kept here stays in use.
        VerificationFailed: what was offered does not verify; a list kept here stays in use.
        UsageError: the address makes no sense, or the folder belongs to another address or root file, or
            cannot be written.
    """
    warnings = list(root_warnings(root))
    job = _Job(base_address(url), root, state_dir, fetcher or Fetcher(), progress, warnings)
    _check_writable(state_dir)
    with disk.locked(state_dir / store.LOCK):
        check_binding(state_dir, job.url, root)
        current = _load_current(job)
        try:
            current = _take_newest(job, current, min_seq)
        except (Unreachable, DownloadError) as error:
            return _keep(job, current, error)
        confirm(state_dir, current)
        _tidy(state_dir, current)  # also what a killed sync left behind
    return job.result(current)


def _check_writable(state_dir: Path) -> None:
    if (why := disk.refusal(state_dir)) is not None:
        raise UsageError(
            f"{state_dir} cannot be written ({why}), so no list can be kept there; give another folder with "
            "--state.",
            slug="state-not-writable",
        )


def _load_current(job: _Job) -> Current | None:
    """The list in use; None when there is none, or nothing says any more what it was."""
    try:
        return store.load_current(job.state_dir)
    except VerificationFailed:
        job.warnings.append(_DAMAGED)
        return None


def _take_newest(job: _Job, current: Current | None, min_seq: int) -> Current:
    release = fetch_release(job.url, job.root, job.state_dir / store.METADATA, job.fetcher)
    bind(job.state_dir, job.url, job.root)
    _check_release(release, current, min_seq)
    offered = {name: target.hashes.get("sha256") for name, target in release.manifests.items()}
    if current and (current.seq, current.manifests) == (release.seq, offered):
        if is_whole(job.state_dir, current):
            return current
        job.warnings.append(_DAMAGED)
        current = None
    new = _write_list(job, release, current)
    store.save_current(job.state_dir, new)
    return new


def _check_release(release: Release, current: Current | None, min_seq: int) -> None:
    if release.seq and release.seq < min_seq:
        raise VerificationFailed(
            f"The release offered is number {release.seq}, and {min_seq} or a later one is known to exist; "
            "nothing was changed. Tell the publisher.",
            slug="below-min-seq",
        )
    if current and release.seq < current.seq:
        raise VerificationFailed(
            "The release offered is older than the newest one known here; nothing was changed. "
            "Tell the publisher.",
            slug="rollback",
        )
    if release.seq == 0:
        sentence = "The publisher has not published a release yet; try again later."
        raise NothingToSync(sentence, slug="no-release")
    if current and set(current.editions) - set(release.manifests):
        raise VerificationFailed(
            "An edition kept here is not in the release offered; the kept list stays. Ask the publisher.",
            slug="edition-missing",
        )


def _write_list(job: _Job, release: Release, current: Current | None) -> Current:
    """Write a whole new list folder, not in use yet."""
    folder = _new_folder(job.state_dir / store.LISTS, release)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        editions = _write_editions(job, part, release, current.editions if current else {})
        disk.rename_tree(part, folder)
    except Exception:
        shutil.rmtree(part, ignore_errors=True)
        raise
    moved = {edition: replace(made, folder=folder) for edition, made in editions.items()}
    return Current(folder, release.seq, release.root_version, moved)


def _write_editions(
    job: _Job, part: Path, release: Release, kept: dict[str, LocalEdition]
) -> dict[str, LocalEdition]:
    disk.write(part / store.TARGETS, release.targets_bytes)
    log = _write_checkpoint(job, part, release)
    return {
        edition: _write_edition(job, part, target, log, kept.get(edition))
        for edition, target in sorted(release.manifests.items())
    }


def _new_folder(lists: Path, release: Release) -> Path:
    """A name not in use: a damaged list of the same release goes only when the new one is there."""
    name = f"{release.seq:06d}-{hashlib.sha256(release.targets_bytes).hexdigest()[:12]}"
    names = (name if n == 0 else f"{name}-{n}" for n in itertools.count())
    return next(lists / name for name in names if not (lists / name).exists())


def _write_checkpoint(job: _Job, part: Path, release: Release) -> Log:
    if release.checkpoint is None:
        raise broken("release", "has no checkpoint")
    data = job.get_target(release.checkpoint, checkpoint.MAX_BYTES)
    log = checkpoint.from_bytes(data, release.seq)
    disk.write(part / release.checkpoint.path, data)
    return log


def _write_edition(
    job: _Job, part: Path, target: TargetFile, log: Log, kept: LocalEdition | None
) -> LocalEdition:
    data = job.get_target(target, MAX_BYTES)
    sha256 = hashlib.sha256(data).hexdigest()
    manifest = Manifest.from_bytes(data)
    if parse_manifest(target.path) != (manifest.edition, manifest.seq) or manifest.log != log:
        raise broken("manifest", "belongs to another release")
    check_follows(manifest, kept, sha256)
    (files, tables), note = bring(
        manifest,
        kept,
        job.incoming,
        job.get,
        lambda pieces: write_list(job.watched(pieces, manifest), part, manifest),
    )
    if note:
        sentence = f"Edition {manifest.edition}: its deltas do not fit ({note}); the full list was used."
        job.warnings.append(sentence)
    disk.write(part / target.path, data)
    return LocalEdition(part, manifest, sha256, files, tables)


def _tidy(state_dir: Path, current: Current) -> None:
    """Remove lists no longer in use, and finished downloads."""
    for folder in (state_dir / store.LISTS).iterdir():
        if folder.name != current.folder.name:
            # Away at once, then deleted: a reader must not meet a list with half of its files.
            gone = (
                folder
                if folder.name.startswith(".")
                else folder.rename(folder.with_name(f".{folder.name}.gone"))
            )
            shutil.rmtree(gone, ignore_errors=True)
    shutil.rmtree(state_dir / store.INCOMING, ignore_errors=True)


def _keep(job: _Job, current: Current | None, error: Exception) -> SyncResult:
    """No answer is no reason to drop a list, nor to claim that it is the newest."""
    slug = error.slug if isinstance(error, Unreachable) else "data-unreachable"
    if current is None or not is_whole(job.state_dir, current):
        sentence = "No release could be had from there; check the address and your connection and try again."
        raise NothingToSync(sentence, slug=slug) from error
    stays = f"the list of release {current.seq} stays in use"
    if slug == UNREADABLE:
        sentence = f"What answers there is no release metadata; {stays}. Check the address and try again."
        raise VerificationFailed(sentence, slug=slug) from error
    job.warnings.append(f"The newest release could not be had; {stays}. Try again later.")
    return job.result(current, slug)
