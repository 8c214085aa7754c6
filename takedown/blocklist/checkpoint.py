"""The checkpoint: size and root of the receipts log at one release. A TUF target of its own.

It also carries the frontier (``peaks``): with it and the leaves of the next release anyone can work out the
next root, and so see that the log only grew, without the leaves of all releases before.

A log without leaves is a true log too: its RFC 6962 root is the SHA-256 of nothing.
"""

from __future__ import annotations

from takedown.blocklist import canonical
from takedown.blocklist.log import Frontier
from takedown.blocklist.manifest import Log

FORMAT = 1
MAX_BYTES = 10_000
#: More than any size an integer of canonical JSON can have.
_MOST_PEAKS = 53


def log_of(frontier: Frontier) -> Log:
    """Size and root as manifests have them."""
    return Log(frontier.size, frontier.root.hex())


EMPTY_LOG = log_of(Frontier())


def to_bytes(seq: int, frontier: Frontier) -> bytes:
    """The checkpoint of release ``seq`` as canonical JSON."""
    log = log_of(frontier)
    peaks = [peak.hex() for peak in frontier.peaks]
    return canonical.to_bytes(
        {"format": FORMAT, "seq": seq, "size": log.size, "root": log.root, "peaks": peaks}
    )


def read(data: bytes, seq: int) -> Frontier:
    """Read the checkpoint of release ``seq`` strictly; its peaks must lead to its root.

    Raises:
        VerificationFailed: slug ``checkpoint-invalid``.
    """
    value = canonical.from_bytes(data, "checkpoint")
    fields = canonical.Fields(value, ("format", "seq", "size", "root", "peaks"), "checkpoint")
    if (fields.count("format"), fields.count("seq")) != (FORMAT, seq):
        fields.fail("belongs to another release or format")
    size = fields.count("size")
    peaks = fields.items("peaks", _MOST_PEAKS)
    hashes = (canonical.Fields({"peak": peak}, ("peak",), "checkpoint").sha256("peak") for peak in peaks)
    found = tuple(map(bytes.fromhex, hashes))
    if len(found) != size.bit_count() or Frontier(size, found).root.hex() != fields.sha256("root"):
        fields.fail("has peaks that do not lead to its root")
    return Frontier(size, found)


def from_bytes(data: bytes, seq: int) -> Log:
    """Size and root of the checkpoint of release ``seq``, read strictly.

    Raises:
        VerificationFailed: slug ``checkpoint-invalid``.
    """
    return log_of(read(data, seq))
