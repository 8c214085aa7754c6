"""`takedown lookup`: ask one index or several."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from takedown.commands.terminal import Commands, declare, note, say, say_json, shown

if TYPE_CHECKING:
    from takedown.fingerprint import Fingerprint
    from takedown.index import Hit, Index
    from takedown.keys import Row

#: Option -> kind of digest.
_DIGESTS = ("url_sha256", "sha256", "md5", "sha1")


class Found(NamedTuple):
    """A row of one of the indexes, how it was found, and by way of what (nothing where directly)."""

    where: Index
    hit: Hit
    via: str


def add(commands: Commands) -> None:
    """Declare the commands."""
    parser = declare(
        commands,
        "lookup",
        "Find the rows that an address, a site, a digest or a picture belongs to.",
        "takedown lookup laion.index --image holiday.jpg",
        lookup,
        details="Edited copies of a picture, other sizes of an address (as guesses), and other rows with "
        "the same address, file or picture as those found come along; --exact-only leaves them out. The "
        "answer covers only what the indexes can compare: not found does not mean not there.",
    )
    parser.add_argument("index", nargs="+", type=Path, metavar="DIR", help="folders of one or more indexes")
    query = parser.add_mutually_exclusive_group(required=True)
    query.add_argument("--url", metavar="U", help="an address, in any spelling")
    query.add_argument("--site", metavar="S", help="a host or a path: example.org, example.org/photos")
    query.add_argument("--url-sha256", metavar="H", help="SHA-256 of an address as it stands in the dataset")
    query.add_argument(
        "--url-sha256-prefix",
        metavar="HEX",
        help="count the addresses whose SHA-256 begins so, 1 to 16 digits",
    )
    query.add_argument("--image", type=Path, metavar="F", help="a picture; edited copies are found too")
    query.add_argument("--sha256", metavar="H", help="SHA-256 of a picture file")
    query.add_argument("--md5", metavar="H", help="MD5 of a picture file")
    query.add_argument("--sha1", metavar="H", help="SHA-1 of a picture file")
    query.add_argument("--pdq", metavar="HEX", help="PDQ hash, 64 hexadecimal digits")
    query.add_argument("--phash", metavar="HEX", help="imagehash's pHash, 16 hexadecimal digits")
    parser.add_argument(
        "--exact-only", action="store_true", help="only what was asked for: no edited copies, no guesses"
    )
    parser.add_argument(
        "--radius", type=_bits(256), default=31, metavar="BITS", help="PDQ: most differing bits (default 31)"
    )
    parser.add_argument(
        "--phash-radius", type=_bits(64), default=6, metavar="BITS", help="pHash: likewise (default 6)"
    )
    parser.add_argument(
        "--limit", type=_rows_wanted, default=1000, metavar="N", help="most rows of a site (default 1000)"
    )


def lookup(arguments: argparse.Namespace) -> int:
    """Ask the indexes."""
    from takedown.index import open_index

    indexes = [open_index(folder) for folder in arguments.index]
    if arguments.url_sha256_prefix is not None:
        return _count(indexes, arguments)
    found, kind = _ask_all(indexes, arguments)
    if not arguments.exact_only:
        found = _with_second_hops(found, indexes)
    rows = _rows(found)
    if arguments.json:
        say_json([_fields(one, row) for one, row in zip(found, rows, strict=True)])
        return 0
    _table(found, rows, several=len(indexes) > 1)
    for index in indexes:
        name = f"{shown(index.info.name)}: " if len(indexes) > 1 else ""
        say(f"{name}{index.info.coverage.sentence(kind)}")
    return 0


def _count(indexes: Sequence[Index], arguments: argparse.Namespace) -> int:
    """How many rows the beginning of a digest stands for."""
    prefix = arguments.url_sha256_prefix
    counts = {index.info.name: index.count_prefix("url_sha256", prefix) for index in indexes}
    if arguments.json:
        say_json(counts)
        return 0
    for name, count in counts.items():
        say(f"{shown(name)}: {count:,} rows have an address whose SHA-256 begins with {shown(prefix)}.")
    return 0


def _ask_all(indexes: Sequence[Index], arguments: argparse.Namespace) -> tuple[list[Found], str | None]:
    """What is found directly, and the kind of key whose coverage counts (None: of all of them)."""
    ask, kind = _question(arguments)
    return [Found(index, hit, "") for index in indexes for hit in ask(index)], kind


def _question(arguments: argparse.Namespace) -> tuple[Callable[[Index], list[Hit]], str | None]:
    from takedown.keys import parse_digest

    if arguments.url is not None:
        return lambda index: _by_address(index, arguments), "url"
    if arguments.site is not None:
        return lambda index: index.find_site(arguments.site, arguments.limit), "url"
    if arguments.image is not None:
        picture = _picture(arguments.image)
        return lambda index: index.find_fingerprint(
            picture, arguments.radius, arguments.phash_radius, exact_only=arguments.exact_only
        ), None
    given = {kind: text for kind in _DIGESTS if (text := getattr(arguments, kind)) is not None}
    for of, text in given.items():
        ask = partial(_by_digest, kind=of, digest=parse_digest(of, text))
        return ask, "url" if of == "url_sha256" else of
    near, text, radius = (
        ("pdq", arguments.pdq, arguments.radius)
        if arguments.pdq is not None
        else ("phash", arguments.phash, arguments.phash_radius)
    )
    code = parse_digest(near, text)
    return lambda index: index.find_near(near, code, radius), near


def _by_digest(index: Index, kind: str, digest: bytes) -> list[Hit]:
    return index.find_digest(kind, digest)


def _by_address(index: Index, arguments: argparse.Namespace) -> list[Hit]:
    from takedown.errors import BadUrl

    hits = index.find_url(arguments.url)
    if arguments.exact_only:
        return hits
    try:
        return hits + index.find_family(arguments.url)
    except BadUrl:  # a row bears it, though it is no address
        return hits


def _picture(file: Path) -> Fingerprint:
    from takedown import sandbox
    from takedown.commands.pictures import read_file
    from takedown.index import MIN_PDQ_QUALITY

    found = sandbox.fingerprint(read_file(file))
    if found.pdq_quality < MIN_PDQ_QUALITY:
        note(
            "The picture has too little detail to be compared; only exact copies of the file are looked for."
        )
    return found


def _with_second_hops(found: list[Found], indexes: Sequence[Index]) -> list[Found]:
    """Rows of any index that share address, file or picture with a row found. A guess leads nowhere."""
    from takedown.index import second_hops

    known = {(id(one.where), one.hit.row) for one in found}
    sure = [one for one in found if one.hit.how not in ("size-variant", "phash", "site")]
    rows = [(one.where, row) for one, row in zip(sure, _rows(sure), strict=True)]
    result = list(found)
    for place, hit, via in second_hops(rows, indexes):
        if (key := (id(indexes[place]), hit.row)) not in known:
            known.add(key)
            result.append(Found(indexes[place], hit, via))
    return result


def _rows(found: Sequence[Found]) -> list[Row]:
    """The row of each; those of one index are read together."""
    rows: dict[tuple[int, int], Row] = {}
    for index in {id(one.where): one.where for one in found}.values():
        numbers = [one.hit.row for one in found if one.where is index]
        rows |= {(id(index), row.row): row for row in index.rows(numbers)}
    return [rows[id(one.where), one.hit.row] for one in found]


def _fields(found: Found, row: Row) -> dict[str, Any]:
    hit = found.hit
    return {
        "index": found.where.info.name,
        "row": hit.row,
        "source": row.source,
        "row_in_source": row.row_in_source,
        "url": row.url,
        "caption": row.caption,
        "how": hit.how,
        "distance": hit.distance,
        "variant": hit.variant,
        "by": hit.by,
        "via": found.via or None,
    }


def _table(found: list[Found], rows: list[Row], *, several: bool) -> None:
    if not found:
        say("No row found. Not found does not mean not there.")
        return
    say(f"{'ROW':>10}  {'HOW':<13}  {'BITS':>4}  SOURCE")
    for (where, hit, via), row in zip(found, rows, strict=True):
        distance = "" if hit.distance is None else hit.distance
        place = f"{shown(row.source)}, row {row.row_in_source}"
        if several:
            place = f"{shown(where.info.name)}: {place}"
        say(f"{hit.row:>10}  {hit.how:<13}  {distance:>4}  {place}")
        for line in _more(hit, via):
            say(f"{'':>10}  {line}")
        if row.url:
            say(f"{'':>10}  {shown(row.url, 200)}")
        if row.caption:
            say(f"{'':>10}  {shown(row.caption, 200)}")


def _more(hit: Hit, via: str) -> list[str]:
    """What else is to be said of how a row was found."""
    more = []
    if hit.variant not in (None, "original"):
        more.append(f"as variant {hit.variant} of the picture")
    if hit.by is not None:
        more.append(f"by a fingerprint that {shown(hit.by)} made: a candidate")
    if via:
        more.append(f"it shares the {via.removeprefix('same-')} of a row above")
    return more


def _rows_wanted(text: str) -> int:
    """A whole number above zero."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 10**9:
        raise argparse.ArgumentTypeError("give a whole number above zero")
    return int(text)


def _bits(most: int) -> Callable[[str], int]:
    """Reads a radius from 0 to `most`."""

    def bits(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) > most:
            raise argparse.ArgumentTypeError(f"a radius is a whole number from 0 to {most}")
        return int(text)

    return bits
