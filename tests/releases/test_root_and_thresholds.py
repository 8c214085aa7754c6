"""Keys change hands by a new root; too few signatures are never enough."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata, Root

from takedown import publish as writer
from takedown.errors import UsageError, VerificationFailed
from takedown.publish.keyring import create, load
from takedown.subscribe import sync, verify


def rotate(desk: Any, signers: list[str]) -> None:
    """Version 2 of root: ``targets-1`` goes, ``targets-3`` comes; signed by the root keys named."""
    root: Metadata[Root] = Metadata.from_bytes(desk.root)
    root.signed.version = 2
    gone = load(desk.keys / "targets-1.pem").public_key
    root.signed.revoke_key(gone.keyid, "targets")
    root.signed.add_key(create(desk.keys / "targets-3.pem").public_key, "targets")
    root.signatures.clear()
    for name in signers:
        root.sign(load(desk.keys / f"{name}.pem"), append=True)
    (desk.repository / "metadata/2.root.json").write_bytes(root.to_bytes())


def test_a_new_root_takes_a_targets_key_away_and_readers_follow(desk: Any, tmp_path: Path) -> None:
    early, _ = desk.stage(["a"])
    desk.sign(early, "targets-2")
    desk.publish(early)
    sync(desk.url, desk.root, tmp_path / "state")
    rotate(desk, ["root-1", "root-3"])
    staging, _ = desk.stage(["a", "b"])
    with pytest.raises(UsageError):
        desk.sign(staging, "targets-1")
    desk.sign(staging, "targets-3")
    assert desk.publish(staging) == 2
    for state in ("state", "new"):
        assert sync(desk.url, desk.root, tmp_path / state).seq == 2
        assert verify(tmp_path / state).seq == 2


@pytest.mark.parametrize("signers", [["root-1"], []])
def test_a_root_with_too_few_signatures_is_followed_by_nobody(
    desk: Any, tmp_path: Path, signers: list[str]
) -> None:
    desk.release(["a"])
    sync(desk.url, desk.root, tmp_path / "state")
    rotate(desk, signers)
    for state in ("state", "new"):
        with pytest.raises(VerificationFailed) as caught:
            sync(desk.url, desk.root, tmp_path / state)
        assert caught.value.slug == "signatures-missing"
    assert verify(tmp_path / "state").seq == 1
    with pytest.raises(VerificationFailed):
        writer.head(desk.repository)


def test_readers_count_signatures_themselves(make_desk: Callable[..., Any], tmp_path: Path) -> None:
    desk = make_desk("strict", profile="strict")
    staging, _ = desk.stage(["a"])
    desk.sign_anything(staging)  # one signature where two are needed, committed without any check
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, tmp_path / "state")
    assert caught.value.slug == "signatures-missing"
