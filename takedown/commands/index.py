"""`takedown index`: make the index of a dataset, let it grow, describe it, doubt it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from takedown.commands.terminal import Commands, declare, declare_group, progress, say, say_json, shown

if TYPE_CHECKING:
    from takedown.index import IndexInfo, Plan

_UNITS = {"M": 20, "G": 30, "T": 40}


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.add_parser("index", help="Build an index of a dataset, add to it, or describe it.")
    parts = declare_group(group)
    _add_making(parts)
    parser = declare(
        parts,
        "info",
        "Say what an index holds and what it can compare.",
        "takedown index info laion.index",
        info,
    )
    parser.add_argument("index", type=Path, metavar="DIR", help="folder of the index")
    parser = declare(
        parts,
        "verify",
        "Read a whole index and check that nothing in it, or in its sources, has changed.",
        "takedown index verify laion.index",
        verify,
    )
    parser.add_argument("index", type=Path, metavar="DIR", help="folder of the index")
    parser.add_argument(
        "--rows", type=_count, default=100, metavar="N", help="rows that must find themselves (default 100)"
    )


def _add_making(parts: Commands) -> None:
    parser = declare(
        parts,
        "plan",
        "Say what building an index will take: rows, keys, time, memory and disk.",
        "takedown index plan laion/*.parquet",
        plan,
        details="Reads footers and samples rows for half a minute. Writes nothing.",
    )
    _sources(parser)
    parser.add_argument(
        "--seconds", type=_count, default=30, metavar="N", help="how long to sample (default 30)"
    )
    parser = declare(
        parts,
        "build",
        "Build an index from Parquet metadata, img2dataset folders or folders of pictures.",
        "takedown index build --out laion.index laion/*.parquet",
        build,
        details="Stopped or killed, it goes on where it was when the same command is run again. Metadata "
        "alone makes addresses findable; pictures need the optional part: pip install '.[index]' in the "
        "project's folder.",
    )
    _sources(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="new folder for the index")
    parser.add_argument("--name", metavar="N", help="what to call it (default: the name of the folder)")
    parser = declare(
        parts,
        "add",
        "Add the rows of more sources to an index, without building the rest again.",
        "takedown index add laion.index more/*.parquet",
        grow,
        details="Shards that the index holds already are passed over. Rows keep their numbers.",
    )
    parser.add_argument("index", type=Path, metavar="DIR", help="folder of the index")
    _sources(parser)
    parser = declare(
        parts,
        "attach",
        "Attach fingerprints that someone made elsewhere, joined to rows by exact address.",
        "takedown index attach laion.index tables/ --by example-university",
        attach,
        details="Tables come from 'takedown hash'; other Parquet with addresses and digests is read too. "
        "What is attached finds candidates for review, marked with the name; rows stay as their source "
        "has them. Rows of which the index knows something else are counted.",
    )
    parser.add_argument("index", type=Path, metavar="DIR", help="folder of the index")
    parser.add_argument(
        "tables", nargs="+", type=Path, metavar="TABLE", help="Parquet files or folders of them"
    )
    parser.add_argument("--by", required=True, metavar="NAME", help="who made the fingerprints")
    _memory(parser)


def _sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="a .parquet file, a .tar shard or a folder"
    )
    _memory(parser)
    parser.add_argument(
        "--workers", type=_count, metavar="N", help="processes that read (default: one a core)"
    )


def _memory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--memory", type=_bytes, default=2 << 30, metavar="SIZE", help="most memory to use (default 2G)"
    )


def plan(arguments: argparse.Namespace) -> int:
    """Say what a build will take."""
    from takedown.index import plan as estimate

    found = estimate(
        arguments.sources,
        memory_bytes=arguments.memory,
        workers=arguments.workers,
        seconds=float(arguments.seconds),
    )
    if arguments.json:
        say_json(found.to_json())
    else:
        _say_plan(found)
    return 0


def build(arguments: argparse.Namespace) -> int:
    """Build an index."""
    from takedown.index import build_index

    with progress("reading") as tell:
        made = build_index(
            arguments.out,
            arguments.sources,
            name=arguments.name,
            memory_bytes=arguments.memory,
            workers=arguments.workers,
            progress=tell,
        )
    _describe(made, arguments.json)
    return 0


def grow(arguments: argparse.Namespace) -> int:
    """Add rows to an index."""
    from takedown.index import add_sources

    with progress("reading") as tell:
        made = add_sources(
            arguments.index,
            arguments.sources,
            memory_bytes=arguments.memory,
            workers=arguments.workers,
            progress=tell,
        )
    _describe(made, arguments.json)
    return 0


def attach(arguments: argparse.Namespace) -> int:
    """Attach fingerprint tables to an index."""
    from takedown.index import attach as join

    with progress("joining") as tell:
        made = join(
            arguments.index, arguments.tables, by=arguments.by, memory_bytes=arguments.memory, progress=tell
        )
    _describe(made, arguments.json)
    return 0


def info(arguments: argparse.Namespace) -> int:
    """Describe an index."""
    from takedown.index import open_index

    _describe(open_index(arguments.index).info, arguments.json)
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Doubt an index."""
    from takedown.index import doubt, open_index
    from takedown.report import size

    found = doubt(open_index(arguments.index), sample=arguments.rows)
    if arguments.json:
        say_json(found.to_json())
        return 0
    say(f"{found.files:,} files ({size(found.bytes)}) are as they were written.")
    say(f"{found.shards:,} shards of its sources are as they were indexed.")
    say(f"{found.rows:,} rows were asked for by their address and found.")
    return 0


def _say_plan(found: Plan) -> None:
    from takedown.report import size

    say(f"{found.rows:,} rows in {found.shards:,} files")
    for kind, count in found.keys.to_json().items():
        if kind != "rows" and count:
            say(f"  {kind:<7} {count:,}")
    say(
        f"Time    {_duration(found.seconds)} with {found.workers} at work, from a sample of {found.sampled:,}"
    )
    say(f"Memory  {size(found.memory_bytes)}")
    say(f"Disk    {size(found.disk_bytes)}, and about twice that while it is made")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _describe(about: IndexInfo, as_json: bool) -> None:
    if as_json:
        say_json(about.to_json())
        return
    from takedown.report import size

    say(f"{shown(about.name)}: {about.rows:,} rows, {size(about.bytes)}")
    for source in about.sources:
        files = "one file" if source.shards == 1 else f"{source.shards:,} files"
        say(f"  {source.rows:,} rows in {files} of {shown(source.path)}")
    say(about.coverage.sentence())
    for one in about.attached:
        rows, lines, differ = (one.counts.get(name, 0) for name in ("rows", "lines", "disagreements"))
        say(f"Attached by {shown(one.by)}: {rows:,} rows of {lines:,} lines; {differ:,} rows say otherwise")
        if old := one.counts.get("other_pipeline", 0):
            say(f"  {old:,} perceptual hashes were left out: another version of the program made them")
    for reason, count in about.skipped.items():
        if count:
            say(f"  {reason.replace('_', ' ')}: {count:,}")


def _count(text: str) -> int:
    """A whole number above zero."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 10**9:
        raise argparse.ArgumentTypeError("give a whole number above zero")
    return int(text)


def _bytes(text: str) -> int:
    """A size such as 500M, 2G or 1T: powers of 1024."""
    match = re.fullmatch(r"([0-9]{1,6})([MGT])i?B?", text, re.IGNORECASE)
    if match is None:
        raise argparse.ArgumentTypeError("give a size such as 500M or 2G")
    return int(match[1]) << _UNITS[match[2].upper()]
