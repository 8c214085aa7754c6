"""The rows of the sample dataset: addresses, captions and pictures, and the oddities real datasets have."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from portal.sample.pictures import jpeg, picture, smaller

#: img2dataset shards that the rows are spread over.
SHARDS = 3

_COLOURS = ("red", "blue", "green", "yellow", "white", "grey")
_THINGS = ("boat", "kettle", "bicycle", "lantern", "bridge", "kite", "barrel", "chair", "garden gate")
_PLACES = (
    "by a quiet harbour",
    "on a wooden table",
    "under a clear sky",
    "beside an old wall",
    "in the snow",
)
_ALBUMS = ("Summer-2019/Harbour", "Winter/Old_Town", "2021/05", "Catalogue/Tools", "Walks/North-Coast")
_HOSTS = ("pictures.example", "images.example", "www.albums.example")
_PAGES = ("photos.example/view?id={}&lang=EN", "shop.example/media/cache/{}/Item%20{}.jpg?v=2")


@dataclass(frozen=True)
class SampleRow:
    """One row.

    Attributes:
        url, caption: its cells.
        original: bytes of the file as downloaded, None where the download failed.
        image: the decoded picture, None where the download failed.
        plain: neither a copy nor a size variant of another row's picture, nor one that has any.
        shard, row_in_shard: where it stands in the img2dataset folder.
    """

    url: str
    caption: str
    original: bytes | None = None
    image: Image.Image | None = None
    plain: bool = False
    shard: str = ""
    row_in_shard: int = 0


def sample_rows(rng: np.random.Generator, pictures: int) -> tuple[SampleRow, ...]:
    """All rows in the order of their shards.

    1. one row a picture;
    2. the same file at a second address, and smaller versions of three pictures under size-variant addresses;
    3. downloads that failed, one for twelve pictures;
    4. those of 2 and 3 anywhere among those of 1.
    """
    rows = [_row(rng, number, picture(rng)) for number in range(pictures)]
    doubled, *resized = rows[:4]
    rows[:4] = [replace(row, plain=False) for row in rows[:4]]
    copy_url = "https://mirror.example/copies/" + doubled.url.rsplit("/", 1)[1]
    extra = [replace(doubled, url=copy_url, plain=False)]
    extra += [_size_variant(row) for row in resized]
    extra += [SampleRow(address(rng, 9_000 + n), caption(rng)) for n in range(pictures // 12)]
    for row in extra:
        rows.insert(int(rng.integers(len(rows))), row)
    return _placed(rows)


def address(rng: np.random.Generator, number: int) -> str:
    """An address nobody has; the number makes it the only one of its kind."""
    if number >= 4 and number % 12 == 0:
        return "https://" + str(rng.choice(_PAGES)).replace("{}", str(number))
    return f"https://{rng.choice(_HOSTS)}/{rng.choice(_ALBUMS)}/IMG_{number:04}.jpg"


def caption(rng: np.random.Generator) -> str:
    """A harmless caption."""
    return f"A {rng.choice(_COLOURS)} {rng.choice(_THINGS)} {rng.choice(_PLACES)}"


def _row(rng: np.random.Generator, number: int, image: Image.Image) -> SampleRow:
    return SampleRow(address(rng, number), caption(rng), jpeg(image), image, plain=True)


def _size_variant(row: SampleRow) -> SampleRow:
    """The same picture 300 pixels wide, under the name that blogs give to such a copy."""
    assert row.image is not None  # noqa: S101 - made from rows with pictures only
    small = smaller(row.image, 300)
    url = row.url.removesuffix(".jpg") + f"-{small.width}x{small.height}.jpg"
    return SampleRow(url, row.caption, jpeg(small), small)


def _placed(rows: list[SampleRow]) -> tuple[SampleRow, ...]:
    size = -(-len(rows) // SHARDS)
    return tuple(
        replace(row, shard=f"{number // size:05}.tar", row_in_shard=number % size)
        for number, row in enumerate(rows)
    )
