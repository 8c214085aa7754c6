"""The three keys of an address, each the SHA-256 of one spelling of it.

* ``url_sha256`` the exact bytes of the cell: what partners send and releases publish;
* ``url`` its canonical form: the same address in another spelling;
* ``url_family`` what its size variants share: a guess for people to confirm.
"""

from __future__ import annotations

from takedown.errors import BadUrl
from takedown.keys import url_sha256
from takedown.urls import canonical, family

KINDS = ("url_sha256", "url", "url_family")


def digest(kind: str, url: str) -> bytes | None:
    """One key (32 bytes) of an address; None where it has none of that kind.

    Raises:
        BadUrl: for ``url`` and ``url_family``, when the address has no canonical form.
    """
    if kind == "url_sha256":
        return url_sha256(url)
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
