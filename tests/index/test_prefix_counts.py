"""What stands under a short prefix is counted like text: rows, and the different digests among them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.sample import Sample
from takedown.errors import BadKey
from takedown.index import Index, add_sources, build_index, exact, open_index, prefixes
from takedown.keys import url_sha256

# Few values, so that prefixes are shared and keys repeat; the extremes probe the edges of buckets.
KEYS = st.one_of(
    st.sampled_from([0, 1, 1 << 57, (1 << 57) - 1, (1 << 64) - 1]),
    st.integers(0, 7).map(lambda n: n << 60),
    st.integers(0, (1 << 64) - 1),
)


class OnePart:
    """A part as ``prefixes.count`` sees it."""

    def __init__(self, keys: list[int], folder: str, by: str | None = None) -> None:
        out = Path(folder) / f"part-{len(list(Path(folder).iterdir()))}"
        exact.build(np.array(keys, dtype=np.uint64), out)
        self.by, self._keys = by, exact.open(out)

    def exact(self, kind: str) -> exact.Exact | None:
        return self._keys if kind == "url_sha256" else None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(KEYS, max_size=80),
    st.lists(KEYS, max_size=30),
    st.lists(st.text("0123456789abcdef", min_size=1, max_size=16), max_size=12),
)
def test_two_parts_are_counted_as_one_list_of_texts(
    first: list[int], second: list[int], some: list[str]
) -> None:
    texts = [f"{key:016x}" for key in first + second]
    asked = some + [text[:length] for text in texts[:6] for length in (1, 7, 16)]
    with tempfile.TemporaryDirectory() as folder:
        parts = [OnePart(first, folder), OnePart(second, folder)]
        found = prefixes.count(parts, "url_sha256", asked)
        assert prefixes.count(parts, "md5", asked) is None
    assert found is not None
    under = [[text for text in texts if text.startswith(prefix)] for prefix in asked]
    assert found.rows.tolist() == [len(some) for some in under]
    assert found.digests.tolist() == [len(set(some)) for some in under]


def test_blocks_do_not_change_the_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = np.random.default_rng(1).integers(0, 1 << 63, 3000).tolist()
    parts = [OnePart(keys + keys[:500], str(tmp_path))]
    asked = [f"{n:02x}" for n in range(256)]
    whole = prefixes.count(parts, "url_sha256", asked)
    monkeypatch.setattr(prefixes, "_BLOCK", 7)
    cut = prefixes.count(parts, "url_sha256", asked)
    assert whole is not None
    assert cut is not None
    assert whole.rows.tolist() == cut.rows.tolist()
    assert whole.digests.tolist() == cut.digests.tolist()
    assert int(whole.digests.sum()) == 3000


def test_what_others_attached_does_not_count(tmp_path: Path) -> None:
    own, attached = OnePart([1, 2], str(tmp_path)), OnePart([3, 4], str(tmp_path), by="someone")
    found = prefixes.count([own, attached], "url_sha256", ["0"])
    assert found is not None
    assert found.rows.tolist() == [2]
    assert prefixes.count([attached], "url_sha256", ["0"]) is None


def test_a_real_index_that_has_grown_counts_every_address_once(sample: Sample, tmp_path: Path) -> None:
    """The same rows came twice: they cost twice, and hide nothing more."""
    build_index(tmp_path / "index", [sample.pictures], name="sample")
    (tmp_path / "again").mkdir()
    for file in sample.pictures.iterdir():
        (tmp_path / "again" / file.name).write_bytes(file.read_bytes())
    add_sources(tmp_path / "index", [tmp_path / "again"])
    index: Index = open_index(tmp_path / "index")
    addresses = {row.url for row in index.rows(range(index.info.rows)) if row.url}
    asked = [f"{n:x}" for n in range(16)]
    found = index.count_prefixes("url_sha256", asked)
    assert found is not None
    digests = [url_sha256(address).hex() for address in addresses]
    assert found.digests.tolist() == [sum(one.startswith(digit) for one in digests) for digit in asked]
    assert int(found.rows.sum()) == index.info.coverage.url
    with pytest.raises(BadKey):
        index.count_prefixes("url_sha256", ["g"])
