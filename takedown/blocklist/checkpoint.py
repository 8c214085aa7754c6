"""The checkpoint: size and root of the receipts log at one release. A TUF target of its own.

A log without leaves is a true log too: its RFC 6962 root is the SHA-256 of nothing.
"""

from __future__ import annotations

import hashlib

from takedown.blocklist import canonical
from takedown.blocklist.manifest import Log

FORMAT = 1
MAX_BYTES = 10_000

#: RFC 6962, section 2.1: the hash of an empty list is the hash of an empty string.
EMPTY_LOG = Log(0, hashlib.sha256(b"").hexdigest())


def to_bytes(seq: int, log: Log) -> bytes:
    """The checkpoint of release ``seq`` as canonical JSON."""
    return canonical.to_bytes({"format": FORMAT, "seq": seq, "size": log.size, "root": log.root})


def from_bytes(data: bytes, seq: int) -> Log:
    """Read the checkpoint of release ``seq`` strictly.

    Raises:
        VerificationFailed: slug ``checkpoint-invalid``.
    """
    value = canonical.from_bytes(data, "checkpoint")
    fields = canonical.Fields(value, ("format", "seq", "size", "root"), "checkpoint")
    if (fields.count("format"), fields.count("seq")) != (FORMAT, seq):
        fields.fail("belongs to another release or format")
    return Log(fields.count("size"), fields.sha256("root"))
