"""Removing what the list names from a copy: `takedown plan` and `apply`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from takedown.commands.sources import add_sources, blocklist
from takedown.commands.terminal import Commands, declare, note, progress, say, say_json

if TYPE_CHECKING:
    from takedown.apply import Outcome


def add(commands: Commands) -> None:
    """Declare the commands."""
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
    _add_out(parser, required=False)
    parser = declare(
        commands,
        "apply",
        "Write a copy of the data without the rows on the list.",
        "takedown apply laion/*.parquet --out clean/",
        apply,
        details="The originals are never touched. Files without a removal are hard links to the originals "
        "where the file system allows it: replace such a file, do not edit it in place. After an "
        "interruption run the same command again. A file that cannot be dealt with is named and left out, "
        "what an earlier run made of it is set aside under a hidden name, and the exit code is 3. Files of "
        "other kinds are not copied.",
    )
    add_sources(parser)
    _add_out(parser, required=True)


def _add_out(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        required=required,
        metavar="DIR",
        help="folder for the result, with the layout of the sources; not inside a source",
    )


def plan(arguments: argparse.Namespace) -> int:
    """Count; 3 when a source could not be read."""
    from takedown import apply as applying

    with progress("planning") as tell:
        outcome = applying.plan(blocklist(arguments), arguments.sources, out=arguments.out, progress=tell)
    return _report(outcome, arguments.json)


def apply(arguments: argparse.Namespace) -> int:
    """Apply; 3 when a source could not be dealt with."""
    from takedown import apply as applying

    with progress("applying") as tell:
        outcome = applying.apply(
            blocklist(arguments), arguments.sources, arguments.out, progress=tell, waiting=_waiting
        )
    return _report(outcome, arguments.json, arguments.out)


def _waiting() -> None:
    note("Another run of takedown apply writes to this folder; waiting until it ends.")


def _report(outcome: Outcome, as_json: bool, out: Path | None = None) -> int:
    from takedown import report

    for failure in outcome.errors:
        note(failure.message)
    if as_json:
        say_json(report.to_json(outcome))
    else:
        say(report.to_text(outcome, out=out))
    return 3 if outcome.errors else 0
