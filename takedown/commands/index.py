"""`takedown index` and `takedown lookup`: make the index of a dataset, and ask it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from takedown.commands.terminal import Commands, declare, note, progress, say, say_json, shown

if TYPE_CHECKING:
    from takedown.index import Hit, Index, IndexInfo
    from takedown.keys import Row

Answer = tuple[list["Hit"], str | None]


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.add_parser("index", help="Build an index of a dataset, or describe one.")
    parts = group.add_subparsers(required=True, metavar="COMMAND")
    parser = declare(
        parts,
        "build",
        "Build an index from Parquet metadata, img2dataset folders or folders of pictures.",
        "takedown index build --out laion.index laion/*.parquet",
        build,
        details="Metadata alone needs nothing more; pictures need the optional part: "
        "pip install '.[index]' in the project's folder.",
    )
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="a .parquet file, a .tar shard or a folder"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="new folder for the index")
    parser.add_argument("--name", metavar="N", help="what to call it (default: the name of the folder)")
    parser = declare(
        parts,
        "info",
        "Say what an index holds and what it can compare.",
        "takedown index info laion.index",
        info,
    )
    parser.add_argument("index", type=Path, metavar="DIR", help="folder of the index")
    _add_lookup(commands)


def _add_lookup(commands: Commands) -> None:
    parser = declare(
        commands,
        "lookup",
        "Find the rows of an index that an address, a digest or a picture belongs to.",
        "takedown lookup laion.index --image holiday.jpg",
        lookup,
        details="The answer covers only what the index can compare: not found does not mean not there.",
    )
    parser.add_argument("index", type=Path, metavar="DIR", help="folder of the index")
    query = parser.add_mutually_exclusive_group(required=True)
    query.add_argument("--url", metavar="U", help="an address, in any spelling")
    query.add_argument("--url-sha256", metavar="H", help="SHA-256 of an address as it stands in the dataset")
    query.add_argument("--image", type=Path, metavar="F", help="a picture; edited copies are found too")
    query.add_argument("--sha256", metavar="H", help="SHA-256 of a picture file")
    query.add_argument("--md5", metavar="H", help="MD5 of a picture file")
    query.add_argument("--pdq", metavar="HEX", help="PDQ hash, 64 hexadecimal digits")
    query.add_argument("--phash", metavar="HEX", help="imagehash's pHash, 16 hexadecimal digits")
    parser.add_argument(
        "--radius", type=_bits(256), default=31, metavar="BITS", help="PDQ: most differing bits (default 31)"
    )
    parser.add_argument(
        "--phash-radius", type=_bits(64), default=6, metavar="BITS", help="pHash: likewise (default 6)"
    )


def build(arguments: argparse.Namespace) -> int:
    """Build an index."""
    from takedown.index import build_index

    with progress("indexing") as tell:
        made = build_index(arguments.out, arguments.sources, name=arguments.name, progress=tell)
    _describe(made, arguments.json)
    return 0


def info(arguments: argparse.Namespace) -> int:
    """Describe an index."""
    from takedown.index import open_index

    _describe(open_index(arguments.index).info, arguments.json)
    return 0


def lookup(arguments: argparse.Namespace) -> int:
    """Ask an index."""
    from takedown.index import open_index

    index = open_index(arguments.index)
    hits, kind = _ask(index, arguments)
    rows = index.rows([hit.row for hit in hits])
    if arguments.json:
        say_json([_fields(hit, row) for hit, row in zip(hits, rows, strict=True)])
    else:
        _table(hits, rows)
        say(index.info.coverage.sentence(kind))
    return 0


def _ask(index: Index, arguments: argparse.Namespace) -> Answer:
    """The hits, and the kind of key whose coverage counts (None: of all of them)."""
    from takedown.keys import parse_digest

    if arguments.url is not None:
        return index.find_url(arguments.url), "url"
    if arguments.image is not None:
        return _ask_picture(index, arguments), None
    for kind in ("url_sha256", "sha256", "md5"):
        if (text := getattr(arguments, kind)) is not None:
            coverage = "url" if kind == "url_sha256" else kind
            return index.find_digest(kind, parse_digest(kind, text)), coverage
    kind, text, radius = (
        ("pdq", arguments.pdq, arguments.radius)
        if arguments.pdq is not None
        else ("phash", arguments.phash, arguments.phash_radius)
    )
    return index.find_near(kind, parse_digest(kind, text), radius), kind


def _ask_picture(index: Index, arguments: argparse.Namespace) -> list[Hit]:
    from takedown import sandbox
    from takedown.commands.pictures import read_file
    from takedown.index import MIN_PDQ_QUALITY

    found = sandbox.fingerprint(read_file(arguments.image))
    if found.pdq_quality < MIN_PDQ_QUALITY:
        note(
            "The picture has too little detail to be compared; only exact copies of the file are looked for."
        )
    return index.find_fingerprint(found, arguments.radius, arguments.phash_radius)


def _fields(hit: Hit, row: Row) -> dict[str, Any]:
    return {
        "row": hit.row,
        "source": row.source,
        "row_in_source": row.row_in_source,
        "url": row.url,
        "caption": row.caption,
        "how": hit.how,
        "distance": hit.distance,
    }


def _table(hits: list[Hit], rows: list[Row]) -> None:
    if not hits:
        say("No row found. Not found does not mean not there.")
        return
    say(f"{'ROW':>10}  {'HOW':<13}  {'BITS':>4}  SOURCE")
    for hit, row in zip(hits, rows, strict=True):
        distance = "" if hit.distance is None else hit.distance
        say(f"{hit.row:>10}  {hit.how:<13}  {distance:>4}  {shown(row.source)}, row {row.row_in_source}")
        if row.url:
            say(f"{'':>10}  {shown(row.url, 200)}")
        if row.caption:
            say(f"{'':>10}  {shown(row.caption, 200)}")


def _describe(about: IndexInfo, as_json: bool) -> None:
    if as_json:
        say_json(about.to_json())
        return
    from takedown.report import size

    say(f"{about.name}: {about.rows:,} rows, {size(about.bytes)}")
    for source in about.sources:
        files = "one file" if source.shards == 1 else f"{source.shards:,} files"
        say(f"  {source.rows:,} rows in {files} of {source.path}")
    say(about.coverage.sentence())
    for reason, count in about.skipped.items():
        if count:
            say(f"  {reason.replace('_', ' ')}: {count:,}")


def _bits(most: int) -> Callable[[str], int]:
    """Reads a radius from 0 to `most`."""

    def bits(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) > most:
            raise argparse.ArgumentTypeError(f"a radius is a whole number from 0 to {most}")
        return int(text)

    return bits
