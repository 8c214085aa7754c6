"""The index beside a tar, NNNNN.idx, as DALI's wds2idx writes it.

    v1.2 SAMPLES
    EXTENSION OFFSET SIZE NAME  EXTENSION OFFSET SIZE NAME ...      a line a sample; v1.1 has no NAME

An index of another format, or one that does not fit its tar, cannot be brought up to date. It is never left
as it is beside a tar that was written anew, where its offsets would point into other pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from takedown.dataset.atomic import Pending
from takedown.dataset.tar_write import Entry
from takedown.errors import BadDataset

_VERSIONS = ("v1.2", "v1.1")


def version_of(index: Path, entries: Sequence[Entry]) -> str:
    """In which version the file is an index of a tar with these entries.

    Raises:
        BadDataset: in none.
    """
    content = index.read_bytes().rstrip(b"\n") + b"\n"
    for version in _VERSIONS:
        if content == index_bytes(entries, version):
            return version
    raise BadDataset(
        f"{index} is no index of its tar as wds2idx writes it, so it cannot be brought up to date; delete "
        "it, and make it again afterwards.",
        slug="tar-index-unknown",
    )


def write_index(entries: Sequence[Entry], version: str, target: Path, pending: Pending) -> int:
    """Write the index of a tar with these entries. Returns bytes written."""
    content = index_bytes(entries, version)
    with pending.writing(target) as sink:
        sink.write(content)
    return len(content)


def index_bytes(entries: Sequence[Entry], version: str) -> bytes:
    """The index of a tar with these entries."""
    lines = [" ".join(sample) for sample in _samples(entries, with_names=version != "v1.1")]
    return "".join(f"{line}\n" for line in [f"{version} {len(lines)}", *lines]).encode(
        "utf-8", "surrogateescape"
    )


def _samples(entries: Sequence[Entry], *, with_names: bool) -> Iterator[list[str]]:
    """The parts of each sample: consecutive members of one base name, hidden ones passed over."""
    sample: list[str] = []
    last = None
    for name, data, size in entries:
        dot = name.find(".", name.rfind("/") + 1)
        # Without a dot wds2idx takes all but the last character; an index that it wrote says so.
        base, extension = name[:dot], name[dot + 1 :]
        if not base or base.endswith("/"):
            continue
        if base != last and sample:
            yield sample
            sample = []
        last = base
        sample.append(f"{extension} {data} {size}" + (f" {name}" if with_names else ""))
    if sample:
        yield sample
