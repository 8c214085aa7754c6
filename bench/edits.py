"""Share of edited copies that a look-up finds, beside plain PDQ: recall per edit, in both directions.

1. Every real picture is edited in every way of ``edit_table`` and saved as JPEG.
2. ``copy sent``: the dataset holds the picture, the copy is sent in. ``copy held``: the other way round.
3. Plain PDQ compares one code with one code; ours compares all codes of what is sent with the one code of
   what is held. Found means within the radius; nothing else is asked.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.edit_table import CASES, jpeg
from bench.report import say, table
from takedown.fingerprint import Fingerprint, fingerprint
from takedown.index.interface import MIN_PDQ_QUALITY, PDQ_RADIUS

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


def run(folder: Path) -> None:
    measure(folder)


def measure(folder: Path) -> None:
    """Print the table of recall per edit."""
    prints = {name: _prints(picture) for name, picture in pictures().items()}
    prints = {name: found for name, found in prints.items() if found[0].pdq_quality >= MIN_PDQ_QUALITY}
    rows = []
    for number, case in enumerate(CASES, 1):
        pairs = [(original, copies[number]) for copies in prints.values() for original in copies[:1]]
        sent = [(copy, original) for original, copy in pairs]
        rows.append((case.name, *_recall(sent), *_recall(pairs)))
    means = np.array([row[1:] for row in rows], dtype=float).mean(axis=0)
    head = ("", "copy sent: plain", "ours", "copy held: plain", "ours")
    rows.append(("mean", *means))
    table(f"recall, {len(prints)} pictures", head, [(row[0], *(f"{v:.2f}" for v in row[1:])) for row in rows])
    say(f"pictures: {', '.join(prints)}")


def pictures() -> dict[str, Image.Image]:
    """The real pictures by name, as RGB."""
    import skimage

    found = {}
    for name in TEST_PICTURES:
        path = next((Path(skimage.__file__).parent / "data").glob(f"{name}.[jp]*"))
        with Image.open(path) as image:
            found[name] = image.convert("RGB")
    return found


def _prints(picture: Image.Image) -> list[Fingerprint]:
    """Of the picture, then of its copies in the order of CASES."""
    return [fingerprint(jpeg(picture)), *(fingerprint(case.copy(picture)) for case in CASES)]


def _recall(pairs: list[tuple[Fingerprint, Fingerprint]]) -> tuple[float, float]:
    """Shares found of (sent, held): by plain PDQ, and by all codes of what is sent."""
    near = [_distances(sent, held) <= PDQ_RADIUS for sent, held in pairs]
    return float(np.mean([found[0] for found in near])), float(np.mean([found.any() for found in near]))


def _distances(sent: Fingerprint, held: Fingerprint) -> NDArray[np.int64]:
    """Of every code sent from the one held, in bits."""
    codes = np.frombuffer(bytes.fromhex("".join(code.pdq for code in sent.codes)), np.uint8).reshape(-1, 32)
    one = np.frombuffer(bytes.fromhex(held.pdq), np.uint8)
    return np.bitwise_count(codes ^ one).sum(axis=1, dtype=np.int64)
