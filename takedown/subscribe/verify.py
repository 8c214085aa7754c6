"""Proving the local list again from the root file on, without a network.

1. The kept targets metadata is signed under the root the folder was made with, through every later root.
2. Each edition's manifest is the target it names.
3. Each list on this disk has the ``state_sha256`` of its manifest.
"""

from __future__ import annotations

from pathlib import Path

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import TargetFile

from takedown.blocklist.rebuild import check_state
from takedown.errors import VerificationFailed
from takedown.subscribe import local
from takedown.subscribe.local import Current, LocalEdition
from takedown.subscribe.result import SyncResult, root_warnings
from takedown.subscribe.trust import verify_offline


def verify(state_dir: Path) -> SyncResult:
    """Prove the local list again, offline. Expired signatures do not matter here; sync reports those.

    Raises:
        NothingToSync: slug ``no-list``: nothing was synced yet.
        VerificationFailed: something on this disk was altered.
    """
    current = local.need_current(state_dir)
    prove(state_dir, current)
    return SyncResult(current.seq, current.rows, root_warnings((state_dir / local.ROOT).read_bytes()))


def is_whole(state_dir: Path, current: Current) -> bool:
    """True when ``prove`` finds nothing wrong."""
    try:
        prove(state_dir, current)
    except VerificationFailed:
        return False
    return True


def prove(state_dir: Path, current: Current) -> None:
    """Nothing when every file of a kept list is as it was signed, or as sync wrote it.

    Raises:
        VerificationFailed: something on this disk was altered.
    """
    try:
        root = (state_dir / local.ROOT).read_bytes()
        targets = (current.folder / local.TARGETS).read_bytes()
    except OSError as error:
        raise local.altered() from error
    history = state_dir / local.METADATA / "root_history"
    release = verify_offline(root, history, targets, current.root_version)
    if release.seq != current.seq or set(release.manifests) != set(current.editions):
        raise local.altered()
    for name, kept in current.editions.items():
        _verify_edition(kept, release.manifests[name])


def _verify_edition(kept: LocalEdition, target: TargetFile) -> None:
    try:
        target.verify_length_and_hashes((kept.folder / target.path).read_bytes())
    except (OSError, LengthOrHashMismatchError) as error:
        raise local.altered() from error
    check_state(kept.manifest, local.read_local(kept))
