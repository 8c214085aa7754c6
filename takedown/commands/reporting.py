"""The report of the last `takedown apply`, kept in the state folder and shown again: `takedown report`."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from takedown.commands.terminal import Commands, declare, note, say, say_json, state_folder, state_option
from takedown.errors import NothingToSync, VerificationFailed

if TYPE_CHECKING:
    from takedown.apply import Outcome

#: In the state folder; readable by its owner alone, since it names files of the copy.
KEPT = "report.json"


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "report",
        "Show the report of the last apply again.",
        "takedown report --json",
        report,
        details="Counts and the list they are about, as apply printed them, and the day; never a row. The "
        "exit code is that of the apply: 3 when files could not be dealt with.",
    )
    state_option(parser)


def keep(arguments: argparse.Namespace, outcome: Outcome, out: Path | str | None, *, in_place: bool) -> None:
    """Keep the report of an apply. A state folder that cannot be written costs the report alone."""
    from takedown import disk
    from takedown.report import to_json

    value = {
        "day": datetime.now(UTC).date().isoformat(),
        "out": None if out is None else str(out),
        "in_place": in_place,
        "report": to_json(outcome),
    }
    try:
        disk.write(state_folder(arguments) / KEPT, json.dumps(value).encode(), mode=0o600)
    except OSError as error:
        note(f"Warning: the report was not kept ({error.strerror}).")


def removed(arguments: argparse.Namespace, state_sha256: str) -> int | None:
    """Rows that the last apply of this very list removed; None when there was none."""
    try:
        found = _load(arguments)["report"]
    except (NothingToSync, VerificationFailed):
        return None
    return sum(found["removed_by_kind"].values()) if found["state_sha256"] == state_sha256 else None


def report(arguments: argparse.Namespace) -> int:
    """Show it; 5 when nothing was applied yet."""
    from takedown.apply import Failure, Outcome
    from takedown.report import to_text

    kept = _load(arguments)
    found = kept["report"]
    if arguments.json:
        say_json({"day": kept["day"]} | found)
    else:
        errors = [Failure(**error) for error in found["errors"]]
        for failure in errors:
            note(failure.message)
        say(f"Applied   {kept['day']}")
        say(to_text(Outcome(**found | {"errors": errors}), out=kept["out"], in_place=kept["in_place"]))
    return 3 if found["errors"] else 0


def _load(arguments: argparse.Namespace) -> dict[str, Any]:
    path = state_folder(arguments) / KEPT
    try:
        value = json.loads(path.read_bytes())
        if set(value) != {"day", "out", "in_place", "report"} or not isinstance(value["report"], dict):
            raise ValueError
    except FileNotFoundError:
        raise NothingToSync(
            "Nothing was applied with this state folder yet; run 'takedown apply' first.", slug="no-report"
        ) from None
    except (OSError, ValueError) as error:
        raise VerificationFailed(
            f"The report in {path} cannot be read; delete the file, and run 'takedown apply' again.",
            slug="local-altered",
        ) from error
    return dict(value)
