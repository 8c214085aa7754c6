"""The keys of an address, each made from the SHA-256 of one spelling of it.

* ``url_sha256`` the exact bytes of the cell: what partners send and releases publish;
* ``url`` its canonical form: the same address in another spelling;
* ``url_family`` what its size variants share: a guess for people to confirm;
* ``site`` where it stands, so that all rows under a host or a path are one range of keys. With ``H(x)`` the
  first 4 bytes of SHA-256, and host, port and first segment of the path as in the canonical form, the 8 bytes
  are ``H(host[:port])`` and ``H(host[:port]/segment)``. The segment may be empty and never holds a slash.

An index stores 64 bits of each: the first 8 bytes, read big-endian.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from takedown.dataset.columns import text_bytes, valid_text
from takedown.errors import BadUrl
from takedown.families import family, family_of_form
from takedown.keys import url_sha256
from takedown.urls import canonical

try:
    from takedown.index import address_columns
except ImportError:  # numba is an optional part
    address_columns = None  # type: ignore[assignment]

KINDS = ("url_sha256", "url", "url_family", "site")

#: Rows of a column that are not worth the time to compile or load the fast way (10 s or 0.3 s, once).
FEW = 4096

_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://")


class Keyed(NamedTuple):
    """The keys of one kind in a column.

    Attributes:
        rows: int64[M], places in the column, ascending: the cells that have such a key.
        keys: uint64[M], their keys.
    """

    rows: NDArray[np.int64]
    keys: NDArray[np.uint64]


#: Kind -> its keys, for every kind of KINDS.
AddressKeys = dict[str, Keyed]


def keys_of(column: pa.Array | pa.ChunkedArray) -> AddressKeys:
    """All keys of a column of addresses.

    Args:
        column: cells as stored: (large) binary or (large) string. What is null, empty or not UTF-8 has no
            keys; what is no address has ``url_sha256`` alone.

    Raises:
        TypeError: the column is of another type.
    """
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    cells = text_bytes(whole)
    if address_columns is None or len(cells) < FEW:
        return _one_by_one(cells)
    plain = address_columns.keys_of(cells)
    odd = _one_by_one(cells.take(pa.array(plain.odd)))
    return {kind: _merged(plain.has[kind], plain.keys[kind], plain.odd, odd[kind]) for kind in KINDS}


def _one_by_one(cells: pa.Array) -> AddressKeys:
    """The plain way, which defines what the fast one answers."""
    found: dict[str, tuple[list[int], list[bytes]]] = {kind: ([], []) for kind in KINDS}
    for row, url in enumerate(valid_text(cells).to_pylist()):
        for kind, digest in _digests(url).items():
            found[kind][0].append(row)
            found[kind][1].append(digest[:8])
    return {kind: _keyed(*of_kind) for kind, of_kind in found.items()}


def _keyed(rows: list[int], leading: list[bytes]) -> Keyed:
    keys = np.frombuffer(b"".join(leading), dtype=">u8").astype(np.uint64)
    return Keyed(np.array(rows, dtype=np.int64), keys)


def _merged(has: NDArray[np.bool_], keys: NDArray[np.uint64], places: NDArray[np.int64], odd: Keyed) -> Keyed:
    """Put the keys of the odd cells, numbered by their places, among the others."""
    rows = places[odd.rows]
    has, keys = has.copy(), keys.copy()
    has[rows], keys[rows] = True, odd.keys
    found = np.flatnonzero(has)
    return Keyed(found, keys[found])


def _digests(url: str | None) -> dict[str, bytes]:
    """Kind -> digest of a cell, for the kinds that it has."""
    if not url:
        return {}
    found = {"url_sha256": url_sha256(url)}
    try:
        form = canonical(url)
    except BadUrl:
        return found
    found["url"] = found["url_sha256"] if form == url else url_sha256(form)
    group = family_of_form(form)
    if group is not None:
        found["url_family"] = found["url"] if group == form else url_sha256(group)
    found["site"] = site_digest(form)
    return found


def digest(kind: str, url: str) -> bytes | None:
    """One key of an address: 32 bytes, 8 of a ``site``; None where it has none of that kind.

    Raises:
        BadUrl: for all but ``url_sha256``, when the address has no canonical form.
    """
    if kind == "url_sha256":
        return url_sha256(url)
    if kind == "site":
        return site_digest(canonical(url))
    spelling = canonical(url) if kind == "url" else family(url)
    return None if spelling is None else url_sha256(spelling)


def row_digest(kind: str, url: str | None) -> bytes | None:
    """The same for a dataset's cell, where anything may stand: no key instead of an error."""
    if not url:
        return None
    try:
        return digest(kind, url)
    except BadUrl:
        return None


def site_digest(form: str) -> bytes:
    """The ``site`` key (8 bytes) of an address in its canonical form."""
    host, _, rest = form.removeprefix("https://").partition("/")
    segment = rest.partition("?")[0].partition("/")[0]
    return _leading(host) + _leading(f"{host}/{segment}")


def _leading(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:4]


def site_range(prefix: str) -> tuple[int, int]:
    """Lowest and highest ``site`` key, both inclusive, of the rows under a host or a path.

    A host is a range, a path below it a single key. A row with a key in the range is a candidate:
    ``under_site`` tells whether it really lies there.

    Args:
        prefix: as ``under_site`` takes it.

    Raises:
        BadUrl: as ``under_site`` does.
    """
    site = _site(prefix)
    key = int.from_bytes(site_digest(site))
    return (key, key) if _has_path(site) else (key >> 32 << 32, key | 0xFFFFFFFF)


def under_site(prefix: str, url: str | None) -> bool:
    """Whether an address lies under a host or a path.

    Both are compared in canonical form, by whole segments: under ``example.org/photos/anna`` lie
    ``/photos/anna``, ``/photos/anna/x`` and ``/photos/anna?x``, but not ``/photos/annabel``. Both schemes
    count as one; ``www.example.org`` is another host than ``example.org``, and a port makes another site.

    Args:
        prefix: ``example.org``, ``https://example.org/``, ``example.org/photos/anna/``: a host or an
            address, with or without the scheme. Slashes at its end and a fragment mean nothing.
        url: a dataset's cell; what is no address lies nowhere.

    Raises:
        BadUrl: the prefix names no host, with the slugs of ``canonical``, and ``site-host`` for a single
            word without a scheme; ``site-query`` when it has a query.
    """
    site = _site(prefix)
    try:
        form = canonical(url or "")
    except BadUrl:
        return False
    return form == site or form.startswith((f"{site}/", f"{site}?"))


@lru_cache(maxsize=8)
def _site(prefix: str) -> str:
    """Canonical ``https://host[:port][/path]`` that does not end in a slash."""
    bare = bool(prefix.strip()) and not _SCHEME.match(prefix)
    form = canonical(f"https://{prefix.strip()}" if bare else prefix)
    if "?" in form:
        raise BadUrl(
            "A site ends with its path; please remove the question mark and what follows it, or look for "
            "that one address.",
            slug="site-query",
        )
    site = form.rstrip("/")
    host = site.removeprefix("https://").partition("/")[0]
    if bare and "." not in host and not host.startswith("["):
        raise BadUrl(
            "A site begins with the name of its host, such as example.org; please write the whole name.",
            slug="site-host",
        )
    return site


def _has_path(site: str) -> bool:
    return "/" in site.removeprefix("https://")
