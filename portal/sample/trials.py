"""Things to try on the sample: edited copies of pictures, and addresses in other spellings.

``expected.json`` lists which row each of them should lead to. ``addresses.txt`` and ``size-variants.txt``
hold one address a line, ready to be pasted into a form.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from portal.sample.pictures import EDITS
from portal.sample.rows import SampleRow


@dataclass(frozen=True)
class TryFile:
    """A file of ``try/``, what was done to the picture, and the row it should lead to."""

    file: str
    edit: str
    url: str
    shard: str
    row_in_shard: int


@dataclass(frozen=True)
class TryAddress:
    """An address to ask for and the row it should lead to.

    ``spelling`` says how it differs from the row's own; ``size variant`` is only ever proposed as a guess.
    """

    address: str
    spelling: str
    url: str
    shard: str
    row_in_shard: int


def write_trials(out: Path, rows: Sequence[SampleRow]) -> tuple[tuple[TryFile, ...], tuple[TryAddress, ...]]:
    """Make every edit of a picture of its own, and every spelling of an address of its own."""
    out.mkdir(parents=True)
    plain = [row for row in rows if row.plain and row.url.endswith(".jpg")]
    plain = plain[:: len(plain) // (len(EDITS) + len(_SPELLINGS))]  # from all shards
    files = tuple(_edited(out, edit, row) for edit, row in zip(EDITS, plain, strict=False))
    addresses = tuple(_spellings(plain[len(EDITS) :]))
    for name, variants in (("addresses.txt", False), ("size-variants.txt", True)):
        lines = [a.address for a in addresses if (a.spelling == "size variant") == variants]
        (out / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    expected = {"files": [asdict(file) for file in files], "addresses": [asdict(a) for a in addresses]}
    (out / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    return files, addresses


def _edited(out: Path, edit: str, row: SampleRow) -> TryFile:
    ending, change = EDITS[edit]
    assert row.image is not None  # noqa: S101 - plain rows have a picture
    (out / f"{edit}{ending}").write_bytes(change(row.image))
    return TryFile(f"{edit}{ending}", edit, row.url, row.shard, row.row_in_shard)


def _spellings(rows: Sequence[SampleRow]) -> list[TryAddress]:
    found = []
    for number, row in enumerate(rows[: len(_SPELLINGS)]):
        spelling = list(_SPELLINGS)[number]
        host, _, path = row.url.removeprefix("https://").partition("/")
        address = _SPELLINGS[spelling].format(
            host=host, HOST=host.upper(), path=path, stem=path[: -len(".jpg")]
        )
        address = address.replace("/IMG_", "/%49MG_") if spelling == "escaped letter" else address
        found.append(TryAddress(address, spelling, row.url, row.shard, row.row_in_shard))
    return found


_SPELLINGS = {
    "as it is": "https://{host}/{path}",
    "host in capitals": "https://{HOST}/{path}",
    "scheme in capitals, default port": "HTTPS://{host}:443/{path}",
    "without TLS": "http://{host}/{path}",
    "fragment": "https://{host}/{path}#top",
    "tracking parameter": "https://{host}/{path}?utm_source=letter&utm_medium=mail",
    "escaped letter": "https://{host}/{path}",
    "dot segment": "https://{host}/./{path}",
    "size variant": "https://{host}/{stem}-640x480.jpg",
}
