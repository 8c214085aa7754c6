"""Samples of every shape are asked about by what they hold, in every process; odd input is never let pass."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import subprocess
import sys
import tarfile
import warnings
from collections.abc import Iterator, Mapping
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from factories import lists, shards
from hypothesis import given, settings
from hypothesis import strategies as st

import takedown
from takedown.blocklist.table import Table
from takedown.errors import NothingToSync, UsageError, VerificationFailed
from takedown.keys import Key, row_sha256
from takedown.loaders import Blocklist

LISTED, OTHER = "http://a.example/ä?x=%E4", "http://a.example/ä?x=%e4"
FILE, MD5 = hashlib.sha256(b"file").hexdigest(), hashlib.md5(b"file").hexdigest()


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def listing(prefix_hex: int = 64, **digests: list[str]) -> Blocklist:
    """A list in memory."""
    tables = {kind: Table.of(kind, prefix_hex, found) for kind, found in digests.items()}
    return Blocklist("research", 7, "ab" * 32, prefix_hex, "purge", tables)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lists.sync_urls(tmp_path_factory.mktemp("list"), LISTED, "http://b.example/")


URL_SAMPLES = {
    "column": lambda url: {"url": url, "caption": "c"},
    "LAION's column": lambda url: {"SAMPLE_ID": 1, "URL": url, "TEXT": "c"},
    "bytes": lambda url: {"url": url.encode()},
    "view of bytes": lambda url: {"url": memoryview(url.encode())},
    "kind of text": lambda url: {"url": type("Text", (str,), {})(url)},
    "other mapping": lambda url: MappingProxyType({"url": url}),
    "parsed member": lambda url: {"__key__": "0", "__url__": "a.tar", "jpg": b"", "json": {"url": url}},
    "member in bytes": lambda url: {"__key__": "0", "json": json.dumps({"url": url}).encode()},
    "member in text": lambda url: {"json": json.dumps({"url": url}, ensure_ascii=False)},
    "null beside the member": lambda url: {"url": None, "json": {"url": url}},
    "member of a member": lambda url: {"url": url, "json": {"url": "http://c.example/"}},
}


@pytest.mark.parametrize("form", URL_SAMPLES)
def test_an_address_is_found_wherever_loaders_put_it(state, form):
    blocklist = Blocklist.open(state)
    assert not blocklist.keep(URL_SAMPLES[form](LISTED))
    assert blocklist.keep(URL_SAMPLES[form](OTHER))
    assert not blocklist.uncheckable


NO_ADDRESS = [
    {},
    {"__url__": LISTED, "__key__": LISTED, "txt": LISTED},
    {"url": None, "URL": None},
    {"url": float("nan")},
    {"json": None},
    {"json": b"\xff"},
    {"json": b"[]"},
    {"json": "{"},
    {"json": b"[" * 100_000},
    {"json": {"json": {"url": LISTED}}},
    {"json": json.dumps({"json": {"url": LISTED}})},
    {"json": 7},
    {"json": {"url": None}},
]


@pytest.mark.parametrize("sample", NO_ADDRESS, ids=lambda sample: repr(sample)[:40])
def test_a_sample_without_an_address_is_kept_and_counted(state, sample):
    blocklist = Blocklist.open(state)
    assert blocklist.keep(sample)
    assert blocklist.uncheckable == {"null-url": 1}


@pytest.mark.parametrize(
    "sample",
    [
        {"url": [LISTED, OTHER]},
        {"url": 7},
        {"json": {"url": {"a": LISTED}}},
        (b"jpg", {"url": LISTED}),
        [{"url": LISTED}],
        LISTED,
        None,
    ],
    ids=repr,
)
def test_what_is_no_single_sample_is_never_waved_through(state, sample):
    with pytest.raises(UsageError) as caught:
        Blocklist.open(state).keep(sample)
    assert caught.value.slug == "sample-form"
    assert caught.value.sentence.count("a mapping") == 1


def test_a_list_in_the_home_folder_can_be_named_with_a_tilde(state, monkeypatch):
    monkeypatch.setenv("HOME", str(state.parent))
    assert not Blocklist.open(f"~/{state.name}").keep({"url": LISTED})


def test_each_kind_asks_for_what_it_names():
    blocklist = listing(
        row_sha256=[row_sha256("u", "c").hex(), row_sha256("u", None).hex(), row_sha256(None, "d").hex()],
        img_sha256=[FILE],
        img_md5=[MD5],
    )
    named: list[Mapping[str, Any]] = [
        {"url": "u", "caption": "c"},
        {"URL": "u", "TEXT": "c"},
        {"json": {"url": "u"}, "txt": b"c"},
        {"url": "u"},
        {"text": "d"},
        {"sha256": FILE},
        {"sha256": FILE.upper()},
        {"sha256": bytes.fromhex(FILE)},
        {"json": {"sha256": FILE, "url": "v"}},
        {"md5": MD5},
        {"MD5": bytes.fromhex(MD5)},
    ]
    assert [blocklist.keep(sample) for sample in named] == [False] * len(named)
    blocklist.uncheckable.clear()
    kept: list[Mapping[str, Any]] = [
        {"url": "v", "caption": "c", "sha256": sha("f"), "md5": "00" * 16},
        {"url": "v", "sha256": MD5, "md5": FILE},
        {"sha256": "zz" * 32, "md5": ""},
        {"jpg": b"file"},
    ]
    assert [blocklist.keep(sample) for sample in kept] == [True] * len(kept)
    assert blocklist.uncheckable == {"null-url-and-caption": 2, "no-sha256": 3, "no-md5": 3}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.text(max_size=8), max_size=30), st.integers(1, 64), st.data())
def test_the_samples_that_stay_are_those_a_set_would_leave(urls, prefix_hex, data):
    there = [url for url in urls if url is not None]
    listed = data.draw(st.sets(st.sampled_from(there))) if there else set()
    cut = {hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:prefix_hex] for url in listed}
    blocklist = listing(prefix_hex, url_sha256=sorted(cut))
    samples = [{"url": url, "n": n} for n, url in enumerate(urls)]
    expected = [
        s
        for s in samples
        if s["url"] is None
        or hashlib.sha256(s["url"].encode("utf-8", "surrogatepass")).hexdigest()[:prefix_hex] not in cut
    ]
    assert list(blocklist.filter(samples)) == expected
    assert list(filter(blocklist.keep, samples)) == expected


def tar_samples(path: Path) -> Iterator[dict[str, Any]]:
    """The samples of a shard, grouped as webdataset does it."""
    sample: dict[str, Any] = {}
    with tarfile.open(path) as tar:
        for member in tar:
            key, _, name = member.name.partition(".")
            if sample and sample["__key__"] != key:
                yield sample
                sample = {}
            content = tar.extractfile(member)
            assert content is not None
            sample |= {"__key__": key, "__url__": str(path), name: content.read()}
    yield sample


def test_a_stage_takes_the_listed_samples_out_of_a_shard(tmp_path):
    (records,) = shards.img2dataset(tmp_path / "in", shards=1, rows=6, failed=())
    blocklist = Blocklist.open(lists.sync_urls(tmp_path, records[1]["url"], records[4]["url"]))
    samples: Any = tar_samples(tmp_path / "in" / "00000.tar")
    for stage in (blocklist.filter, iter):
        samples = stage(samples)
    assert [sample["__key__"] for sample in samples] == [records[n]["key"] for n in (0, 2, 3, 5)]


def _work(blocklist: Blocklist, urls: list[str], answers: Any) -> None:
    answers.put(([blocklist.keep({"url": url}) for url in urls], "pyarrow" in sys.modules))


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_workers_share_the_list_however_they_start(state, start):
    blocklist = Blocklist.open(state)
    context = multiprocessing.get_context(start)
    answers = context.Queue()
    workers = [context.Process(target=_work, args=(blocklist, [LISTED, OTHER], answers)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert [answers.get(timeout=60)[0] for _ in workers] == [[False, True]] * 2
    for worker in workers:
        worker.join()


def test_asking_is_possible_without_pyarrow_in_the_worker(state):
    sent = bytes(ForkingPickler.dumps(Blocklist.open(state).keep))
    assert len(sent) < 2_000  # the place of the list, not the list
    code = (
        "import pickle, sys\n"
        "keep = pickle.load(sys.stdin.buffer)\n"
        f"print(keep({{'url': {LISTED!r}}}), keep({{'url': 'x'}}))\n"
        "print([name for name in ('pyarrow', 'tuf', 'numba') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True)
    assert run.stdout.split() == [b"False", b"True", b"[]"]


def test_a_worker_that_starts_after_a_newer_list_says_so(tmp_path):
    state = lists.sync_urls(tmp_path, LISTED)
    sent = ForkingPickler.dumps(Blocklist.open(state))
    (folder,) = (state / "lists").iterdir()
    folder.rename(tmp_path / "gone")
    with pytest.raises(VerificationFailed) as caught:
        ForkingPickler.loads(sent)
    assert caught.value.slug == "list-replaced"


def test_an_open_list_outlives_the_sync_that_replaces_it(tmp_path):
    state = lists.sync_urls(tmp_path, LISTED)
    blocklist = Blocklist.open(state)
    for path in sorted((state / "lists").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert not blocklist.keep({"url": LISTED})
    assert blocklist.keep({"url": OTHER})


def test_it_warns_once_when_nothing_says_any_more_that_the_list_is_the_newest(tmp_path):
    state = lists.sync_urls(tmp_path, LISTED)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Blocklist.open(state)
    (state / "metadata" / "timestamp.json").unlink()
    with pytest.warns(UserWarning, match="takedown sync") as told:
        blocklist = Blocklist.open(state)
    assert len(told) == 1
    assert told[0].filename == __file__
    assert not blocklist.keep({"url": LISTED})


def test_what_cannot_be_opened_says_what_to_do(tmp_path, state):
    with pytest.raises(NothingToSync):
        Blocklist.open(tmp_path)
    with pytest.raises(UsageError):
        Blocklist.open(state, "no-such-edition")
    assert Blocklist.open(str(state), "research").edition == "research"


def test_an_altered_list_is_not_opened(tmp_path):
    state = lists.sync_keys(tmp_path, [Key("url_sha256", sha(LISTED)), Key("img_md5", MD5)])
    blocklist = Blocklist.open(state)
    table = blocklist.table("url_sha256")
    assert table is not None
    assert table.path is not None
    content = bytearray(table.path.read_bytes())
    content[70] ^= 1
    table.path.unlink()
    table.path.write_bytes(content)
    with pytest.raises(VerificationFailed):
        Blocklist.open(state)


def test_the_package_gives_the_name_away_and_brings_in_little():
    assert takedown.Blocklist is Blocklist
    with pytest.raises(AttributeError):
        _ = takedown.Blocklists  # type: ignore[attr-defined]
    code = (
        "import sys, takedown.loaders\n"
        "print([name for name in ('pyarrow', 'tuf', 'numba') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


@pytest.mark.parametrize(
    "sample",
    [
        {"URL": "u", "TEXT": "c", "caption": "written anew"},
        {"url": "u", "caption": "c", "text": "written anew"},
        {"jpg": b"", "txt": "written anew", "json": {"url": "u", "caption": "c"}},
        {"jpg": b"", "txt": "c", "json": {"url": "u", "caption": None}},
    ],
)
def test_of_several_captions_the_one_counts_that_apply_takes(sample: dict[str, Any]) -> None:
    assert not listing(row_sha256=[row_sha256("u", "c").hex()]).keep(sample)
