"""Leave listed samples out while training: one question a sample, to a list that is mapped from disk.

    blocklist = Blocklist.open("takedown-state")
    samples = filter(blocklist.keep, samples)

1. `open` reads the verified list that `takedown sync` keeps, and warns where it is out of date.
2. `keep` finds the address, and what else the list's kinds need, in a sample; it hashes and looks up.
3. Worker processes get the list by fork or by pickle; both map the same file, and none reads it whole.

A sample is a mapping as webdataset, img2dataset and the datasets library give it: columns or members by
name, and what img2dataset wrote beside a picture in the member ``json``, parsed or not. The shard that
webdataset names in ``__url__`` is never taken for the address. Once a list is open, pyarrow is not needed.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from takedown.blocklist.table import Table
from takedown.errors import UsageError, VerificationFailed
from takedown.keys import PUBLISHED_KINDS, WIDTHS

Sample = Mapping[str, Any]
S = TypeVar("S", bound=Sample)

_URLS = ("url", "URL")
_CAPTIONS = ("TEXT", "caption", "text")  # as takedown/dataset/columns.py has them
_COLUMNS = {"img_sha256": ("sha256", "SHA256"), "img_md5": ("md5", "MD5")}

_sha256 = hashlib.sha256


class Blocklist:
    """A verified list, to be asked about samples. Made by `open`; can be pickled, and used after a fork.

    Attributes:
        edition, seq, state_sha256, prefix_hex, disposition: of the list (takedown.apply.listed.Listing).
        uncheckable: reason -> samples that were kept although some kind of entry could not be compared with
            them: ``null-url`` and ``null-url-and-caption``, ``no-sha256``, ``no-md5`` (absent or malformed).
            Each process counts its own.
    """

    def __init__(
        self,
        edition: str,
        seq: int,
        state_sha256: str,
        prefix_hex: int,
        disposition: str,
        tables: Mapping[str, Table],
    ) -> None:
        self.edition, self.seq, self.state_sha256 = edition, seq, state_sha256
        self.prefix_hex, self.disposition = prefix_hex, disposition
        self.uncheckable: Counter[str] = Counter()
        self._tables = dict(tables)
        self._others = tuple(kind for kind in self._tables if kind != "url_sha256")
        self._addresses = self._tables.get("url_sha256")

    @classmethod
    def open(cls, state_dir: str | PathLike[str], edition: str | None = None) -> Blocklist:
        """Open the list that `takedown sync` keeps in a folder.

        Args:
            state_dir: the folder; ``~`` is your home.
            edition: needed only where several are kept.

        Warns:
            UserWarning: signatures of the list have expired, or it is a trial's; it is used all the same.

        Raises:
            NothingToSync: slug ``no-list``: nothing was synced yet.
            UsageError: several editions and none named, or the one named is not kept.
            VerificationFailed: the folder was altered.
        """
        from takedown.subscribe import open_blocklist

        local = open_blocklist(Path(state_dir).expanduser(), edition)
        for sentence in local.warnings:
            warnings.warn(sentence, stacklevel=2)
        tables = {kind: table for kind in PUBLISHED_KINDS if (table := local.table(kind)) is not None}
        return cls(local.edition, local.seq, local.state_sha256, local.prefix_hex, local.disposition, tables)

    def table(self, kind: str) -> Table | None:
        """All entries of a kind of PUBLISHED_KINDS; None where there are none."""
        return self._tables.get(kind)

    def keep(self, sample: Sample) -> bool:
        """Whether a sample may be used: False for one that the list names. Never changes the sample.

        A sample without an address is kept and counted in `uncheckable`, unless its caption or a digest that
        it carries is listed. Pictures are not hashed: what shards hold was made smaller and encoded anew.

        Raises:
            UsageError: what was given is no single sample: a list of them, or a tuple of members.
        """
        addresses = self._addresses
        if addresses is not None:
            url = _first(sample, _URLS)
            if url is None:
                self.uncheckable["null-url"] += 1
            elif _sha256(url).digest() in addresses:
                return False
        return not self._others or not any(self._names(kind, sample) for kind in self._others)

    def filter(self, samples: Iterable[S]) -> Iterator[S]:
        """The samples that may be used: a stage for webdataset, an IterableDataset or any other iterator."""
        return (sample for sample in samples if self.keep(sample))

    def __reduce__(self) -> tuple[Callable[..., Blocklist], tuple[Any, ...]]:
        about = (self.edition, self.seq, self.state_sha256, self.prefix_hex, self.disposition)
        # Of tables that were opened the path goes along: a worker maps the same files.
        places = {kind: table.path or table for kind, table in self._tables.items()}
        return _again, (*about, places)

    def _names(self, kind: str, sample: Sample) -> bool:
        """Whether an entry of a kind other than url_sha256 names a sample."""
        digest, reason = _of_row(sample) if kind == "row_sha256" else _of_column(kind, sample)
        if digest is None:
            self.uncheckable[reason] += 1
            return False
        return digest in self._tables[kind]


def _again(
    edition: str, seq: int, state_sha256: str, prefix_hex: int, disposition: str, places: Mapping[str, Any]
) -> Blocklist:
    """A list in another process. Raises VerificationFailed where its files are gone."""
    missing = [place for place in places.values() if isinstance(place, Path) and not place.is_file()]
    if missing:
        raise VerificationFailed(
            "A newer list was synced while this one was in use; open it again with Blocklist.open.",
            slug="list-replaced",
        )
    tables = {k: Table.open(place) if isinstance(place, Path) else place for k, place in places.items()}
    return Blocklist(edition, seq, state_sha256, prefix_hex, disposition, tables)


def _of_row(sample: Sample) -> tuple[bytes | None, str]:
    url, caption = _first(sample, _URLS), _first(sample, _CAPTIONS)
    if caption is None:  # what stands beside the picture may have been written anew for training
        caption = _first(sample, ("txt",))
    if url is None and caption is None:
        return None, "null-url-and-caption"
    return _sha256((url or b"") + b"\n" + (caption or b"")).digest(), ""


def _of_column(kind: str, sample: Sample) -> tuple[bytes | None, str]:
    names = _COLUMNS[kind]
    return _raw(_first(sample, names), WIDTHS[kind]), f"no-{names[0]}"


def _raw(value: bytes | None, width: int) -> bytes | None:
    """A digest from its hex digits, or as it is; None where it is neither."""
    if value is None:
        return None
    try:
        raw = bytes.fromhex(value.decode("ascii"))
    except ValueError:  # no hex digits, so it may be the digest itself
        raw = value
    return raw if len(raw) == width else None


def _first(sample: Sample, names: tuple[str, ...]) -> bytes | None:
    """The bytes of the first of these that a sample has, itself or in its member ``json``."""
    try:
        for name in names:
            value = sample.get(name)
            if value is not None:
                break
        else:
            inner = sample.get("json")
            return None if inner is None else _first(_parsed(inner), names)
    except AttributeError:
        raise _no_sample("a mapping of column names to values") from None
    if type(value) is str:
        return value.encode("utf-8", "surrogatepass")
    return _bytes(value)


def _bytes(value: Any) -> bytes | None:
    if isinstance(value, str):
        return str(value).encode("utf-8", "surrogatepass")
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, float) and value != value:  # what pandas has for "none"
        return None
    raise _no_sample("a mapping with text or bytes in its columns")


def _parsed(inner: Any) -> Sample:
    """The member ``json``: a mapping, or the text of one. Nothing where it is neither."""
    if type(inner) is dict and "json" not in inner:  # asking for any kind of mapping takes far longer
        return inner
    if isinstance(inner, Mapping):
        return {name: value for name, value in inner.items() if name != "json"} if "json" in inner else inner
    try:
        found = json.loads(inner)
    except (TypeError, ValueError, RecursionError):
        return {}
    return _parsed(found) if isinstance(found, Mapping) else {}


def _no_sample(needed: str) -> UsageError:
    return UsageError(
        f"A list is asked about one sample at a time, which is {needed}; in a pipeline put "
        "the filter before samples become tuples or batches.",
        slug="sample-form",
    )
