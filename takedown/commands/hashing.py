"""`takedown hash`: fingerprint tables of the pictures in a dataset copy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from takedown.commands.terminal import Commands, declare, note, progress, say, say_json

if TYPE_CHECKING:
    from takedown.hashing import Report


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "hash",
        "Fingerprint the pictures of a dataset copy, as tables that a publisher can attach.",
        "takedown hash laion-images/ --out tables/",
        hash_,
        details="Every picture is read in a confined process. A table holds digests, perceptual hashes and "
        "sizes, and the SHA-256 of each address: no address, caption or picture. Stop at any time; the same "
        "command goes on where it was, and does again what has changed. A shard that cannot be read is "
        "listed with the reason; the others are done, and the exit code is 3. "
        "Needs the optional part: pip install '.[index]' in the project's folder",
    )
    parser.add_argument(
        "sources", nargs="+", metavar="SHARDS", help="an img2dataset tar, a folder of them, or of pictures"
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="T", help="folder for the tables, one for each shard"
    )
    parser.add_argument(
        "--workers", type=_count, metavar="N", help="processes that work at a time (default: one a core)"
    )


def hash_(arguments: argparse.Namespace) -> int:
    """Make the tables; 3 when a shard has none."""
    from takedown.hashing import hash_shards

    with progress("hashing", "pictures") as tell:
        report = hash_shards(arguments.sources, arguments.out, workers=arguments.workers, progress=tell)
    for path, error in report.errors:
        note(f"{path}: {error.sentence}")
    if arguments.json:
        say_json(report.to_json())
    else:
        _describe(report)
    return 3 if report.errors else 0


def _describe(report: Report) -> None:
    counts = report.counts
    before = f", {report.kept:,} of them from before" if report.kept else ""
    say(f"{report.out}: {report.tables:,} tables{before}, {counts['lines']:,} lines")
    say(
        f"  {counts['pictures']:,} pictures: {counts['readable']:,} readable, "
        f"{counts['unreadable']:,} unreadable; {counts['low_quality']:,} with too little detail to compare"
    )
    rate = f", {report.hashed / report.seconds:,.0f} a second" if report.hashed else ""
    say(f"  {report.hashed:,} hashed now in {report.seconds:,.1f} s{rate}")
    if report.errors:
        say(f"  without a table: {len(report.errors):,}")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError("the number of processes is a whole number from 1 to 1024")
    return int(text)
