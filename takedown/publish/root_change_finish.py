"""Putting a signed change of keys into force.

Readers take a new root as soon as it is there, without waiting for a new timestamp. So everything that the
new root must accept is put in place first, signed by old and new keys alike, and the root comes last:

1. Under the repository's lock: the change must be the next one, and signed by enough keys of the present root
   and of the new one.
2. N.targets.json, where the new root would not accept the signatures that the lists have now.
3. N.snapshot.json and timestamp.json by old and new online keys: valid under either root.
4. N+1.root.json. A reader that has it finds 2 and 3 signed by its keys; one that has not, by the old ones.

A new repository gets root and empty lists first and timestamp.json last: before that there is none.

Killed anywhere, what stands is valid, and a rerun completes it. One thing is weaker where old keys are lost:
then 3 is not valid under the old root, and a reader that comes between the two renames has to come again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Root, Targets

from takedown import disk
from takedown.blocklist import paths
from takedown.errors import UsageError, VerificationFailed
from takedown.publish.behind import refuse_behind
from takedown.publish.commit import settle, sign_online
from takedown.publish.key_places import refuse_together
from takedown.publish.keyring import load_online
from takedown.publish.repository import LOCK, Head, load_head
from takedown.publish.root_change_folder import Change, file_name, is_signed, load_change, load_roots
from takedown.publish.root_change_sign import Needed, needed

_ONLINE = ("snapshot", "timestamp")


def finish(
    folder: Path,
    repository: Path,
    online_keys: Path,
    *,
    old_keys_lost: bool = False,
    now: datetime | None = None,
) -> Path:
    """Put a signed change of keys into the repository. Safe to run again after a crash at any moment.

    Args:
        folder: of the change.
        repository: the release repository; made here when the change is a new one's.
        online_keys: holds the snapshot and timestamp keys, old and new ones where they are replaced.
        old_keys_lost: go on without signatures of old snapshot, timestamp or targets keys. Never without
            those of the old root keys.
        now: the moment of signing; the clock when None.

    Returns:
        The newest root file of the repository.

    Raises:
        UsageError: slugs ``not-signed``, ``old-keys-missing``, ``not-next``, ``lists-moved-on``,
            ``change-expired``, ``keys-in-repository``; or the online keys are not the new root's.
        VerificationFailed: the change or the repository does not verify.
    """
    with disk.locked(repository / LOCK):
        change = load_change(folder, now=now)
        _check_signed(change, Root.type)
        _check_fresh(change, now)
        if change.before is None:
            _finish_new(change, repository, online_keys, now)
        else:
            _finish_next(change, repository, online_keys, old_keys_lost, now)
        settle(repository, load_head(repository))
    return repository / paths.metadata(change.after.version, "root")


def _check_signed(change: Change, role: str) -> None:
    """The root by present and new keys, always; the lists by those that will be in force."""
    for need in needed(change):
        decides = role == Root.type or need.by == "after" or change.root is None
        if need.role == role and decides and not need.enough:
            raise UsageError(_missing(need), slug="not-signed")


def _check_fresh(change: Change, now: datetime | None) -> None:
    if any(one.signed.is_expired(now or datetime.now(UTC)) for one in change.names.values()):
        sentence = "The change waited until its signatures expired; propose it again."
        raise UsageError(sentence, slug="change-expired")


def _missing(need: Needed) -> str:
    whose = "present" if need.by == "before" else "new"
    names = ", ".join(str(key) for key in need.missing)
    return (
        f"{need.file} has {len(need.have)} of {need.threshold} signatures by the {whose} {need.role} keys; "
        f"it can be signed by {names}."
    )


def _finish_new(change: Change, repository: Path, online_keys: Path, now: datetime | None) -> None:
    if (repository / paths.TIMESTAMP).exists():
        if load_roots(repository)[0].signed == change.after:
            return
        raise UsageError(f"{repository} already holds a release repository; choose an empty folder.")
    _check_signed(change, Targets.type)
    refuse_together(online_keys, repository)
    for role in _ONLINE:
        load_online(online_keys, role, change.after)  # asked before anything is written
    for metadata in change.names.values():
        _write(repository, metadata)
    targets = change.targets
    if targets is None:  # ``load_change`` refuses this
        raise VerificationFailed("The change holds no lists to begin with; propose it again.")
    sign_online(repository, online_keys, change.after, targets, versions=(1, 1), now=now)


def _finish_next(
    change: Change, repository: Path, online_keys: Path, old_keys_lost: bool, now: datetime | None
) -> None:
    newest = load_roots(repository)[-1]
    if change.root is not None and newest.signed_bytes == change.root.signed_bytes:
        return
    if newest.signed_bytes != change.roots[-1].signed_bytes:
        sentence = "The change was proposed for another root than the repository has now; propose it again."
        raise UsageError(sentence, slug="not-next")
    head = _head(repository, newest, change.root)
    refuse_behind(repository, head)
    targets = _targets(change, head)
    if targets is not head.targets:
        _check_signed(change, Targets.type)
    if targets is not head.targets or not _accepts(change.after, head):
        if not old_keys_lost:
            _check_old_keys(change, online_keys, targets is not head.targets)
        if targets is not head.targets:
            _write(repository, targets)
        sign_online(
            repository,
            online_keys,
            change.after,
            targets,
            versions=(head.snapshot.signed.version + 1, head.timestamp.signed.version + 1),
            now=now,
            before=change.before,
        )
    if change.root is not None:
        _write(repository, change.root)


def _head(repository: Path, newest: Metadata[Root], new: Metadata[Root] | None) -> Head:
    """What stands, by the present root; or by the new one, where a killed run had lost old keys."""
    try:
        return load_head(repository, newest)
    except VerificationFailed:
        if new is None:
            raise
        return load_head(repository, new)


def _targets(change: Change, head: Head) -> Metadata[Any]:
    """The lists to commit to: those that stand, or the ones signed anew.

    Raises:
        UsageError: slug ``not-next``: a release was published since the change was proposed.
    """
    new = change.targets
    if new is None or head.targets.signed_bytes == new.signed_bytes:
        stands = is_signed(change.after, head.targets)
    elif change.root is not None and is_signed(change.after, head.targets):
        return head.targets
    else:
        follows = new.signed.version == head.targets.signed.version + 1
        if follows and new.signed.targets == head.targets.signed.targets:
            return new
        stands = False
    if not stands:
        raise UsageError(
            "A release was published after this change was proposed; propose it again (with --root-of its "
            "root keeps the signatures that it has).",
            slug="lists-moved-on",
        )
    return head.targets


def _accepts(root: Root, head: Head) -> bool:
    metadata: tuple[Metadata[Any], ...] = (head.timestamp, head.snapshot, head.targets)
    return all(is_signed(root, one) for one in metadata)


def _check_old_keys(change: Change, online_keys: Path, lists_too: bool) -> None:
    """Readers notice nothing as long as everything new is signed by old keys too."""
    before = change.before
    if before is None or change.root is None:
        return
    for need in needed(change):
        if lists_too and not need.enough:
            raise _old_missing(_missing(need).rstrip("."))
    for role in _ONLINE:
        signers = load_online(online_keys, role, change.after, before)
        if not {signer.public_key.keyid for signer in signers} & set(before.roles[role].keyids):
            raise _old_missing(f"The present {role} key is not in {online_keys}")


def _old_missing(what: str) -> UsageError:
    return UsageError(
        f"{what}; without that, readers who come at the moment of the change are refused once. "
        "Use --old-keys-lost if it cannot be had.",
        slug="old-keys-missing",
    )


def _write(repository: Path, metadata: Metadata[Any]) -> None:
    disk.write(repository / "metadata" / file_name(metadata), metadata.to_bytes())
