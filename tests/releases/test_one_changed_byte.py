"""Any one byte of a served release changed: the reader refuses, or has the very same list."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

from takedown.errors import NothingToSync, VerificationFailed
from takedown.subscribe import open_blocklist, sync, verify

MUTATIONS = 200


def test_a_changed_byte_never_changes_a_list(desk: Any, tmp_path: Path) -> None:
    desk.release(range(30))
    desk.release(range(1, 31))
    sync(desk.url, desk.root, tmp_path / "true")
    true = open_blocklist(tmp_path / "true").entries("url_sha256")
    files = sorted(path for path in desk.repository.rglob("*") if path.is_file() and path.stat().st_size)
    chance = random.Random(20261122)
    refused = 0
    for _ in range(MUTATIONS):
        path = chance.choice(files)
        data = path.read_bytes()
        at = chance.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ chance.randrange(1, 256)]) + data[at + 1 :])
        shutil.rmtree(tmp_path / "reader", ignore_errors=True)
        try:
            sync(desk.url, desk.root, tmp_path / "reader")
        except (NothingToSync, VerificationFailed):
            refused += 1
        else:
            assert open_blocklist(tmp_path / "reader").entries("url_sha256") == true
            assert verify(tmp_path / "reader").seq == 2
        path.write_bytes(data)
    assert refused > MUTATIONS // 5  # many files are of older releases, and are not read
