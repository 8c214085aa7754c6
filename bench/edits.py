"""Share of edited copies that a look-up finds, beside plain PDQ: recall per edit, in both directions.

1. Every real picture is edited in every way of ``edit_table`` and saved as JPEG.
2. ``copy sent``: the dataset holds the picture, the copy is sent in. ``copy held``: the other way round.
3. ``plain`` compares one code with one code. ``ours`` compares all codes of what is sent with the one code of
   what is held. ``+wide`` looks again for the variants of ``variants.WIDE`` at their radius. ``+index`` has
   the index hold ``variants.index_codes`` too, and no wide radius. Nothing else is asked.
4. The same once more where a real Chromium fingerprints what is sent in, from its file, with the scripts of
   the public pages; what is held is ours as before (edit_browser.py). Left out where no Chromium is.
5. False candidates: every picture against all others, and what chance alone gives in 10 million rows.
6. What it costs: to make the codes, and to look all of them up in 10 million.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.browser import browser
from bench.edit_browser import Decoded
from bench.edit_table import CASES, jpeg
from bench.report import race, say, table
from takedown.fingerprint import base, fingerprint
from takedown.images import read_pixels
from takedown.index import mih
from takedown.index.interface import MIN_PDQ_QUALITY, PDQ_RADIUS
from takedown.variants import VARIANTS_VERSION, WIDE, WIDE_RADIUS, hash_variants, index_codes, names

Codes = NDArray[np.uint8]
#: Name of an edit, and the shares of HEAD.
Recall = list[tuple[str, list[float]]]

#: Pictures that scikit-image brings along and that were not used to choose the variants.
TEST_PICTURES = (
    "astronaut",
    "camera",
    "coffee",
    "color",
    "gravel",
    "ihc",
    "microaneurysms",
    "motorcycle_left",
    "phantom",
    "retina",
    "text",
)
ROWS = 10_000_000

HEAD = ("", "copy sent: plain", "ours", "+wide", "+index", "copy held: plain", "ours", "+wide", "+index")


class Known(NamedTuple):
    """Of one file: the codes of its variants, and those that an index holds of it, its own first."""

    codes: Codes
    indexed: Codes


def run(folder: Path) -> None:
    measure(folder)


def measure(folder: Path) -> None:
    """Print the recall per edit, here and with a browser, false candidates, and what a look-up costs."""
    files = {name: jpeg(picture) for name, picture in pictures().items()}
    files = {name: data for name, data in files.items() if base(data).pdq_quality >= MIN_PDQ_QUALITY}
    originals = {name: _known(data) for name, data in files.items()}
    with browser() as found:
        decoded = Decoded(found) if found else None
        _recall(files, originals, decoded)
        if decoded:
            decoded.formats({name: picture for name, picture in pictures().items() if name in files})
            decoded.report()
        else:
            say("no Chromium is installed here: nothing is said about pictures that stay on a device")
    _false_candidates(originals)
    _costs(folder, files["astronaut"])


def _recall(files: dict[str, bytes], originals: dict[str, Known], decoded: Decoded | None) -> None:
    shown = pictures()
    library: Recall = []
    device: Recall = []
    seen = _in_browser(decoded, files, originals)
    for case in CASES:
        data = {name: case.copy(shown[name]) for name in originals}
        copies = {name: _known(data[name]) for name in originals}
        library.append((case.name, _shares(originals, copies, originals, copies)))
        if decoded:
            copies_seen = _in_browser(decoded, data, copies)
            device.append((case.name, _shares(seen, copies_seen, originals, copies)))
    title = f"recall, {len(originals)} pictures, {len(names())} variants of version {VARIANTS_VERSION}"
    _report_recall(title, library)
    extra = np.mean([len(known.indexed) - 1 for known in originals.values()])
    say(f"pictures: {', '.join(originals)}; {extra:.1f} more codes a row in an index that holds them")
    if decoded:
        _report_device(f"recall with codes of what is sent from {decoded.version}", library, device)


def _in_browser(
    decoded: Decoded | None, files: dict[str, bytes], known: dict[str, Known]
) -> dict[str, Known]:
    """The same with the codes that a browser makes; none without one."""
    if not decoded:
        return {}
    return {
        name: one._replace(codes=decoded.codes("JPEG", files[name], one.codes)) for name, one in known.items()
    }


def _shares(
    originals: dict[str, Known],
    copies: dict[str, Known],
    held_originals: dict[str, Known],
    held_copies: dict[str, Known],
) -> list[float]:
    """What is found of one edit, copy sent and then copy held, as in HEAD."""
    sent = [_found(copies[name], held_originals[name]) for name in originals]
    held = [_found(originals[name], held_copies[name]) for name in originals]
    return [*np.mean(sent, axis=0).tolist(), *np.mean(held, axis=0).tolist()]


def _report_device(title: str, library: Recall, device: Recall) -> None:
    """The lines that differ, and the mean of all."""
    differ = [name for (name, ours), (_, theirs) in zip(library, device, strict=True) if ours != theirs]
    _report_recall(title, device, only=differ)
    say(f"{len(device) - len(differ)} of {len(device)} edits are the same as above, and are left out here")


def _report_recall(title: str, rows: Recall, only: list[str] | None = None) -> None:
    mean = ("mean", np.mean([shares for _, shares in rows], axis=0).tolist())
    kept = [row for row in rows if only is None or row[0] in only]
    lines = [(name, *(f"{share:.2f}" for share in shares)) for name, shares in [*kept, mean]]
    table(title, HEAD, lines)


def pictures() -> dict[str, Image.Image]:
    """The real pictures by name, as RGB."""
    import skimage

    found = {}
    for name in TEST_PICTURES:
        path = next((Path(skimage.__file__).parent / "data").glob(f"{name}.[jp]*"))
        with Image.open(path) as image:
            found[name] = image.convert("RGB")
    return found


def _known(data: bytes) -> Known:
    picture = read_pixels(data)
    seen = picture.pixels, picture.width, picture.height
    codes, _ = hash_variants(*seen)
    more = b"".join(code for _, code in index_codes(*seen))
    return Known(codes, np.concatenate([codes[:1], np.frombuffer(more, np.uint8).reshape(-1, 32)]))


def _found(sent: Known, held: Known) -> tuple[bool, bool, bool, bool]:
    """Whether plain PDQ, ours, ours with the wide radius, and ours with the index's codes find it."""
    away = _distances(sent.codes, held.indexed)
    near = away <= PDQ_RADIUS
    wide = away[[names().index(name) for name in WIDE], 0] <= WIDE_RADIUS
    ours = bool(near[:, 0].any())
    return bool(near[0, 0]), ours, ours or bool(wide.any()), bool(near.any())


def _distances(sent: Codes, held: Codes) -> NDArray[np.int64]:
    """[of what is sent, of what is held], in bits."""
    return np.bitwise_count(sent[:, np.newaxis] ^ held).sum(axis=2, dtype=np.int64)


def _false_candidates(originals: dict[str, Known]) -> None:
    """Unrelated pictures that come near, and the nearest of all; and chance."""
    away = np.array(
        [
            [
                _distances(one.codes, other.codes[:1]).min()
                for k, other in enumerate(originals.values())
                if k != i
            ]
            for i, one in enumerate(originals.values())
        ]
    )
    chance = sum(math.comb(256, bits) for bits in range(PDQ_RADIUS + 1)) / 2**256
    rows = [
        ("unrelated real pictures", away.size, int((away <= PDQ_RADIUS).sum()), f"{away.min()} bits"),
        (f"{ROWS:,} random codes", 1, f"{chance * ROWS * len(names()):.1g} expected", ""),
    ]
    table(f"false candidates within {PDQ_RADIUS} bits", ("", "queries", "found", "nearest"), rows)


def _costs(folder: Path, data: bytes) -> None:
    picture = read_pixels(data)
    queries = hash_variants(picture.pixels, picture.width, picture.height)[0]
    rng = np.random.default_rng(0)
    mih.build(rng.integers(0, 256, (ROWS, 32), dtype=np.uint8), folder / "codes")
    index = mih.open(folder / "codes")
    wide = queries[[names().index(name) for name in WIDE]]
    times = race(
        {
            "fingerprint of one code": partial(base, data),
            "fingerprint of all variants": partial(fingerprint, data),
            f"all of them among {ROWS:,}": partial(index.search, queries, PDQ_RADIUS),
            "those of WIDE again": partial(index.search, wide, WIDE_RADIUS),
        }
    )
    rows = [(name, timing.median * 1e3, timing.spread) for name, timing in times.items()]
    table("what one submission costs", ("", "median ms", "range ms"), rows)
