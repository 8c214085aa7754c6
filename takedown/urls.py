"""The one canonical form of an address.

Nothing here resolves or fetches: an address is text that is compared with text. Two addresses match when
their canonical forms are equal. The form, version 1, is made in these steps:

1. spaces around the address go; control characters inside it are refused;
2. the scheme must be http or https and becomes ``https`` (both lead to the same picture);
3. user names and passwords are refused, so that no secret is ever stored;
4. the host is percent-decoded, turned into IDNA 2003 ASCII by the standard library, lower-cased, loses one
   trailing dot; IPv4 in any notation becomes four decimal numbers, IPv6 its shortest form;
5. ports 80 and 443 go, other ports stay;
6. in path and query, escaped letters, digits and ``-._~`` are decoded, other escapes get upper-case hex
   digits, characters that no address may hold are escaped, a stray ``%`` becomes ``%25`` (RFC 3986, 6.2.2);
7. dot segments are resolved (RFC 3986, 5.2.4); the case of the path is kept;
8. in the query, ``&amp;`` left over from HTML becomes ``&``; empty and tracking parameters go, the others
   keep their order;
9. the fragment goes.

The form is idempotent: a canonical address is its own canonical form. Change a step, and raise
``CANONICAL_VERSION``: indexes store it. index/address_kernels.py takes the same steps for whole columns.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote

from takedown.errors import BadUrl

CANONICAL_VERSION = 1

#: Longest address in characters, before and after escaping.
MAX_URL = 4096
#: Longest host name in characters (RFC 1035).
MAX_HOST = 253

# C0 and C1 controls, DEL, line and paragraph separator, lone surrogates.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_PARTS = re.compile(r"//([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]*))?")
_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ALLOWED = r"A-Za-z0-9\-._~!$&'()*+,;=:@/?"
_NOT_ALLOWED = re.compile(rf"[^{_ALLOWED}]")
_TO_REWRITE = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{_ALLOWED}]")
# What most addresses are like, so that host and port need no second look: printable ASCII, lower case up to
# the path, no port, no fragment, and a last label that does not begin with a digit.
_PLAIN = re.compile(
    r"https?://((?:[a-z0-9_-]{1,63}\.)*+[a-z_-][a-z0-9_-]{0,62})(/[!-\"$->@-~]*+)(?:\?([!-\"$-~]*+))?"
)
#: Parameters that say where a reader came from, beside ``utm_...``; in either case.
TRACKING = (
    *("fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "twclid", "ttclid"),
    *("igshid", "igsh", "mc_cid", "mc_eid", "_ga", "_gl", "_hsenc", "_hsmi", "mkt_tok", "srsltid"),
    *("li_fat_id", "epik", "oly_anon_id", "oly_enc_id", "vero_id"),
)
_TRACKING = re.compile(rf"utm_[^=]*|{'|'.join(TRACKING)}", re.IGNORECASE)


def canonical(url: str) -> str:
    """Bring an address into its canonical form (the steps are in the module's docstring).

    Args:
        url: an address as a person, a partner or a dataset cell gives it.

    Returns:
        ASCII text ``https://host[:port]/path[?query]`` of at most MAX_URL characters.

    Raises:
        BadUrl: with the slug url-empty, url-too-long, url-control-characters, url-scheme, url-userinfo,
            url-host or url-port.
    """
    plain = _PLAIN.fullmatch(url)
    if plain and plain.end(1) <= MAX_HOST and len(url) <= MAX_URL:
        host, path, query = plain.groups("")
        port = ""
    else:
        authority, path, query = _split(_checked(url))
        host, port = _host_and_port(authority)
    path = _without_dot_segments(_escapes(path))
    query = _without_tracking(_escapes(query))
    form = f"https://{host}{port}{path}{'?' if query else ''}{query}"
    if len(form) > MAX_URL:
        raise _too_long()
    return form


def _checked(url: str) -> str:
    """The address without spaces around it, if it is text that an address can be."""
    if len(url) > MAX_URL:
        raise _too_long()
    text = url.strip()
    if not text:
        raise BadUrl("No address was given; please paste the whole address of the picture.", slug="url-empty")
    if _FORBIDDEN.search(text):
        raise BadUrl(
            "The address holds control characters or a line break; please copy it again, one address a line.",
            slug="url-control-characters",
        )
    return text


def _too_long() -> BadUrl:
    return BadUrl(f"An address can have at most {MAX_URL:,} characters.", slug="url-too-long")


def _split(text: str) -> tuple[str, str, str]:
    """Cut an address into authority, path and query by our own grammar.

    ``urllib.parse.urlsplit`` is not used: it drops tabs and line breaks silently, and takes
    ``http://a\\@b/`` for host b where browsers go to a.
    """
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[1].lower() not in ("http", "https"):
        raise BadUrl(
            "An address starts with http:// or https://; please copy the whole address.", slug="url-scheme"
        )
    parts = _PARTS.fullmatch(text, scheme.end())
    if parts is None:
        raise _bad_host()
    return parts[1], parts[2] or "/", parts[3] or ""


def _bad_host() -> BadUrl:
    return BadUrl("The address has no valid host name after http://; please copy it again.", slug="url-host")


def _host_and_port(authority: str) -> tuple[str, str]:
    """Canonical host, and ``:port`` or nothing."""
    if "\\" in authority:
        raise _bad_host()
    if "@" in authority:
        raise BadUrl(
            "The address holds a user name or password before an @; please remove that part.",
            slug="url-userinfo",
        )
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        bad_port = ":" in authority and authority[0] != "["
        raise _bad_port() if bad_port else _bad_host()
    return _host(match[1]), _port(match[2] or "")


def _bad_port() -> BadUrl:
    return BadUrl("The port, the number after the colon, must be between 1 and 65535.", slug="url-port")


def _port(digits: str) -> str:
    if not digits:
        return ""
    significant = digits.lstrip("0")
    if not significant or len(significant) > 5 or int(significant) > 65535:
        raise _bad_port()
    return "" if significant in ("80", "443") else f":{significant}"


def _host(host: str) -> str:
    """Canonical host name or IP address."""
    if host.startswith("["):
        return _ipv6(host[1:-1])
    try:
        # The length is checked first: the codec takes quadratic time. It also joins full-width digits.
        name = unquote(host, errors="strict")
        ascii_name = name.encode("idna").decode("ascii").lower() if len(name) <= MAX_HOST else ""
    except UnicodeError:
        raise _bad_host() from None
    ascii_name = ascii_name.removesuffix(".")
    if len(ascii_name) > MAX_HOST or not _HOST.fullmatch(ascii_name):
        raise _bad_host()
    return _ipv4(ascii_name)


def _ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise _bad_host() from None
    if address.scope_id is not None:
        raise _bad_host()
    return f"[{address.compressed}]"


def _ipv4(host: str) -> str:
    """Rewrite a numeric host as four decimal numbers, as browsers do (WHATWG URL, "IPv4 parser")."""
    labels = host.split(".")
    if not _NUMBER.fullmatch(labels[-1]):
        return host
    try:
        numbers = [_ipv4_number(label) for label in labels]
    except ValueError:
        raise _bad_host() from None
    *head, tail = numbers
    if len(numbers) > 4 or any(number > 255 for number in head) or tail >= 256 ** (5 - len(numbers)):
        raise _bad_host()
    value = tail + sum(number << (24 - 8 * place) for place, number in enumerate(head))
    return str(ipaddress.IPv4Address(value))


def _ipv4_number(label: str) -> int:
    if not _NUMBER.fullmatch(label):  # int() would take 1_0 for ten
        raise ValueError
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if label.startswith("0") and len(label) > 1 else 10)


def _escapes(text: str) -> str:
    """Normalise percent-encoding; text that needs nothing is returned as it is."""
    return _TO_REWRITE.sub(_rewrite, text) if _NOT_ALLOWED.search(text) else text


def _rewrite(match: re.Match[str]) -> str:
    found = match[0]
    if len(found) == 3:
        character = chr(int(found[1:], 16))
        return character if character in _UNRESERVED else found.upper()
    return "".join(f"%{byte:02X}" for byte in found.encode())


def _without_dot_segments(path: str) -> str:
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _without_tracking(query: str) -> str:
    if not query:
        return ""
    if "&amp;" in query:
        query = re.sub(r"&(?:amp;)+", "&", query)
    kept = [p for p in query.split("&") if p and not _TRACKING.fullmatch(p.partition("=")[0])]
    return "&".join(kept)
