"""How many bytes a sync takes: nothing to speak of when nothing changed, and little more than the changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from factories.releases_simulator import URL, Simulator

from takedown import publish as writer
from takedown.subscribe import sync

CHANGES = 10_000


@pytest.fixture
def sent(desk: Any, tmp_path: Path) -> Any:
    """Sync what the desk has published by now; answers bytes of bodies, and what was asked for."""

    def count() -> tuple[int, list[str]]:
        simulator = Simulator(desk.repository, desk.keys)
        result = sync(URL, desk.root, tmp_path / "state", fetcher=simulator)
        assert (result.stale, result.warnings) == (None, ())
        return simulator.sent, simulator.asked

    return count


def test_a_release_of_10000_changes_takes_40_bytes_for_each(desk: Any, sent: Any) -> None:
    desk.release(range(3 * CHANGES))
    first, _ = sent()
    assert first <= 40 * 3 * CHANGES
    desk.release(range(CHANGES // 2, 3 * CHANGES + CHANGES // 2))
    second, asked = sent()
    assert CHANGES * 32 < second <= 40 * CHANGES
    assert len(asked) == 7  # the next root (there is none), three of metadata, manifest, checkpoint, delta


def test_where_nothing_changed_two_kilobytes_are_enough(desk: Any, sent: Any) -> None:
    desk.release(range(10))
    sent()
    unchanged, asked = sent()
    assert (unchanged <= 2000, len(asked)) == (True, 2)
    writer.refresh(desk.repository, desk.keys)
    renewed, asked = sent()
    assert (renewed <= 2000, len(asked)) == (True, 3)
