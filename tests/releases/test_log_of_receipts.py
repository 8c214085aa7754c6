"""The log of receipts: its tree by RFC 6962, its leaves by our format, and what staging makes of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tuf.api.metadata import Metadata, TargetFile

from takedown import publish as writer
from takedown.blocklist import canonical, checkpoint, leaves, paths
from takedown.blocklist.leaves import ACTIONS, LEAF_BYTES, PADDED, Record
from takedown.blocklist.log import (
    BLOCK,
    EMPTY_ROOT,
    Frontier,
    Rows,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from takedown.errors import BadKey, VerificationFailed
from takedown.publish import EditionDraft

KEY = bytes(range(32))
DIGESTS = {"url_sha256": "ab" * 32, "row_sha256": "cd" * 32, "img_sha256": "ef" * 32, "img_md5": "12" * 16}


def naive_root(found: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not found:
        return hashlib.sha256(b"").digest()
    if len(found) == 1:
        return hashlib.sha256(b"\0" + found[0]).digest()
    k = 1
    while k * 2 < len(found):
        k *= 2
    return hashlib.sha256(b"\1" + naive_root(found[:k]) + naive_root(found[k:])).digest()


def naive_path(m: int, found: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1."""
    if len(found) == 1:
        return []
    k = 1
    while k * 2 < len(found):
        k *= 2
    if m < k:
        return [*naive_path(m, found[:k]), naive_root(found[k:])]
    return [*naive_path(m - k, found[k:]), naive_root(found[:k])]


def naive_subproof(m: int, found: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """RFC 6962, section 2.1.2."""
    if m == len(found):
        return [] if whole else [naive_root(found)]
    k = 1
    while k * 2 < len(found):
        k *= 2
    if m <= k:
        return [*naive_subproof(m, found[:k], whole), naive_root(found[k:])]
    return [*naive_subproof(m - k, found[k:], False), naive_root(found[:k])]


def numbered(count: int) -> list[bytes]:
    return [number.to_bytes(4, "big") * 3 for number in range(count)]


sizes = st.integers(1, 300)


@settings(deadline=None, max_examples=300)
@given(size=sizes, data=st.data())
def test_inclusion_proofs_verify_and_any_change_fails(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    rows = numbered(size)
    tree = Tree(rows)
    proof, root = tree.inclusion(index), tree.root()
    assert (root, proof) == (naive_root(rows), naive_path(index, rows))
    assert verify_inclusion(rows[index], index, size, proof, root)

    other = data.draw(st.integers(0, size - 1))
    assert verify_inclusion(rows[other], index, size, proof, root) == (other == index)
    assert verify_inclusion(rows[index], other, size, proof, root) == (other == index)
    assert not verify_inclusion(rows[index], index, size, [*proof, EMPTY_ROOT], root)
    assert not verify_inclusion(rows[index] + b"\0", index, size, proof, root)
    assert not verify_inclusion(rows[index], index, size, proof, leaf_hash(root))
    for at in range(len(proof)):
        assert not verify_inclusion(rows[index], index, size, proof[:at] + proof[at + 1 :], root)
        byte = data.draw(st.integers(0, 31))
        flipped = bytearray(proof[at])
        flipped[byte] ^= 1 << data.draw(st.integers(0, 7))
        assert not verify_inclusion(
            rows[index], index, size, [*proof[:at], bytes(flipped), *proof[at + 1 :]], root
        )


def test_every_leaf_of_every_tree_up_to_130_leaves_is_proven() -> None:
    for size in range(1, 131):
        rows = numbered(size)
        tree, root = Tree(rows), naive_root(rows)
        assert all(verify_inclusion(rows[at], at, size, tree.inclusion(at), root) for at in range(size))


@settings(deadline=None)
@given(size=sizes, data=st.data())
def test_consistency_proofs_verify_and_any_change_fails(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    rows = numbered(size)
    tree = Tree(rows)
    proof, roots = tree.consistency(old), (tree.root(old), tree.root())
    assert proof == (naive_subproof(old, rows) if old else [])
    assert verify_consistency(old, size, proof, *roots)
    assert not verify_consistency(old, size, [*proof, EMPTY_ROOT], *roots)
    if 0 < old < size:
        assert not verify_consistency(old, size, proof, leaf_hash(roots[0]), roots[1])
        assert not verify_consistency(old, size, proof, roots[0], leaf_hash(roots[1]))
        for at in range(len(proof)):
            assert not verify_consistency(old, size, proof[:at] + proof[at + 1 :], *roots)
        rewritten = Tree([b"x", *rows[1:]])
        assert not verify_consistency(old, size, rewritten.consistency(old), roots[0], rewritten.root())


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, 60), max_size=5))
def test_a_frontier_grown_in_any_steps_has_the_root_of_the_whole(cuts: list[int]) -> None:
    rows, frontier, done = numbered(sum(cuts)), Frontier(), 0
    for cut in cuts:
        frontier, done = frontier.grown(rows[done : done + cut]), done + cut
    assert (frontier.size, frontier.root) == (len(rows), naive_root(rows))
    assert Tree(rows).frontier() == frontier


def test_trees_larger_than_a_block_are_the_same_trees() -> None:
    rows = numbered(5 * BLOCK + 77)
    tree = Tree(Rows(b"".join(rows), 12))
    assert tree.root() == naive_root(rows)
    assert tree.frontier() == Frontier().grown(rows)
    for index in (0, BLOCK - 1, BLOCK, 4 * BLOCK + 3, len(rows) - 1):
        assert tree.inclusion(index) == naive_path(index, rows)
    for old in (1, BLOCK, BLOCK + 1, 4 * BLOCK, 5 * BLOCK + 76):
        assert tree.consistency(old) == naive_subproof(old, rows)


def test_the_roots_of_known_logs() -> None:
    """The leaves and roots that Certificate Transparency's implementations share as test data."""
    rows = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243")]
    assert Tree(rows).root(0).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Tree(rows).root(1).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert Tree(rows).root(2).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert Tree(rows).root(6).hex() == "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"


def test_a_leaf_is_no_node() -> None:
    one, two = leaf_hash(b"1"), leaf_hash(b"2")
    assert leaf_hash(one + two) != node_hash(one, two)


records = st.builds(
    lambda action, kind: Record(KEY, action, kind, DIGESTS.get(kind or "")),
    st.sampled_from(sorted(ACTIONS)),
    st.sampled_from([None, *DIGESTS]),
)


@settings(deadline=None)
@given(record=records, seq=st.integers(1, 2**40), i=st.integers(0, 2**32 - 1))
def test_a_leaf_opens_for_its_receipt_and_place_alone(record: Record, seq: int, i: int) -> None:
    leaf = leaves.seal(record, seq, i)
    assert len(leaf) == LEAF_BYTES
    assert leaf[:16] == leaves.tag(KEY, seq, i)
    opened = leaves.open_leaf(KEY, seq, i, leaf)
    assert (opened.action, opened.kind, opened.digest) == (record.action, record.kind, record.digest)
    for wrong in ((bytes(32), seq, i), (KEY, seq + 1, i), (KEY, seq, (i + 1) % 2**32)):
        with pytest.raises(VerificationFailed, match="does not open"):
            leaves.open_leaf(*wrong, leaf)


@settings(deadline=None)
@given(at=st.integers(0, LEAF_BYTES - 1), bit=st.integers(0, 7))
def test_a_leaf_with_any_bit_changed_does_not_open(at: int, bit: int) -> None:
    leaf = bytearray(leaves.seal(Record(KEY, "added", "url_sha256", "ab" * 32), 3, 0))
    leaf[at] ^= 1 << bit
    with pytest.raises(VerificationFailed) as caught:
        leaves.open_leaf(KEY, 3, 0, bytes(leaf))
    assert caught.value.slug == "leaf-unreadable"


@pytest.mark.parametrize("cut", [0, 15, 27, LEAF_BYTES - 1])
def test_a_leaf_cut_short_does_not_open(cut: int) -> None:
    leaf = leaves.seal(Record(KEY, "refused"), 3, 0)
    with pytest.raises(VerificationFailed):
        leaves.open_leaf(KEY, 3, 0, leaf[:cut])


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 600])
def test_leaves_are_padded_to_a_multiple_and_never_none(count: int) -> None:
    data = leaves.leaves(9, [Record(KEY, "added", "url_sha256", "ab" * 32)] * count)
    rows = list(Rows(data, LEAF_BYTES))
    assert len(rows) == max(PADDED, -(-count // PADDED) * PADDED)
    tags = {row[:16] for row in rows}
    assert len(tags) == len(rows)
    assert all(leaves.tag(KEY, 9, i) in tags for i in range(count))
    assert leaves.tag(KEY, 9, count) not in tags


def test_leaves_are_shuffled() -> None:
    made = [Record(KEY, "added", "url_sha256", "ab" * 32)] * 256
    places = []
    for _ in range(2):
        rows = [row[:16] for row in Rows(leaves.leaves(9, made), LEAF_BYTES)]
        places.append([rows.index(leaves.tag(KEY, 9, i)) for i in range(256)])
    assert places[0] != places[1]
    assert all(place != sorted(place) for place in places)


def test_staged_anew_the_same_record_is_sealed_otherwise() -> None:
    one, two = (leaves.seal(Record(KEY, "added", "url_sha256", "ab" * 32), 3, 0) for _ in range(2))
    assert one[:16] == two[:16]
    assert one[16:28] != two[16:28]
    assert one[28:] != two[28:]


@pytest.mark.parametrize(
    ("record", "error"),
    [
        (Record(KEY, "burnt", "url_sha256", "ab" * 32), ValueError),
        (Record(b"short", "added", "url_sha256", "ab" * 32), ValueError),
        (Record(KEY, "added", "pdq", "ab" * 32), BadKey),
        (Record(KEY, "added", "url_sha256", "AB" * 32), BadKey),
        (Record(KEY, "added", "url_sha256", "ab" * 16), BadKey),
        (Record(KEY, "added", "url_sha256", None), BadKey),
        (Record(KEY, "added", None, "ab" * 32), BadKey),
    ],
    ids=range(7),
)
def test_records_that_make_no_sense_are_refused(record: Record, error: type[Exception], desk: Any) -> None:
    with pytest.raises(error):
        stage(desk, [record])
    assert not (desk.folder / "staging-1").exists()


def test_a_record_does_not_show_its_key() -> None:
    assert "1f" not in repr(Record(bytes.fromhex("1f" * 32), "added"))


# -- staging, review and publishing ------------------------------------------------------------------------


def stage(desk: Any, records: Sequence[Record]) -> Path:
    found: Path = desk.stage_drafts([EditionDraft("research", [])], records=records)[0]
    return found


def release(desk: Any, records: Sequence[Record] = ()) -> None:
    staging = stage(desk, records)
    desk.sign(staging)
    desk.publish(staging)


def test_each_release_appends_a_file_and_its_manifests_name_the_root(desk: Any) -> None:
    release(desk)
    release(desk, [Record(KEY, "added", "url_sha256", "ab" * 32)] * 257)
    folder = desk.repository / "log"
    files = [(folder / f"leaves-00000{seq}.bin").read_bytes() for seq in (1, 2)]
    assert [len(data) // LEAF_BYTES for data in files] == [256, 512]
    manifest = json.loads((desk.repository / "editions/research/manifest-000002.json").read_bytes())
    root = naive_root(list(Rows(b"".join(files), LEAF_BYTES))).hex()
    assert manifest["log"] == {"size": 768, "root": root}
    first = checkpoint.read((folder / "checkpoint-000001.json").read_bytes(), 1)
    second = checkpoint.read((folder / "checkpoint-000002.json").read_bytes(), 2)
    assert first.grown(Rows(files[1], LEAF_BYTES)) == second


def test_releases_with_and_without_records_look_alike(desk: Any) -> None:
    release(desk)
    release(desk, [Record(KEY, "added", "url_sha256", "ab" * 32)])
    sizes = {path.stat().st_size for path in (desk.repository / "log").glob("leaves-*.bin")}
    assert sizes == {PADDED * LEAF_BYTES}


def test_review_tells_how_many_leaves_come(desk: Any) -> None:
    release(desk)
    review = writer.review(desk.repository, stage(desk, [Record(KEY, "refused")] * 300))
    assert (review.leaves, review.log.size) == (512, 768)


def drop(path: Path) -> None:
    path.unlink()


def flip(path: Path) -> None:
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: PADDED * LEAF_BYTES])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + path.read_bytes())


def swap(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[LEAF_BYTES : 2 * LEAF_BYTES] + data[:LEAF_BYTES] + data[2 * LEAF_BYTES :])


@pytest.mark.parametrize("harm", [drop, flip, cut, halve, lengthen, swap])
def test_staged_leaves_that_are_not_those_of_the_checkpoint_are_not_signed(
    desk: Any, harm: Callable[[Path], None]
) -> None:
    release(desk)
    staging = stage(desk, [Record(KEY, "added", "url_sha256", "ab" * 32)] * 300)
    harm(staging / paths.leaves(2))
    for call in (lambda: desk.sign(staging), lambda: writer.review(desk.repository, staging)):
        with pytest.raises(VerificationFailed) as caught:
            call()
        assert caught.value.slug == "staging-disagrees"


@pytest.mark.parametrize("harm", [drop, flip, cut, lengthen, swap])
def test_a_published_log_that_lost_something_is_not_built_on(desk: Any, harm: Callable[[Path], None]) -> None:
    release(desk)
    release(desk)
    harm(desk.repository / paths.leaves(1))
    with pytest.raises(VerificationFailed) as caught:
        stage(desk, [])
    assert caught.value.slug == "log-broken"


def test_a_log_that_forgets_what_was_published_is_not_signed(desk: Any, tmp_path: Path) -> None:
    """The portal stages on a repository whose first leaves were replaced; the signer has the true one."""
    release(desk)
    shutil.copytree(desk.repository, tmp_path / "true")
    staging = stage(desk, [])
    data = leaves.leaves(1, [])
    forged = (
        Frontier()
        .grown(Rows(data, LEAF_BYTES))
        .grown(Rows((staging / paths.leaves(2)).read_bytes(), LEAF_BYTES))
    )
    (staging / paths.checkpoint(2)).write_bytes(checkpoint.to_bytes(2, forged))
    desk_targets(staging)
    with pytest.raises(VerificationFailed) as caught:
        writer.review(tmp_path / "true", staging)
    assert caught.value.slug == "staging-disagrees"


def desk_targets(staging: Path) -> None:
    """Let the unsigned targets metadata name the files as they are now."""
    found = next((staging / "metadata").glob("*.targets.json"))
    metadata: Any = Metadata.from_bytes(found.read_bytes())
    for name in list(metadata.signed.targets):
        metadata.signed.targets[name] = TargetFile.from_data(name, (staging / name).read_bytes(), ["sha256"])
    found.write_bytes(metadata.to_bytes())


@pytest.mark.parametrize(
    "change",
    [
        {"size": 255},
        {"size": 768},
        {"root": "00" * 32},
        {"peaks": []},
        {"peaks": ["00" * 32]},
        {"peaks": ["zz"]},
        {"peaks": None},
        {"more": 1},
        {"seq": 2},
        {"format": 2},
    ],
    ids=str,
)
def test_checkpoints_are_read_strictly(change: dict[str, Any]) -> None:
    good = json.loads(checkpoint.to_bytes(1, Frontier().grown(numbered(256))))
    assert checkpoint.read(canonical.to_bytes(good), 1).size == 256
    with pytest.raises(VerificationFailed) as caught:
        checkpoint.read(canonical.to_bytes(good | change), 1)
    assert caught.value.slug == "checkpoint-invalid"
