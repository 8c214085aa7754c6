"""Proving the local list again from the root file on, without a network.

1. The kept targets metadata is signed under the root the folder was made with, through every later root.
2. Each edition's manifest is the target it names.
3. Each list on this disk has the ``state_sha256`` of its manifest, and each look-up table finds all of it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import TargetFile

from takedown.blocklist.pieces import sealed
from takedown.blocklist.rebuild import check_state
from takedown.errors import VerificationFailed
from takedown.subscribe import store
from takedown.subscribe.result import SyncResult, root_warnings
from takedown.subscribe.store import Current, LocalEdition
from takedown.subscribe.tables import check_tables
from takedown.subscribe.trust import verify_offline


def verify(state_dir: Path) -> SyncResult:
    """Prove the local list again, offline. Expired signatures do not matter here; sync reports those.

    Raises:
        NothingToSync: slug ``no-list``: nothing was synced yet.
        VerificationFailed: something on this disk was altered.
    """
    current = store.need_current(state_dir)
    prove(state_dir, current)
    return SyncResult(current.seq, current.rows, root_warnings((state_dir / store.ROOT).read_bytes()))


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
        root = (state_dir / store.ROOT).read_bytes()
        targets = (current.folder / store.TARGETS).read_bytes()
    except OSError as error:
        raise store.altered(error) from error
    history = state_dir / store.METADATA / store.ROOT_HISTORY
    release = verify_offline(root, history, targets, current.root_version)
    if release.seq != current.seq or set(release.manifests) != set(current.editions):
        raise store.altered()
    for name, kept in current.editions.items():
        _verify_edition(kept, release.manifests[name])


def _verify_edition(kept: LocalEdition, target: TargetFile) -> None:
    try:
        data = (kept.folder / target.path).read_bytes()
        target.verify_length_and_hashes(data)
    except (OSError, LengthOrHashMismatchError) as error:
        raise store.altered(error) from error
    # Another manifest can lie beside the signed one, and be the one in use.
    if hashlib.sha256(data).hexdigest() != kept.manifest_sha256:
        raise store.altered()
    for _ in sealed(
        check_tables(kept), kept.manifest.prefix_hex, lambda seal: check_state(kept.manifest, seal)
    ):
        pass
