"""Being sure about a copy: `takedown check` and `takedown inventory`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from takedown.commands import reporting, sources
from takedown.commands.sources import add_inventory, add_sources, add_workers, blocklist, warn
from takedown.commands.terminal import Commands, declare, note, progress, say, say_json
from takedown.errors import ListedRemain, Stale, UsageError

if TYPE_CHECKING:
    from takedown.apply.check import Checked
    from takedown.subscribe import LocalBlocklist

_AGE = re.compile(r"([1-9][0-9]{0,3})([dw])")


def add(commands: Commands) -> None:
    """Declare the commands."""
    _add_check(commands)
    _add_inventory(commands)


def _add_check(commands: Commands) -> None:
    parser = declare(
        commands,
        "check",
        "Exit with 0 only when nothing on the list is left in a copy. Writes nothing.",
        "takedown check clean/ --max-age 35d --statement check.json",
        check,
        details="For gates in pipelines and for auditors. 7 means that listed rows remain, 6 that the list "
        "is older than --max-age, 3 that a file could not be read, so that nobody knows. The statement is an "
        "in-toto statement for you to sign; it holds counts and digests, and no row, address or file name.",
    )
    add_sources(parser, stores=False)
    parser.add_argument(
        "--max-age",
        type=_days,
        metavar="35d",
        help="refuse a list that was last known to be the newest longer ago (days d, weeks w)",
    )
    parser.add_argument(
        "--statement", type=Path, metavar="F", help="write what was found as in-toto statement"
    )
    add_inventory(parser)
    add_workers(parser)


def _add_inventory(commands: Commands) -> None:
    parser = declare(
        commands,
        "inventory",
        "Take the keys of a copy once, so that later lists open only the shards they name.",
        "takedown inventory laion/*.parquet --out laion.inventory",
        inventory,
        details="At most 16 bytes a row. Run it again after the copy changed: shards that did not change are "
        "not read again. Then give it to plan, apply and check with --inventory.",
    )
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="a .parquet file, a .tar shard, an address list or a folder",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the inventory")
    add_workers(parser)


def check(arguments: argparse.Namespace) -> int:
    """Look for listed rows; 0 when there are none."""
    from takedown import statement
    from takedown.apply.check import check as look

    listing = blocklist(arguments)
    today = datetime.now(UTC).date()
    warn(listing)
    _refuse_old(listing, arguments.max_age, today)
    known = sources.inventory(arguments)
    with progress("checking") as tell:
        checked = look(listing, arguments.sources, inventory=known, workers=arguments.workers, progress=tell)
    if arguments.statement:
        removed = reporting.removed(arguments, listing.state_sha256)
        _write(arguments.statement, statement.statement(listing, checked, today, removed))
    return _tell(checked, listing, arguments.json)


def inventory(arguments: argparse.Namespace) -> int:
    """Take the keys; 3 when a file could not be read."""
    from takedown.apply.inventory import build

    with progress("taking keys") as tell:
        built = build(arguments.out, arguments.sources, workers=arguments.workers, progress=tell)
    for failure in built.failures:
        note(failure.message)
    if arguments.json:
        errors = [vars(failure) for failure in built.failures]
        say_json(
            {"shards": built.shards, "rows": built.rows, "read": built.read, "bytes": built.bytes}
            | {"errors": errors}
        )
    else:
        from takedown.report import counted

        each = f", {built.bytes / built.rows:.1f} bytes a row" if built.rows else ""
        rows, shards, read = ((built.rows, "row"), (built.shards, "shard"), (built.read, "shard"))
        say(f"{counted(*rows)} in {counted(*shards)}{each}; {counted(*read)} read.")
    return 3 if built.failures else 0


def _refuse_old(listing: LocalBlocklist, most: int | None, today: date) -> None:
    if most is None:
        return
    if listing.confirmed is None:
        raise Stale(
            "It is not known when this list was last the newest; run 'takedown sync' first.",
            slug="list-too-old",
        )
    if (today - listing.confirmed).days < -1:  # a clock was wrong then, or is now
        raise Stale(
            f"This list says it was last known to be the newest on {listing.confirmed}, a day still to "
            "come; set the clock of this machine, and run 'takedown sync'.",
            slug="list-too-old",
        )
    if (today - listing.confirmed).days > most:
        raise Stale(
            f"This list was last known to be the newest on {listing.confirmed}, longer ago than --max-age "
            "allows; run 'takedown sync' first.",
            slug="list-too-old",
        )


def _tell(checked: Checked, listing: LocalBlocklist, as_json: bool) -> int:
    from takedown import report

    outcome = checked.outcome
    outcome.list_day = listing.manifest.created.isoformat()
    outcome.confirmed = listing.confirmed.isoformat() if listing.confirmed else None
    for failure in outcome.errors:
        note(failure.message)
    if as_json:
        copy = {"copy": {"shards": checked.copy.shards, "sha256": checked.copy.sha256}}
        say_json({"clean": checked.clean} | report.to_json(outcome) | copy)
    else:
        for line in _lines(checked, listing):
            say(line)
    if outcome.removed:
        rows, remain = (
            report.counted(outcome.removed, "listed row"),
            "remains" if outcome.removed == 1 else "remain",
        )
        note(f"{rows} {remain} in this copy; run 'takedown apply' on it.")
        return ListedRemain.exit_code
    return 3 if outcome.errors else 0


def _lines(checked: Checked, listing: LocalBlocklist) -> Iterator[str]:
    from takedown.report import counted, uncheckable

    outcome, shards = checked.outcome, counted(checked.copy.shards, "shard")
    known = f", last known to be the newest on {listing.confirmed}" if listing.confirmed else ""
    yield f"List      {outcome.edition}, release {outcome.seq}{known}"
    yield f"Copy      {counted(outcome.rows_in, 'row')} in {shards}, {checked.copy.sha256[:16]}"
    yield from uncheckable(outcome)
    if checked.clean:
        yield "Clean     nothing on the list is left."
    elif not outcome.removed:
        yield f"Unknown   {counted(len(outcome.errors), 'file')} could not be read, named in the messages."


def _write(path: Path, value: dict[str, Any]) -> None:
    from takedown import statement

    try:
        statement.write(path, value)
    except OSError as error:
        raise UsageError(
            f"The statement cannot be written to {path} ({error.strerror}); give another place.",
            slug="statement-not-writable",
        ) from error


def _days(text: str) -> int:
    found = _AGE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError("give a number of days or weeks, such as 35d or 5w")
    return int(found[1]) * (7 if found[2] == "w" else 1)
