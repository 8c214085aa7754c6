"""One published entry: a kind and a digest, nothing else (docs/releases.md, "Entries").

A full digest is as long as its kind; a k-anonymous edition cuts every digest to its first ``prefix_hex``
hexadecimal digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from takedown.errors import BadKey, UsageError
from takedown.keys import PUBLISHED_KINDS, WIDTHS, Key

#: prefix_hex of an edition that lists full digests.
FULL = 64

#: Kinds in the order in which lists are sorted (plain ASCII order of their names).
KINDS = tuple(sorted(PUBLISHED_KINDS))

_FULL_DIGEST = {kind: re.compile(rf"[0-9a-f]{{{2 * WIDTHS[kind]}}}") for kind in KINDS}


def check_prefix_hex(prefix_hex: int) -> int:
    """The number itself.

    Raises:
        UsageError: not between 1 and 64.
    """
    if not 1 <= prefix_hex <= FULL:
        raise UsageError(f"prefix_hex is the number of hexadecimal digits kept, 1 to {FULL}.")
    return prefix_hex


def digest_hex(kind: str, prefix_hex: int) -> int:
    """Hexadecimal digits of an entry of this kind: never more than the full digest has (32 for md5)."""
    return min(prefix_hex, 2 * WIDTHS[kind])


def validate(key: Key) -> Key:
    """The key itself, when a release may list it in full.

    Raises:
        BadKey: not a published kind, or not the whole digest in lowercase hex.
    """
    pattern = _FULL_DIGEST.get(key.kind)
    if pattern is None:
        raise BadKey(f"A release lists only {', '.join(PUBLISHED_KINDS)}; leave other kinds out.")
    if not pattern.fullmatch(key.digest):
        raise BadKey(f"A {key.kind} entry is {2 * WIDTHS[key.kind]} lowercase hexadecimal digits.")
    return key


def truncate(keys: Iterable[Key], prefix_hex: int) -> Iterator[Key]:
    """Full keys, validated and cut to the edition's length. Twins that share a prefix are not merged here.

    Raises:
        BadKey: a key is not a full published key.
        UsageError: ``prefix_hex`` out of range.
    """
    check_prefix_hex(prefix_hex)
    for key in keys:
        validate(key)
        yield Key(key.kind, key.digest[:prefix_hex])
