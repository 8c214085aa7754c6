"""What a run of plan, apply or restore did, for programs and for people. Counts only, never a row."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from takedown.apply import Outcome, Restored

#: How a row came to be named, in words.
_BY = {
    "url_sha256": "by address",
    "row_sha256": "by address and caption",
    "img_sha256": "by file (SHA-256)",
    "img_md5": "by file (MD5)",
}
#: Why a row could not be held against some kind on the list, in words.
_WHY = {
    "null-url": "no address",
    "null-url-and-caption": "neither address nor caption",
    "no-sha256": "no SHA-256 of the file",
    "no-md5": "no MD5 of the file",
    "no-caption-column": "no column for the caption",
    "no-sha256-column": "no column for the SHA-256 of the file",
    "no-md5-column": "no column for the MD5 of the file",
}
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Exactly the fields that other tools rely on.

    Returns:
        edition, seq, state_sha256, files, rows_in, rows_out, removed_by_kind, quarantined_by_kind, null_urls,
        uncheckable: {reason: rows}, bytes_read, bytes_written, other_names, list_day, confirmed, resumed,
        errors: a list of {file, error, message}.
    """
    return asdict(outcome)


def to_text(outcome: Outcome, *, out: Path | str | None = None, in_place: bool = False) -> str:
    """A report to read.

    Args:
        outcome: what was counted.
        out: where the result was written; None after `plan`, or in place.
        in_place: the sources were replaced.
    """
    planned = out is None and not in_place
    lines = [
        *([_bytes(outcome, out, in_place), ""] if planned else []),
        f"List      {outcome.edition}, release {outcome.seq}{_days(outcome)}",
        f"Files     {outcome.files:,}{_resumed(outcome)}",
        f"Rows      {outcome.rows_in:,} read",
        _removed(outcome, planned),
        *_quarantined(outcome, planned),
        f"          {outcome.rows_out:,} {'would stay' if planned else 'kept'}",
        *uncheckable(outcome),
        *_other_names(outcome, planned),
        *([] if out is None else [f"Result    {out}"]),
        *([] if planned else ["", _bytes(outcome, out, in_place)]),
    ]
    if outcome.errors:
        lines += ["", f"Not dealt with, and not in the result: {len(outcome.errors)}, named in the messages."]
    return "\n".join(lines)


def restored_to_json(restored: Restored) -> dict[str, Any]:
    """edition, seq, state_sha256, files, rows_restored, rows_kept, errors."""
    return asdict(restored)


def restored_to_text(restored: Restored) -> str:
    """A report to read."""
    lines = [
        f"List      {restored.edition}, release {restored.seq}",
        f"Rows      {restored.rows_restored:,} put back, in {counted(restored.files, 'file')}",
        f"          {restored.rows_kept:,} {'stays' if restored.rows_kept == 1 else 'stay'} aside",
    ]
    if restored.errors:
        lines += ["", f"Not dealt with: {len(restored.errors)}, named in the messages."]
    return "\n".join(lines)


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number of things: "1 file", "2,000 files"."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def size(count: int) -> str:
    """Bytes in a unit that reads well: powers of 1000, one decimal."""
    value = float(count)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            break
        value /= 1000
    return counted(count, "byte") if unit == "bytes" else f"{value:.1f} {unit}"


def _days(outcome: Outcome) -> str:
    if outcome.list_day is None:
        return ""
    known = f"; known to be the newest on {outcome.confirmed}" if outcome.confirmed else ""
    return f" of {outcome.list_day}{known}"


def _resumed(outcome: Outcome) -> str:
    return (
        f", of which {outcome.resumed:,} {'was' if outcome.resumed == 1 else 'were'} done by an earlier run"
        if outcome.resumed
        else ""
    )


def _kinds(by_kind: dict[str, int]) -> str:
    parts = [f"{count:,} {_BY[kind]}" for kind, count in by_kind.items() if count]
    return f" ({', '.join(parts)})" if parts else ""


def _removed(outcome: Outcome, planned: bool) -> str:
    what = "would go" if planned else "removed"
    return f"          {outcome.removed:,} {what}{_kinds(outcome.removed_by_kind)}"


def _quarantined(outcome: Outcome, planned: bool) -> list[str]:
    if not outcome.quarantined:
        return []
    what = "of them would be kept aside" if planned else "of them kept aside in the ledger"
    return [f"          {outcome.quarantined:,} {what}{_kinds(outcome.quarantined_by_kind)}"]


def uncheckable(outcome: Outcome) -> list[str]:
    """A line for each reason why rows could not be held against some kind of entry."""
    reasons = dict(outcome.uncheckable)
    if outcome.null_urls:
        reasons["null-url"] = max(outcome.null_urls, reasons.get("null-url", 0))
    return [
        f"          {count:,} could not be compared in full: {_WHY.get(reason, reason)}"
        for reason, count in sorted(reasons.items())
    ]


def _other_names(outcome: Outcome, planned: bool) -> list[str]:
    if not outcome.other_names:
        return []
    one = outcome.other_names == 1
    keep = "would keep" if planned else "keeps" if one else "keep"
    have = "has another name (a hard link)" if one else "have other names (hard links)"
    line = f"{outcome.other_names:,} of the replaced files {have}, which {keep}"
    return ["", f"{line} the old content with the listed rows."]


def _bytes(outcome: Outcome, out: Path | str | None, in_place: bool) -> str:
    read, written = size(outcome.bytes_read), size(outcome.bytes_written)
    if in_place:
        return f"Read {read}, wrote {written} in place. Files without a listed row are as they were."
    if out is None:
        return (
            f"Applying reads {read} and writes about {written}. Nothing was written now, and tars that have "
            "a sidecar were not opened."
        )
    return f"Read {read}, wrote {written}. The originals are as they were."
