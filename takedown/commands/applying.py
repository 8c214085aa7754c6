"""Removing what the list names from a copy, and putting it back: `takedown plan`, `apply` and `restore`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from takedown.commands import reporting, stores
from takedown.commands.sources import (
    add_inventory,
    add_ledger,
    add_sources,
    add_workers,
    blocklist,
    inventory,
    ledger_folder,
    warn,
)
from takedown.commands.terminal import Commands, declare, note, progress, say, say_json, state_folder

if TYPE_CHECKING:
    from takedown.apply import Outcome
    from takedown.apply.forecast import Forecast
    from takedown.subscribe import LocalBlocklist


def add(commands: Commands) -> None:
    """Declare the commands."""
    _add_plan(commands)
    _add_apply(commands)
    _add_restore(commands)


def _add_plan(commands: Commands) -> None:
    parser = declare(
        commands,
        "plan",
        "Say what applying the list would remove, read and write. Writes nothing.",
        "takedown plan laion/*.parquet",
        plan,
        details="Only the columns that the list speaks about are read, and of img2dataset shards only "
        "the sidecars: whether a tar holds samples that its sidecar does not list is found by apply.",
    )
    add_sources(parser)
    _add_place(parser, needed=False)
    add_inventory(parser)
    add_workers(parser)


def _add_apply(commands: Commands) -> None:
    parser = declare(
        commands,
        "apply",
        "Write a copy of the data without the rows on the list.",
        "takedown apply laion/*.parquet --out clean/",
        apply,
        details="With --out the originals are never touched. Files without a removal are hard links to the "
        "originals where the file system allows it: replace such a file, do not edit it in place. With "
        "--in-place each source that has a listed row is replaced by one rename; other hard links to it keep "
        "the old content. After an interruption run the same command again: what is done is not done twice. "
        "A file that cannot be dealt with is named and left out, what an earlier run made of it is set aside "
        "under a hidden name, and the exit code is 3. Files of other kinds are not copied.",
    )
    add_sources(parser)
    _add_place(parser, needed=True)
    add_inventory(parser)
    add_workers(parser)
    add_ledger(parser)
    parser.add_argument(
        "--removed",
        type=Path,
        metavar="F.parquet",
        help="write a table of the removed rows (file, row, kind, digest), readable by you alone. It is a "
        "list of exactly the rows that people asked to have removed: guard it, and delete it when it served",
    )


def _add_restore(commands: Commands) -> None:
    parser = declare(
        commands,
        "restore",
        "Put back rows that were kept aside and that the list no longer names.",
        "takedown restore --out clean/",
        restore,
        details="Only rows that apply kept aside can come back: all of them where the list's disposition is "
        "quarantine, otherwise those named by MD5 alone. They return to their old places. Nothing is put "
        "back unless the signatures still say that the list is the newest: run takedown sync before.",
    )
    add_sources(parser, needed=False)
    parser.add_argument("--out", type=stores.place, metavar="DIR", help="a folder that apply wrote")
    add_ledger(parser)


def _add_place(parser: argparse.ArgumentParser, *, needed: bool) -> None:
    place = parser.add_mutually_exclusive_group(required=needed)
    place.add_argument(
        "--out",
        type=stores.place,
        metavar="DIR",
        help="folder for the result, with the layout of the sources; not inside a source. In a store it gets "
        "only the shards that changed",
    )
    place.add_argument(
        "--in-place",
        action="store_true",
        help="replace the sources themselves, file by file; those without a listed row are not touched",
    )


def plan(arguments: argparse.Namespace) -> int:
    """Count; 3 when a source could not be read."""
    from takedown import apply as applying

    if stores.wanted(arguments):
        return _report(*stores.run(arguments, planning=True), arguments.json)
    listing = blocklist(arguments)
    warn(listing)
    with progress("planning") as tell:
        outcome = applying.plan(
            listing,
            arguments.sources,
            out=arguments.out,
            in_place=arguments.in_place,
            inventory=inventory(arguments),
            workers=arguments.workers,
            progress=tell,
            announce=_announce,
        )
    return _report(outcome, listing, arguments.json)


def apply(arguments: argparse.Namespace) -> int:
    """Apply; 3 when a source could not be dealt with."""
    from takedown import apply as applying

    if stores.wanted(arguments):
        outcome, listing = stores.run(arguments, planning=False)
        return _applied(arguments, outcome, listing)
    listing = blocklist(arguments)
    warn(listing)
    with progress("applying") as tell:
        outcome = applying.apply(
            listing,
            arguments.sources,
            arguments.out,
            workers=arguments.workers,
            in_place=arguments.in_place,
            ledger=ledger_folder(arguments),
            removed=arguments.removed,
            inventory=inventory(arguments),
            progress=tell,
            waiting=_waiting,
            announce=_announce,
        )
    return _applied(arguments, outcome, listing)


def _applied(arguments: argparse.Namespace, outcome: Outcome, listing: LocalBlocklist) -> int:
    code = _report(outcome, listing, arguments.json, arguments.out, arguments.in_place)
    reporting.keep(arguments, outcome, arguments.out, in_place=arguments.in_place)
    return code


def restore(arguments: argparse.Namespace) -> int:
    """Restore; 3 when rows could not be put back, 6 when the list may not be the newest."""
    from takedown import apply as applying
    from takedown import report

    listing = blocklist(arguments)
    _need_fresh(state_folder(arguments))
    warn(listing)
    if stores.wanted(arguments):
        restored = stores.restore(arguments, listing)
    else:
        with progress("restoring", "shards") as tell:
            restored = applying.restore(
                listing,
                arguments.sources,
                out=arguments.out,
                ledger=ledger_folder(arguments),
                progress=tell,
                waiting=_waiting,
            )
    for failure in restored.errors:
        note(failure.message)
    if arguments.json:
        say_json(report.restored_to_json(restored))
    else:
        say(report.restored_to_text(restored))
    return 3 if restored.errors else 0


def _need_fresh(state: Path) -> None:
    """Rows come back because a publisher says so, never because nobody says otherwise. Raises Stale."""
    from takedown.errors import Stale
    from takedown.subscribe.fresh import expiry_warnings

    if expiry_warnings(state):
        raise Stale(
            "Nothing says any more that the list kept here is the newest, so no row was put back; run "
            "'takedown sync' first.",
            slug="restore-needs-sync",
        )


def _announce(forecast: Forecast) -> None:
    from takedown.report import counted, size

    if forecast.files:
        note(
            f"Reading {size(forecast.scan_bytes)} of {size(forecast.total_bytes)} in "
            f"{counted(forecast.files, 'file')} to find the listed rows."
        )


def _waiting() -> None:
    note("Another run of takedown writes to this folder; waiting until it ends.")


def _report(
    outcome: Outcome,
    listing: LocalBlocklist,
    as_json: bool,
    out: Path | str | None = None,
    in_place: bool = False,
) -> int:
    from takedown import report

    outcome.list_day = listing.manifest.created.isoformat()
    outcome.confirmed = listing.confirmed.isoformat() if listing.confirmed else None
    for failure in outcome.errors:
        note(failure.message)
    if as_json:
        say_json(report.to_json(outcome))
    elif outcome.files or not outcome.errors:  # a report of noughts would hide the messages
        say(report.to_text(outcome, out=out, in_place=in_place))
    return 3 if outcome.errors else 0
