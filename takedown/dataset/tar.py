"""Walk a tar file header by header, strictly.

The standard library's own loop ends quietly at the first damaged header, which would pass every sample
behind it. So this loop reads each 512-byte header with `tarfile.TarInfo.frombuf` and decides itself:

1. an extended header (pax `x`, GNU `L`) may only carry a name, a size and harmless notes, within limits;
2. a member must be a plain file or an empty folder entry, with a relative name that stays inside, named once;
3. its data must lie within the file;
4. the archive must end with a block of zeros, and nothing but zeros may follow.

Headers are kept as they are, so that a rewritten archive holds the other members byte for byte.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Container, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from takedown.errors import BadDataset

BLOCK = tarfile.BLOCKSIZE
#: Largest extended header, in bytes.
MAX_EXTENDED_BYTES = 64 * 1024
#: Most members; img2dataset writes 30,000 a shard.
MAX_MEMBERS = 10_000_000

# webdataset's rule: the key ends at the first dot of the last path segment.
_KEY = re.compile(r"((?:.*/)?[^./]+)\.([^/]+)", re.DOTALL)
_PAX_RECORD = re.compile(rb"(\d{1,10}) ([^=]+)=", re.DOTALL)


class Member(NamedTuple):
    """One plain file in a tar.

    Attributes:
        name: as stored, without a leading "./".
        key, extension: the sample it belongs to and the rest of its name; both "" when it has no such form.
        start: offset of its first header block, extended headers included.
        data, size: offset and length of its bytes.
        end: offset behind its padding, where the next header stands.
        stored: the name as stored.
    """

    name: str
    key: str
    extension: str
    start: int
    data: int
    size: int
    end: int
    stored: str


def members(path: Path) -> Iterator[Member]:
    """Every plain file in the archive, in order. Raises BadDataset where anything is amiss."""
    seen: set[str] = set()
    try:
        with path.open("rb") as file:
            for info, start, data, size in _headers(file, path):
                if info.type == tarfile.DIRTYPE and info.name in (".", "./"):
                    continue
                name = _safe_name(info.name, path)
                if info.type == tarfile.DIRTYPE:
                    continue
                if name in seen:
                    raise bad(path, "names two members alike", "tar-duplicate-name")
                seen.add(name)
                if len(seen) > MAX_MEMBERS:
                    raise bad(path, f"has more than {MAX_MEMBERS} members", "tar-too-many-members")
                key, extension = split_name(name)
                yield Member(name, key, extension, start, data, size, data + _padded(size), info.name)
    except OSError as error:
        raise bad(path, f"cannot be read ({error.strerror})", "dataset-unreadable") from error


def known_members(path: Path, known: Container[str]) -> Iterator[Member]:
    """Every plain file in the archive, all of whose samples must have a key among `known`.

    A sample of another key means that tar and sidecar do not belong together, and then nothing can be said
    about what is in the tar. Raises BadDataset.
    """
    for member in members(path):
        if member.key and member.key not in known:
            raise bad(path, "holds a sample that its sidecar does not list", "tar-unknown-key")
        yield member


def split_name(name: str) -> tuple[str, str]:
    """Member name -> (key, extension in lower case); ("", "") where there is no extension."""
    match = _KEY.fullmatch(name)
    return (match[1], match[2].lower()) if match else ("", "")


def bad(path: Path, what: str, slug: str) -> BadDataset:
    """The error for this archive."""
    return BadDataset(f"{path} {what}; it was not used. Fetch it again, or leave it out.", slug=slug)


def _headers(file: BinaryIO, path: Path) -> Iterator[tuple[tarfile.TarInfo, int, int, int]]:
    """(header, offset of the first header block, offset of the data, size), extended headers applied."""
    total = file.seek(0, 2)
    offset = start = 0
    extended: dict[str, str] = {}
    while (info := _header(file, offset, path)) is not None:
        data = offset + BLOCK
        if info.size < 0 or data + info.size > total:
            raise bad(path, "is cut short", "tar-truncated")
        offset = data + _padded(info.size)
        if info.type in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
            extended |= _extended(file, info, data, path)
            continue
        size = _apply(info, extended, path)
        if info.type == tarfile.DIRTYPE and (size or info.size):
            # Other readers ignore this size, and would find members in what is skipped here.
            raise bad(path, "has a folder with data of its own", "tar-damaged")
        if data + size > total:
            raise bad(path, "is cut short", "tar-truncated")
        offset = data + _padded(size)
        yield info, start, data, size
        start, extended = offset, {}
    if extended:
        raise bad(path, "is cut short", "tar-truncated")
    _only_zeros(file, offset, path)


def _header(file: BinaryIO, offset: int, path: Path) -> tarfile.TarInfo | None:
    """The header at this offset, None at the block of zeros that ends the archive."""
    file.seek(offset)
    try:
        return tarfile.TarInfo.frombuf(file.read(BLOCK), "utf-8", "surrogateescape")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # missing in typeshed
        return None
    except (tarfile.EmptyHeaderError, tarfile.TruncatedHeaderError):  # type: ignore[attr-defined]
        raise bad(path, "is cut short", "tar-truncated") from None
    except (tarfile.HeaderError, ValueError):
        raise bad(path, "is not a whole tar file", "tar-damaged") from None


def _extended(file: BinaryIO, info: tarfile.TarInfo, data: int, path: Path) -> dict[str, str]:
    """What a pax or GNU long-name header says about the member behind it."""
    if info.size > MAX_EXTENDED_BYTES:
        raise bad(path, "has an extended header of more than 64 kB", "tar-header-too-large")
    file.seek(data)
    content = file.read(info.size)
    if info.type == tarfile.GNUTYPE_LONGNAME:
        return {"path": content.rstrip(b"\0").decode("utf-8", "surrogateescape")}
    return _pax(content, path)


def _pax(content: bytes, path: Path) -> dict[str, str]:
    """Records "LENGTH KEY=VALUE LF" of POSIX.1-2001 pax."""
    found: dict[str, str] = {}
    at = 0
    while at < len(content):
        match = _PAX_RECORD.match(content, at)
        end = at + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(content) or content[end - 1 : end] != b"\n":
            raise bad(path, "has a damaged extended header", "tar-damaged")
        key = match[2].decode("utf-8", "surrogateescape")
        found[key] = content[match.end() : end - 1].decode("utf-8", "surrogateescape")
        at = end
    return found


def _apply(info: tarfile.TarInfo, extended: dict[str, str], path: Path) -> int:
    """Put an extended header's name on the member, and return its true size."""
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
        raise bad(path, "holds something other than plain files (a link, a device)", "tar-not-a-file")
    if any(key.startswith("GNU.sparse") or key == "linkpath" for key in extended):
        raise bad(path, "holds something other than plain files (a link, a sparse file)", "tar-not-a-file")
    info.name = extended.get("path", info.name)
    size = extended.get("size", str(info.size))
    if not size.isascii() or not size.isdigit() or len(size) > 18:
        raise bad(path, "has a damaged extended header", "tar-damaged")
    return int(size)


def _safe_name(name: str, path: Path) -> str:
    """The name without leading "./". Refuses names that lead out of the archive or cannot be shown."""
    name = name.rstrip("/")
    while name.startswith("./"):
        name = name[2:]
    unsafe = name.startswith("/") or ".." in name.split("/") or "\\" in name or not name.isprintable()
    if unsafe or not name:
        raise bad(path, "holds a member whose name is empty or leads outside", "tar-unsafe-name")
    return name


def _only_zeros(file: BinaryIO, offset: int, path: Path) -> None:
    file.seek(offset)
    while chunk := file.read(1 << 20):
        if chunk.count(0) != len(chunk):
            raise bad(path, "has data behind its end", "tar-trailing-data")


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
