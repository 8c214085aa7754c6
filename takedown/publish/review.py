"""Review: what a staged release would change, computed again from the files and not taken on trust.

1. The release is the next one: sequence number, targets version, each edition's previous manifest.
2. Every file is what its manifest says; the old state is the repository's, the new one the staging's.
3. The difference of the two states is computed here and must equal the staged delta.

A release manager's machine needs the repository's folder, the staging folder and a key; nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tuf.api.metadata import Metadata, Targets

from takedown import disk
from takedown.blocklist import checkpoint, paths
from takedown.blocklist.delta import Delta, diff, read_delta, step
from takedown.blocklist.manifest import KEPT_DELTAS, Log, Manifest
from takedown.blocklist.rebuild import check_state, rebuild
from takedown.blocklist.state import State
from takedown.errors import UsageError, VerificationFailed
from takedown.publish.keyring import load_for
from takedown.publish.repository import Head, load_head, load_manifests, read_targets, seq_of


@dataclass(frozen=True)
class EditionChange:
    """What a staged release does to one edition.

    Attributes:
        added, removed, rows: entries that come, that go, and that the new list has.
        full_state: True when the release carries the whole list and not the delta alone.
        delta: the entries themselves, for whoever wants to look.
    """

    name: str
    added: int
    removed: int
    rows: int
    prefix_hex: int
    disposition: str
    state_sha256: str
    full_state: bool
    delta: Delta = field(repr=False, compare=False)


@dataclass(frozen=True)
class StagedRelease:
    """A staging folder as read: its targets metadata (not trusted yet) and the manifests this names."""

    targets: Metadata[Targets]
    data: bytes
    path: Path
    manifests: dict[str, tuple[Manifest, str]]


def review(repository: Path, staging: Path) -> list[EditionChange]:
    """Recompute what a staged release changes.

    Raises:
        UsageError: a folder is not what it should be, or the release is not the next one.
        VerificationFailed: the staged files disagree with each other or with the repository.
    """
    return review_staged(load_head(repository), repository, staging, load_staged(staging))


def sign(repository: Path, staging: Path, key: Path) -> None:
    """Review a staged release and add one targets signature to it.

    Args:
        repository, staging: folders; only the staged targets metadata is written.
        key: file of a private targets key.

    Raises:
        UsageError: as ``review``; or the key is not a targets key of this repository.
        VerificationFailed: as ``review``.
    """
    current = load_head(repository)
    staged = load_staged(staging)
    review_staged(current, repository, staging, staged)
    staged.targets.sign(load_for(key, current.root.signed, "targets"), append=True)
    disk.write(staged.path, staged.targets.to_bytes())


def load_staged(staging: Path) -> StagedRelease:
    """Read a staging folder; manifests are checked against its targets metadata.

    Raises:
        UsageError: not a staging folder.
        VerificationFailed: slug ``staging-disagrees``: a manifest is missing, altered or breaks the format.
    """
    found = sorted((staging / "metadata").glob("*.targets.json"))
    if len(found) != 1:
        raise UsageError(f"{staging} is not a staged release; stage one first.")
    data = found[0].read_bytes()
    targets = read_targets(data)
    try:
        manifests = load_manifests(targets.signed, _in(staging))
    except VerificationFailed as error:
        raise _disagree("a manifest or the checkpoint is not as it was staged") from error
    return StagedRelease(targets, data, found[0], manifests)


def review_staged(
    current: Head, repository: Path, staging: Path, staged: StagedRelease
) -> list[EditionChange]:
    """``review`` on what was read already."""
    _check_next(current, staged)
    seq = seq_of(staged.targets.signed)
    log = checkpoint.from_bytes((staging / paths.checkpoint(seq)).read_bytes(), seq)
    return [
        _review_edition(current, repository, staging, manifest, log)
        for manifest, _ in staged.manifests.values()
    ]


def _check_next(current: Head, staged: StagedRelease) -> None:
    targets = staged.targets.signed
    if seq_of(targets) != current.seq + 1 or targets.version != current.targets.signed.version + 1:
        raise UsageError(
            f"The staged release is not number {current.seq + 1}, the next one; delete it and stage again.",
            slug="not-next",
        )
    if set(current.manifests) - set(staged.manifests) or not staged.manifests:
        raise _disagree("an edition is missing")
    for name, (manifest, _) in staged.manifests.items():
        before = current.manifests.get(name)
        if manifest.prev_manifest_sha256 != (before[1] if before else None):
            raise UsageError(
                f"Edition {name} was staged on another release than the published one; stage it again.",
                slug="not-next",
            )


def _review_edition(
    current: Head, repository: Path, staging: Path, manifest: Manifest, log: Log
) -> EditionChange:
    if manifest.log != log:
        raise _disagree("a manifest names another log than the checkpoint")
    last = current.manifests.get(manifest.edition, (None, ""))[0]
    if last is None or last.prefix_hex != manifest.prefix_hex:
        # Nothing to compare with: the whole list is new, and must be there in full.
        if manifest.deltas:
            raise _disagree("a manifest carries on deltas of a list cut to another length")
        return _change(manifest, diff(State(manifest.prefix_hex), rebuild(_in(staging), manifest)))
    old = rebuild(_in(repository), last)
    delta = diff(old, _new_state(staging, manifest, last, old))
    staged = manifest.deltas[-1]
    if read_delta(staging / staged.path, staged, manifest.prefix_hex) != delta:
        raise _disagree("a delta is not the difference of the two lists")
    return _change(manifest, delta)


def _new_state(staging: Path, manifest: Manifest, last: Manifest, old: State) -> State:
    """The new list: from its full state where there is one, otherwise the old list rolled forward."""
    *before, newest = manifest.deltas or (None,)
    if newest is None or newest.start != last.seq or tuple(before) != last.deltas[-(KEPT_DELTAS - 1) :]:
        raise _disagree("a manifest does not carry on the deltas of the one before")
    if newest.from_state != old.state_sha256:
        raise _disagree("a delta starts from another list than the published one")
    if manifest.state.seq == manifest.seq:
        return rebuild(_in(staging), manifest)
    if manifest.state != last.state:
        raise _disagree("a manifest names another full state than the one before")
    new = step(_in(staging), old, newest)
    check_state(manifest, new)
    return new


def _in(folder: Path) -> disk.Locate:
    return lambda path: folder / path


def _change(manifest: Manifest, delta: Delta) -> EditionChange:
    return EditionChange(
        name=manifest.edition,
        added=len(delta.added),
        removed=len(delta.removed),
        rows=manifest.rows,
        prefix_hex=manifest.prefix_hex,
        disposition=manifest.disposition,
        state_sha256=manifest.state_sha256,
        full_state=manifest.state.seq == manifest.seq,
        delta=delta,
    )


def _disagree(why: str) -> VerificationFailed:
    return VerificationFailed(
        f"The staged release does not hold together: {why}. Delete it and stage again.",
        slug="staging-disagrees",
    )
