"""Review: what a staged release would change, computed again from the files and not taken on trust.

1. The release is the next one: sequence number, targets version, each edition's previous manifest.
2. Whatever else a signature would cover is as it must be, or is shown.
3. The log of receipts is the published one with the staged leaves at its end.
4. Every file is what its manifest says; the old state is the repository's, the new one the staging's.
5. The difference of the two states is computed here and must equal the staged delta.

A release manager's machine needs the repository's folder, the staging folder and a key; nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import Metadata, Targets

from takedown import disk
from takedown.blocklist.delta import Delta, diff, read_delta, step
from takedown.blocklist.manifest import KEPT_DELTAS, Log, Manifest
from takedown.blocklist.rebuild import check_state, rebuild
from takedown.blocklist.state import State
from takedown.errors import UsageError, VerificationFailed
from takedown.publish.keyring import profile_of
from takedown.publish.live import cut
from takedown.publish.receipts_log import check_log
from takedown.publish.repository import Head, load_head, load_manifests, read_targets, seq_of
from takedown.publish.terms import TermChange, Terms, changed_terms, check_signed_part, disagree, terms_of


@dataclass(frozen=True)
class EditionChange:
    """What a staged release does to one edition.

    Attributes:
        added, removed, rows: entries that come, that go, and that the new list has.
        full_state: True when the release carries the whole list and not the delta alone.
        changed: what the edition says otherwise than in the release before.
        delta: the entries themselves, for whoever wants to look; where the list is cut to another length than
            before, as far as both lists tell them apart.
    """

    name: str
    added: int
    removed: int
    rows: int
    prefix_hex: int
    k_min: int
    disposition: str
    state_sha256: str
    full_state: bool
    changed: tuple[TermChange, ...]
    delta: Delta = field(repr=False, compare=False)


@dataclass(frozen=True)
class Review:
    """All that a signature on a staged release would stand for.

    Attributes:
        seq: number of the release.
        terms: what it says for all editions.
        editions: what changes in each.
        log: size and root of the log of receipts after it.
        leaves: leaves it appends to that log; records and padding look the same.
        sha256: of the bytes that would be signed, in hex; ``sign`` takes it as ``expected``.
    """

    seq: int
    terms: Terms
    editions: tuple[EditionChange, ...]
    log: Log
    leaves: int
    sha256: str


@dataclass(frozen=True)
class StagedRelease:
    """A staging folder as read: its targets metadata (not trusted yet) and the manifests this names."""

    targets: Metadata[Targets]
    data: bytes
    path: Path
    manifests: dict[str, tuple[Manifest, str]]

    @property
    def sha256(self) -> str:
        """Of the bytes that a signature covers; adding one does not change it."""
        return hashlib.sha256(self.targets.signed_bytes).hexdigest()


def review(repository: Path, staging: Path, *, now: datetime | None = None) -> Review:
    """Recompute what a staged release changes.

    Args:
        repository, staging: folders; they are only read.
        now: the moment of the look; the clock when None.

    Raises:
        UsageError: a folder is not what it should be, or the release is not the next one.
        VerificationFailed: the staged files disagree with each other or with the repository, or a signature
            would cover what no release has.
    """
    return review_staged(load_head(repository), repository, staging, load_staged(staging), now)


def check_staging(staging: Path) -> None:
    """Nothing when the folder looks like a staged release.

    Raises:
        UsageError: it does not.
    """
    if len(list((staging / "metadata").glob("*.targets.json"))) != 1:
        raise UsageError(f"{staging} is not a staged release; stage one first.")


def load_staged(staging: Path) -> StagedRelease:
    """Read a staging folder; manifests are checked against its targets metadata.

    Raises:
        UsageError: not a staging folder.
        VerificationFailed: slug ``staging-disagrees``: a manifest is missing, altered or breaks the format.
    """
    check_staging(staging)
    [found] = (staging / "metadata").glob("*.targets.json")
    data = found.read_bytes()
    targets = read_targets(data)
    try:
        manifests = load_manifests(targets.signed, _in(staging))
    except VerificationFailed as error:
        raise disagree("a manifest or the checkpoint is not as it was staged") from error
    return StagedRelease(targets, data, found, manifests)


def review_staged(
    current: Head, repository: Path, staging: Path, staged: StagedRelease, now: datetime | None
) -> Review:
    """``review`` on what was read already."""
    _check_next(current, staged)
    check_signed_part(staged.targets, profile_of(current.root.signed)["targets"], now)
    seq = seq_of(staged.targets.signed)
    log, appended = check_log(repository, staging, seq)
    manifests = [manifest for manifest, _ in staged.manifests.values()]
    terms = terms_of(manifests, staged.targets.signed.expires)
    changes = (_review_edition(current, repository, staging, manifest, log) for manifest in manifests)
    return Review(seq, terms, tuple(changes), log, appended, staged.sha256)


def _check_next(current: Head, staged: StagedRelease) -> None:
    targets = staged.targets.signed
    if seq_of(targets) != current.seq + 1 or targets.version != current.targets.signed.version + 1:
        raise UsageError(
            f"The staged release is not number {current.seq + 1}, the next one; delete it and stage again.",
            slug="not-next",
        )
    if set(current.manifests) - set(staged.manifests) or not staged.manifests:
        raise disagree("an edition is missing")
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
        raise disagree("a manifest names another log than the checkpoint")
    last = current.manifests.get(manifest.edition, (None, ""))[0]
    if last is None or last.prefix_hex != manifest.prefix_hex:
        # No delta leads there: the whole list is new, and must be there in full.
        if manifest.deltas:
            raise disagree("a manifest carries on deltas of a list cut to another length")
        old = rebuild(_in(repository), last) if last else State(manifest.prefix_hex)
        shared = min(old.prefix_hex, manifest.prefix_hex)
        new = rebuild(_in(staging), manifest)
        return _change(manifest, last, diff(cut(old, shared), cut(new, shared)))
    old = rebuild(_in(repository), last)
    delta = diff(old, _new_state(staging, manifest, last, old))
    staged = manifest.deltas[-1]
    if read_delta(staging / staged.path, staged, manifest.prefix_hex) != delta:
        raise disagree("a delta is not the difference of the two lists")
    return _change(manifest, last, delta)


def _new_state(staging: Path, manifest: Manifest, last: Manifest, old: State) -> State:
    """The new list: from its full state where there is one, otherwise the old list rolled forward."""
    *before, newest = manifest.deltas or (None,)
    if newest is None or newest.start != last.seq or tuple(before) != last.deltas[-(KEPT_DELTAS - 1) :]:
        raise disagree("a manifest does not carry on the deltas of the one before")
    if newest.from_state != old.state_sha256:
        raise disagree("a delta starts from another list than the published one")
    if manifest.state.seq == manifest.seq:
        return rebuild(_in(staging), manifest)
    if manifest.state != last.state:
        raise disagree("a manifest names another full state than the one before")
    new = step(_in(staging), old, newest)
    check_state(manifest, new)
    return new


def _in(folder: Path) -> disk.Locate:
    return lambda path: folder / path


def _change(manifest: Manifest, last: Manifest | None, delta: Delta) -> EditionChange:
    return EditionChange(
        name=manifest.edition,
        added=len(delta.added),
        removed=len(delta.removed),
        rows=manifest.rows,
        prefix_hex=manifest.prefix_hex,
        k_min=manifest.k_min,
        disposition=manifest.disposition,
        state_sha256=manifest.state_sha256,
        full_state=manifest.state.seq == manifest.seq,
        changed=changed_terms(manifest, last),
        delta=delta,
    )
