"""What a run of plan or apply did, for programs and for people. Counts only, never a row."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from takedown.apply import Outcome

#: How a row came to be named, in words.
_BY = {
    "url_sha256": "by address",
    "row_sha256": "by address and caption",
    "img_sha256": "by file (SHA-256)",
    "img_md5": "by file (MD5)",
}
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Exactly the fields that other tools rely on.

    Returns:
        edition, seq, state_sha256, files, rows_in, rows_out, removed_by_kind, null_urls, bytes_read,
        bytes_written, errors: a list of {file, error, message}.
    """
    return asdict(outcome)


def to_text(outcome: Outcome, *, out: Path | None = None) -> str:
    """A report to read.

    Args:
        outcome: what was counted.
        out: where the result was written; None after `plan`.
    """
    planned = out is None
    lines = [
        f"List      {outcome.edition}, release {outcome.seq}",
        f"Files     {outcome.files:,}",
        f"Rows      {outcome.rows_in:,} read",
        f"          {outcome.removed:,} {'would go' if planned else 'removed'}{_kinds(outcome)}",
        f"          {outcome.rows_out:,} {'would stay' if planned else 'kept'}",
    ]
    if outcome.null_urls:
        lines.append(
            f"          {outcome.null_urls:,} without an address, which no address on the list can name"
        )
    lines += ["", _bytes(outcome, out)]
    if outcome.errors:
        lines += ["", f"Not dealt with, and not in the result: {len(outcome.errors)}, named in the messages."]
    return "\n".join(lines)


def size(count: int) -> str:
    """Bytes in a unit that reads well: powers of 1000, one decimal."""
    value = float(count)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            break
        value /= 1000
    return f"{count} bytes" if unit == "bytes" else f"{value:.1f} {unit}"


def _kinds(outcome: Outcome) -> str:
    parts = [f"{count:,} {_BY[kind]}" for kind, count in outcome.removed_by_kind.items() if count]
    return f" ({', '.join(parts)})" if parts else ""


def _bytes(outcome: Outcome, out: Path | None) -> str:
    read, written = size(outcome.bytes_read), size(outcome.bytes_written)
    if out is None:
        return (
            "Nothing was written, and tars that have a sidecar were not opened. "
            f"Applying reads {read} and writes about {written}."
        )
    return f"Read {read}, wrote {written} to {out}. The originals are as they were."
