"""Getting bytes from where releases are served, http(s) or a folder, and turning failures into two kinds.

Nothing that arrives here is trusted. A cap on length is enforced while reading, so that a hostile server
cannot fill the disk; and a least speed, so that one that sends a byte now and then cannot hold a sync up for
ever, which would look like no news.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import urllib3
from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    SlowRetrievalError,
)
from tuf.ngclient import FetcherInterface
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher

from takedown import __version__, disk
from takedown.errors import UsageError, VerificationFailed

#: Seconds without a byte before a server counts as gone.
TIMEOUT = 30
#: Seconds that any answer may take, and one more for each so many bytes of it.
PATIENCE = 120
LEAST_RATE = 1_000

_BLOCK = 1 << 20


def base_address(place: str) -> str:
    """The one form of where a repository is: ``http(s)://...`` or ``file:///...``, ending in a slash.

    Args:
        place: an address, or the path of a folder.

    Raises:
        UsageError: neither http, https, file nor a path.
    """
    if "://" not in place:
        return Path(place).resolve().as_uri() + "/"
    parts = urlsplit(place)
    if parts.scheme not in ("http", "https", "file") or parts.query or parts.fragment:
        raise UsageError(
            "Releases are synced from an http, https or file address, or from a folder; check it."
        )
    return place.rstrip("/") + "/"


class Fetcher(FetcherInterface):
    """python-tuf's own fetcher for http(s), a file reader for ``file:``; every failure is a DownloadError."""

    def __init__(self) -> None:
        self._http = _Piecewise(socket_timeout=TIMEOUT, app_user_agent=f"dataset-takedown/{__version__}")

    def _fetch(self, url: str) -> Iterator[bytes]:
        if urlsplit(url).scheme == "file":
            return _read_blocks(Path(unquote(urlsplit(url).path)))
        return _no_surprises(_fast_enough(self._http.fetch(url)))


class _Piecewise(Urllib3Fetcher):
    """Hands on what arrives when it arrives; the library waits for a whole block, however slowly it comes."""

    def _chunks(self, response: urllib3.response.BaseHTTPResponse) -> Iterator[bytes]:
        try:
            while piece := response.read1(_BLOCK):
                yield piece
        except urllib3.exceptions.TimeoutError as error:
            raise SlowRetrievalError("nothing came any more") from error
        finally:
            response.release_conn()


def download(fetcher: FetcherInterface, base: str, path: str, target: Path, size: int, sha256: str) -> int:
    """Fetch one data file to its place, checked before it is there. Nothing is done where it is right.

    Args:
        fetcher: how.
        base: address of the repository, ending in a slash.
        path: of the file in it.
        target: where to; missing folders are made.
        size: bytes the manifest says, also the cap.
        sha256: of the content, as the manifest says.

    Returns:
        Bytes fetched.

    Raises:
        DownloadError: it cannot be had.
        VerificationFailed: it is not the file the manifest names.
    """
    if disk.matches(target, size, sha256):
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        with fetcher.download_file(base + path, size) as source, open(part, "wb") as sink:
            shutil.copyfileobj(source, sink, _BLOCK)
            sink.flush()
            disk.sync_file(sink.fileno())
        disk.check(part, size, sha256, name=path)
    except DownloadLengthMismatchError as error:
        sentence = f"The file {path} is longer than the manifest says; try again later."
        raise VerificationFailed(sentence, slug="file-length") from error
    except VerificationFailed:
        part.unlink()
        raise
    disk.rename(part, target)
    return size


def _read_blocks(path: Path) -> Iterator[bytes]:
    if not path.is_file():
        raise DownloadHTTPError("no such file", 404)
    return _blocks(path)


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with open(path, "rb") as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as error:
        raise DownloadError("the file cannot be read") from error


def _fast_enough(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, as long as they come at LEAST_RATE after a while."""
    waited, had = 0.0, 0
    while True:
        since = time.monotonic()
        chunk = next(chunks, None)
        waited += time.monotonic() - since
        if chunk is None:
            return
        had += len(chunk)
        if waited > PATIENCE + had / LEAST_RATE:
            raise SlowRetrievalError("too little comes to ever be all of it")
        yield chunk


def _no_surprises(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A connection that breaks in the middle is a failed download too; the library lets it through."""
    try:
        yield from chunks
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise DownloadError("the connection broke") from error
