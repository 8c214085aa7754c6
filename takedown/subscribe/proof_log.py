"""The log of receipts at a reader: fetched whole, compared with what was signed, searched by tag.

1. The files of all releases are fetched in order, whoever asks and whatever for, so that the requests tell
   nothing. No file may be longer than what is left of the signed size.
2. The RFC 6962 root over all leaves must be the signed one. Where a file ends is not signed, and does not
   matter: a leaf is looked for in the whole log, and its tag says which release it belongs to.
3. A table of the tags' first eight bytes, sorted, finds a leaf; 16 bytes of memory for each leaf.
"""

from __future__ import annotations

import mmap
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError
from tuf.ngclient import FetcherInterface

from takedown.blocklist import paths
from takedown.blocklist.leaves import LEAF_BYTES, PADDED, TAG_BYTES, open_leaf, tag
from takedown.blocklist.log import Rows, Tree, verify_inclusion
from takedown.blocklist.manifest import Log
from takedown.blocklist.verdict import SENTENCES, OwnLeaf
from takedown.errors import NothingToSync, VerificationFailed

#: Told (files done, files in all).
Progress = Callable[[int, int], None]

_BLOCK = 1 << 20
_GONE = (404, 410)


class FetchedLog:
    """A log whose root is the signed one, in a file that has no name and goes with this object.

    Args:
        file: all leaves, one behind the other.
        log: size and root that were signed.

    Raises:
        VerificationFailed: slug ``log-differs``: it is another log.
    """

    def __init__(self, file: BinaryIO, log: Log) -> None:
        self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if log.size else b""
        self._rows = Rows(memoryview(self._data), LEAF_BYTES)
        self._tree = Tree(self._rows)
        self._root = self._tree.root()
        if len(self._rows) != log.size or self._root.hex() != log.root:
            raise _refused("log-differs")
        heads = np.frombuffer(self._data, dtype=np.uint8).reshape(-1, LEAF_BYTES)[:, :8]
        keys = np.ascontiguousarray(heads).view(">u8").ravel()
        self._order = np.argsort(keys)
        self._heads = keys[self._order]

    def __len__(self) -> int:
        return len(self._rows)

    def own(self, proof_key: bytes, newest: int) -> Iterator[OwnLeaf]:
        """Find, open and prove every leaf of a receipt, from release 1 to ``newest``.

        Raises:
            VerificationFailed: slugs ``leaf-unreadable``, ``leaf-repeated``, ``leaf-not-in-log``.
        """
        for seq in range(1, newest + 1):
            i = 0
            while (index := self._find(tag(proof_key, seq, i))) is not None:
                leaf = self._rows[index]
                says = open_leaf(proof_key, seq, i, leaf)
                proof = self._tree.inclusion(index)
                if not verify_inclusion(leaf, index, len(self), proof, self._root):
                    raise _refused("leaf-not-in-log")
                yield OwnLeaf(seq, i, index, says)
                i += 1

    def _find(self, wanted: bytes) -> int | None:
        """Number of the one leaf that has this tag."""
        head = int.from_bytes(wanted[:8], "big")
        start, end = (int(np.searchsorted(self._heads, head, side)) for side in ("left", "right"))
        found = [int(at) for at in self._order[start:end] if self._rows[int(at)][:TAG_BYTES] == wanted]
        if len(found) > 1:
            raise _refused("leaf-repeated")
        return found[0] if found else None


def fetch_log(
    fetcher: FetcherInterface, url: str, newest: int, log: Log, scratch: Path, progress: Progress | None
) -> FetchedLog:
    """Fetch all leaves of releases 1 to ``newest``, and compare them with what was signed.

    Args:
        fetcher: how bytes are had.
        url: base address ending in a slash.
        newest: number of the release whose log this is.
        log: size and root as its signed manifest has them.
        scratch: folder with room for the log; nothing stays there.
        progress: told after each file.

    Raises:
        NothingToSync: slug ``log-unreachable``.
        VerificationFailed: slug ``log-incomplete`` or ``log-differs``.
    """
    left = log.size * LEAF_BYTES
    with tempfile.TemporaryFile(dir=scratch) as file:
        for seq in range(1, newest + 1):
            left -= _append(fetcher, url + paths.leaves(seq), file, left)
            if progress:
                progress(seq, newest)
        if left:
            raise _refused("log-differs")
        file.flush()
        return FetchedLog(file, log)


def _append(fetcher: FetcherInterface, url: str, file: BinaryIO, most: int) -> int:
    """Fetch one file of leaves to the end of another; bytes fetched."""
    before = file.tell()
    try:
        with fetcher.download_file(url, most) as source:
            shutil.copyfileobj(source, file, _BLOCK)
    except DownloadLengthMismatchError as error:
        raise _refused("log-differs") from error
    except DownloadHTTPError as error:
        if error.status_code in _GONE:
            sentence = "A file of the log is missing there; try again later, or tell the publisher."
            raise VerificationFailed(sentence, slug="log-incomplete") from error
        raise _unreachable() from error
    except DownloadError as error:
        raise _unreachable() from error
    fetched = file.tell() - before
    if not fetched or fetched % (PADDED * LEAF_BYTES):
        raise _refused("log-differs")
    return fetched


def _refused(slug: str) -> VerificationFailed:
    return VerificationFailed(SENTENCES[slug], slug=slug)


def _unreachable() -> NothingToSync:
    return NothingToSync(
        "The log could not be fetched; check your connection and try again.", slug="log-unreachable"
    )
