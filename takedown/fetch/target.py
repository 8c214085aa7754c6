"""Where a fetch goes: read by the project's one grammar of addresses, and only in its plain spelling.

A host that is not spelled as it is looked up (2852039166, 127.1, full-width digits, %31, a dot at the end)
is never a mistake of a person who copies an address from a browser: it is refused and not repaired. So
nothing else that reads the same address can take it for another host.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from unicodedata import normalize
from urllib.parse import urljoin, urlsplit

from takedown.errors import BadUrl, FetchFailed
from takedown.urls import canonical

PORTS = {"http": 80, "https": 443}

_AUTHORITY = re.compile(r"(https?)://([^/?#]*?)(?::([0-9]*))?(?=[/?#]|$)", re.IGNORECASE)
_PRINTABLE = re.compile(r"[!-\[\]-~]{1,4096}")  # ASCII without spaces and the backslash
#: Names that no public name server answers for: RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 9476, ICANN 2024.
_NOT_PUBLIC = re.compile(r"(?:.*\.)?(?:localhost|local|internal|invalid|onion|alt|home\.arpa)")


@dataclass(frozen=True)
class Target:
    """One hop: ``host`` is a name, or an IP address without brackets; ``path`` has the query with it."""

    scheme: str
    host: str
    path: str

    @property
    def port(self) -> int:
        return PORTS[self.scheme]

    @property
    def literal(self) -> bool:
        """Whether the host is an IP address, which nobody has to look up."""
        return _is_ip(self.host)

    @property
    def authority(self) -> str:
        """The host as addresses and the Host header spell it."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def read_target(url: str) -> Target:
    """The place an address names.

    What is asked for there is the path and query of its canonical form: escaped where needed, without
    fragment and tracking parameters.

    Raises:
        FetchFailed: with a slug of ``canonical``, or fetch-spelling, fetch-port, fetch-name.
    """
    try:
        form = urlsplit(canonical(url))
    except BadUrl as error:
        raise FetchFailed(error.sentence, slug=error.slug) from None
    found = _AUTHORITY.match(url)
    if found is None or url != url.strip() or normalize("NFKC", found[2]) != found[2]:
        raise _odd_spelling()
    scheme, host = found[1].lower(), form.hostname or ""
    if found[3] not in (None, str(PORTS[scheme])):
        raise FetchFailed("We only look at ports 80 and 443; this address names another.", slug="fetch-port")
    target = Target(scheme, host, form.path + (f"?{form.query}" if form.query else ""))
    if found[2].lower() not in _spellings(target):
        raise _odd_spelling()
    if not target.literal and ("." not in host or _NOT_PUBLIC.fullmatch(host)):
        raise FetchFailed("This name is not a public host; check the address.", slug="fetch-name")
    return target


def follow(target: Target, location: str) -> Target:
    """The place a redirect leads to.

    Raises:
        FetchFailed: fetch-redirect for one that cannot be read or leads from https to http; or as
            ``read_target``.
    """
    try:
        joined = urljoin(target.url, location) if _PRINTABLE.fullmatch(location) else ""
    except ValueError:
        joined = ""
    if not joined:
        raise FetchFailed("The server sent us on to an address that cannot be read.", slug="fetch-redirect")
    found = read_target(joined)
    if target.scheme == "https" and found.scheme == "http":
        raise FetchFailed(
            "The server sent us from https on to http, where others can read and change what comes; "
            "ask for the http address itself if that is what you want.",
            slug="fetch-redirect",
        )
    return found


def _spellings(target: Target) -> set[str]:
    """The host as it may be written, in lower case: plain, or in its Unicode form."""
    hosts = {target.authority}
    if "xn--" in target.host:
        try:
            hosts.add(target.host.encode("ascii").decode("idna"))
        except UnicodeError:
            raise _odd_spelling() from None
    return hosts


def _odd_spelling() -> FetchFailed:
    return FetchFailed(
        "The host of this address is written in an unusual way; write it as a browser shows it.",
        slug="fetch-spelling",
    )


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
