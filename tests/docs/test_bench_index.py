"""What the benchmark of the index rests on: planted neighbours are where they are said to be."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from takedown.index.linear import Linear

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))

from bench import codes, peers  # noqa: E402 - the folder of the benchmark is found from here on


def test_planted_neighbours_are_all_that_is_near(tmp_path: Path) -> None:
    planted = codes.write(tmp_path, 5_000, 100)
    hits = Linear(planted.codes).search(planted.queries, codes.FARTHEST + 20)
    order = np.lexsort((hits.row, hits.query))
    assert np.array_equal(hits.query[order], planted.query)
    assert np.array_equal(hits.row[order], planted.row)
    assert np.array_equal(hits.distance[order], planted.distance)


def test_every_distance_occurs_among_few_queries(tmp_path: Path) -> None:
    planted = codes.write(tmp_path, 5_000, 100)
    assert set(planted.distance[planted.query < 41].tolist()) == set(range(codes.FARTHEST + 1))
    assert len(planted.within(31, queries=41)) == 4 * 32


def test_the_same_arguments_give_the_same_codes(tmp_path: Path) -> None:
    first = codes.write(tmp_path, 2_000, 20)
    (tmp_path / "again").mkdir()
    again = codes.write(tmp_path / "again", 2_000, 20)
    assert np.array_equal(first.codes, again.codes)
    assert np.array_equal(first.queries, codes.load(tmp_path, 2_000).queries)


def test_a_missing_peer_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setitem(sys.modules, "threatexchange.signal_type.pdq.signal", None)
    for make in peers.PEERS.values():
        with pytest.raises(peers.MissingPeerError, match=r"is not installed\. Run this through make bench"):
            make()
