"""Staging: from live keys to a folder that can be carried to a signer.

1. Read the committed release; the new one is exactly the next.
2. For each edition compute the state afresh from its live full keys, and the difference to the last state.
3. Write the log's leaves and checkpoint, data files, a manifest an edition, and unsigned targets metadata.
4. Rename the finished folder into place: staging is whole or absent.

No private key is needed, so the portal can do this and still never publish alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

from tuf.api.metadata import Metadata, TargetFile, Targets

from takedown import disk
from takedown.blocklist import paths
from takedown.blocklist.delta import write_delta
from takedown.blocklist.entry import FULL
from takedown.blocklist.files import write_state
from takedown.blocklist.leaves import Record
from takedown.blocklist.manifest import DISPOSITIONS, KEPT_DELTAS, DeltaFile, FullState, Log, Manifest
from takedown.blocklist.rebuild import rebuild
from takedown.blocklist.state import State
from takedown.errors import UsageError
from takedown.keys import Key
from takedown.publish.cover import Cover
from takedown.publish.editions import check_editions
from takedown.publish.keyring import expiry, profile_of
from takedown.publish.live import Live, listed_as
from takedown.publish.receipts_log import write_log
from takedown.publish.repository import Head, load_head
from takedown.publish.review import EditionChange, load_staged, review_staged

#: A full state is written after this many releases without one ...
FULL_EVERY = 8
#: ... or when the deltas since the last one list more than this share of its rows.
FULL_SHARE = 0.20


@dataclass(frozen=True)
class EditionDraft:
    """What an edition should list next: all its live keys in full. A withdrawn key is simply not among them.

    Attributes:
        name: lowercase letters, digits and hyphens.
        keys: full live keys, in any order, repeats allowed; many of them rather as a list (live.py).
        prefix_hex: hexadecimal digits published of each digest, 64 for all.
        k_min: fewest different digests any one entry may cover; 0 for full-digest editions.
        disposition: what holders do with matching samples, ``purge`` or ``quarantine``.
        includes: editions whose every removal this one makes too.
        cover: what was counted for these very keys; needed where ``prefix_hex`` cuts them.
        buried: those of the keys that are child-safety entries: no edition begins to list one in full.
    """

    name: str
    keys: Live = field(repr=False)
    prefix_hex: int = FULL
    k_min: int = 0
    disposition: str = "quarantine"
    includes: tuple[str, ...] = ()
    cover: Cover | None = None
    buried: Collection[Key] | State = field(default=(), repr=False)


@dataclass(frozen=True)
class Staged:
    """A release that waits for signatures."""

    seq: int
    editions: tuple[EditionChange, ...]


@dataclass(frozen=True)
class _Terms:
    """What all manifests of one release share."""

    publisher: str
    dataset_ids: tuple[str, ...]
    seq: int
    created: date
    min_client: str
    audit_head: str
    log: Log


def stage(
    repository: Path,
    staging: Path,
    editions: Sequence[EditionDraft],
    *,
    publisher: str,
    dataset_ids: Sequence[str],
    created: date,
    audit_head: str,
    min_client: str = "0.1.0",
    records: Iterable[Record] = (),
    now: datetime | None = None,
) -> Staged:
    """Write the next release into a folder of its own, unsigned.

    Args:
        repository: the release repository; it is only read.
        staging: folder to make; it must not exist yet, or be empty.
        editions: every edition the repository has, and any new ones.
        publisher, dataset_ids: shown to holders.
        created: the day of the release.
        audit_head: SHA-256 in hex of the newest event of the publisher's record, or "".
        min_client: oldest version of this package that can read the release.
        records: what the release does about the items of receipts; each becomes a leaf of the log.
        now: the moment the targets' expiry counts from; the clock when None.

    Returns:
        The new sequence number and what changes in each edition.

    Raises:
        UsageError: staging is in use, an edition is missing or named twice, a setting is out of range, or the
            editions do not fit each other (editions.py).
        BadKey: a draft holds something other than a full published key.
        VerificationFailed: the repository does not verify, or lost a part of its log.
        ValueError: a record that is none.
    """
    current = load_head(repository)
    _check_drafts(current, staging, editions)
    editions = [replace(draft, keys=listed_as(draft.keys)) for draft in editions]
    states = {draft.name: listed_as(draft.keys, draft.prefix_hex) for draft in editions}
    check_editions(editions, states, lambda name: _listed(repository, current, name))
    part = staging.with_name(f".{staging.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    seq = current.seq + 1
    log = write_log(repository, part, seq, records)
    terms = _Terms(publisher, tuple(dataset_ids), seq, created, min_client, audit_head, log)
    targets = [
        _write_edition(repository, part, current, draft, states[draft.name], terms) for draft in editions
    ]
    targets.append(paths.checkpoint(seq))
    _write_targets(part, current, targets, now)
    reviewed = review_staged(current, repository, part, load_staged(part), now)
    disk.rename_tree(part, staging)
    return Staged(seq, reviewed.editions)


def refuse_used(staging: Path) -> None:
    """Nothing when a release can be staged there; nobody is told to delete what is no staged release.

    Raises:
        UsageError: slug ``staging-in-use``.
    """
    if not staging.exists() or (staging.is_dir() and not any(staging.iterdir())):
        return
    staged = any((staging / "metadata").glob("*.targets.json")) and not (staging / paths.TIMESTAMP).exists()
    what = (
        "holds a staged release; publish it or delete it, then stage again."
        if staged
        else "is in use, and not by a staged release; choose a new folder with --staging."
    )
    raise UsageError(f"{staging} {what}", slug="staging-in-use")


def _check_drafts(current: Head, staging: Path, editions: Sequence[EditionDraft]) -> None:
    names = [paths.check_edition_name(draft.name) for draft in editions]
    refuse_used(staging)
    if not names or len(set(names)) != len(names):
        raise UsageError("A release needs at least one edition, and each only once.")
    missing = sorted(set(current.manifests) - set(names))
    if missing:
        raise UsageError(f"Every published edition must be in the release; missing: {', '.join(missing)}.")
    if any(draft.disposition not in DISPOSITIONS or draft.k_min < 0 for draft in editions):
        raise UsageError(
            f"An edition's disposition is one of {', '.join(DISPOSITIONS)}, and k_min 0 or more."
        )


def _listed(repository: Path, current: Head, name: str) -> State | None:
    """What an edition lists now; None where it has no release yet."""
    last = current.manifests.get(name, (None, None))[0]
    return None if last is None else rebuild(lambda path: repository / path, last)


def _write_edition(
    repository: Path, part: Path, current: Head, draft: EditionDraft, new: State, terms: _Terms
) -> str:
    """Write one edition's files; the path of its manifest."""
    last, last_sha256 = current.manifests.get(draft.name, (None, None))
    deltas: tuple[DeltaFile, ...] = ()
    if last is not None and last.prefix_hex == new.prefix_hex:
        old = rebuild(lambda path: repository / path, last)
        made = write_delta(part, draft.name, (last.seq, old), (terms.seq, new))
        deltas = (*last.deltas, made)[-KEPT_DELTAS:]
    if last is None or not deltas or _needs_full(last, deltas, terms.seq):
        full = FullState(terms.seq, write_state(new, part, draft.name, terms.seq))
    else:
        full = last.state
    manifest = _manifest(draft, terms, new, last_sha256, full, deltas)
    path = paths.manifest(draft.name, terms.seq)
    disk.write(part / path, manifest.to_bytes())
    return path


def _needs_full(last: Manifest, deltas: Sequence[DeltaFile], seq: int) -> bool:
    changed = sum(delta.added + delta.removed for delta in deltas if delta.start >= last.state.seq)
    rows = sum(file.rows for file in last.state.files)
    return seq - last.state.seq >= FULL_EVERY or changed > FULL_SHARE * rows


def _manifest(
    draft: EditionDraft,
    terms: _Terms,
    new: State,
    last_sha256: str | None,
    full: FullState,
    deltas: tuple[DeltaFile, ...],
) -> Manifest:
    return Manifest(
        publisher=terms.publisher,
        dataset_ids=terms.dataset_ids,
        edition=draft.name,
        prefix_hex=new.prefix_hex,
        k_min=draft.k_min,
        seq=terms.seq,
        created=terms.created,
        prev_manifest_sha256=last_sha256,
        state=full,
        deltas=deltas,
        state_sha256=new.state_sha256,
        count_by_kind=new.count_by_kind,
        disposition=draft.disposition,
        min_client=terms.min_client,
        log=terms.log,
        audit_head=terms.audit_head,
    )


def _write_targets(part: Path, current: Head, targets: Sequence[str], now: datetime | None) -> None:
    rule = profile_of(current.root.signed)["targets"]
    files = {path: TargetFile.from_data(path, (part / path).read_bytes(), ["sha256"]) for path in targets}
    version = current.targets.signed.version + 1
    metadata = Metadata(Targets(version=version, expires=expiry(rule, now), targets=files))
    disk.write(part / paths.metadata(version, "targets"), metadata.to_bytes())
