"""What a check found, as an in-toto statement that the holder can sign and hand to an auditor.

The envelope is in-toto's Statement, version 1; what it says about the copy is ours (docs/checking.md). It
names no file, row, address or digest of an entry: the copy is named by one digest over its files.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from takedown import __version__, disk
from takedown.apply import Outcome
from takedown.apply.check import Checked
from takedown.subscribe import LocalBlocklist

#: in-toto Attestation Framework, Statement v1.
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
#: Ours; a name, not a place to look at.
PREDICATE_TYPE = "urn:dataset-takedown:check:v1"


def statement(
    listing: LocalBlocklist, checked: Checked, today: date, removed: int | None = None
) -> dict[str, Any]:
    """The statement as JSON values.

    Args:
        listing: the verified list that the copy was held against.
        checked: what was found.
        today: day of the check.
        removed: rows that the last apply of this list removed, None where none is known.
    """
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "dataset copy", "digest": {"sha256": checked.copy.sha256}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "clean": checked.clean,
            "checked": today.isoformat(),
            "tool": {"name": "dataset-takedown", "version": __version__},
            "list": _list(listing),
            "copy": {
                "inventory_sha256": checked.copy.sha256,
                "shards": checked.copy.shards,
                "bytes": checked.copy.bytes,
            },
            "result": {"removed_by_last_apply": removed} | _result(checked.outcome),
        },
    }


def write(path: Path, value: dict[str, Any]) -> None:
    """Write a statement whole.

    Raises:
        OSError: it cannot be written there.
    """
    disk.write(path, json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n")


def _list(listing: LocalBlocklist) -> dict[str, Any]:
    return {
        "publisher": listing.manifest.publisher,
        "dataset_ids": list(listing.manifest.dataset_ids),
        "edition": listing.edition,
        "seq": listing.seq,
        "state_sha256": listing.state_sha256,
        "root_keyids": list(listing.root_keyids),
        "newest_on": listing.confirmed.isoformat() if listing.confirmed else None,
    }


def _result(outcome: Outcome) -> dict[str, Any]:
    return {
        "rows_read": outcome.rows_in,
        "listed_remaining": outcome.removed,
        "listed_remaining_by_kind": outcome.removed_by_kind,
        "uncheckable": outcome.uncheckable,
        "files_not_checked": len(outcome.errors),
    }
