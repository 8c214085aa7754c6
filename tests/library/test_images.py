"""Untrusted pictures: every bad one has its clear outcome, every good one its exact canonical pixels."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from factories.pictures import HEIC, PNG_SIGNATURE, chunk, encode, png, soft
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from takedown.errors import BadImage
from takedown.images import MAX_BYTES, read_pixels
from takedown.pixels import canonical_pixels, turn


def jpeg_header(width: int, height: int) -> bytes:
    """A JPEG that stops after its frame header, padded like a real file."""
    frame = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return (
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xc0" + frame + b"\0" * 64
    )


JPEG = encode(Image.fromarray(soft(300, 200)), "JPEG", quality=90)
PNG = encode(Image.fromarray(soft(60, 40)), "PNG")
WEBP = encode(Image.fromarray(soft(60, 40)), "WEBP")
AVIF = encode(Image.fromarray(soft(60, 40)), "AVIF")
GIF = encode(Image.fromarray(soft(60, 40)).quantize(32), "GIF")
BOMB = zlib.compress(b"a" * 30_000_000, 9)
PNG_60000 = png(60_000, 60_000, depth=1, body=bytes(17))

REFUSED = [
    ("zero bytes", b"", "image-empty"),
    ("one byte", b"\xff", "image-not-a-picture"),
    ("one byte too many", PNG + b"\0" * (MAX_BYTES + 1 - len(PNG)), "image-too-big"),
    ("truncated JPEG", JPEG[: len(JPEG) // 2], "image-truncated"),
    ("truncated PNG", PNG[: len(PNG) // 2], "image-truncated"),
    ("PNG without its end", PNG[:40], "image-truncated"),
    ("truncated GIF", GIF[: len(GIF) // 2], "image-truncated"),
    ("truncated WebP", WEBP[: len(WEBP) // 2], "image-truncated"),
    ("truncated AVIF", AVIF[: len(AVIF) - 200], "image-truncated"),
    ("truncated HEIC", HEIC[: len(HEIC) - 40], "image-truncated"),
    ("signature only, JPEG", b"\xff\xd8\xff\xe0", "image-truncated"),
    ("signature only, PNG", PNG_SIGNATURE, "image-truncated"),
    ("signature only, GIF", b"GIF89a", "image-truncated"),
    ("signature only, WebP", b"RIFF\x10\0\0\0WEBP", "image-truncated"),
    ("signature only, HEIC", b"\0\0\0\x18ftypheic", "image-truncated"),
    ("wrong CRC in the header", PNG[:29] + b"\0\0\0\0" + PNG[33:], "image-damaged"),
    ("wrong CRC beside the picture", png(20, 20, chunk(b"tEXt", b"Comment\0hello", crc=1)), "image-damaged"),
    ("iCCP bomb", png(20, 20, chunk(b"iCCP", b"p\0\0" + BOMB)), "image-damaged"),
    ("nonsense in the data", png(20, 20, body=b"nonsense" * 9), "image-damaged"),
    ("65500 x 65500 JPEG header", jpeg_header(65_500, 65_500), "image-too-many-pixels"),
    ("60000 x 60000 1-bit PNG of 74 bytes", PNG_60000, "image-too-many-pixels"),
    ("1 x 50 million", png(1, 50_000_000, body=b""), "image-too-many-pixels"),
    ("60 million pixels", png(10_000, 6000, body=b""), "image-too-many-pixels"),
    ("a side of 20,001", png(20_001, 2, body=b""), "image-too-many-pixels"),
    (
        "WebP canvas of 16384 x 16384",
        b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x3f\0\xff\x3f\0",
        "image-too-many-pixels",
    ),
    ("GIF of 65535 x 65535", b"GIF89a\xff\xff\xff\xff\0\0\0" + GIF[13:], "image-too-many-pixels"),
    ("zTXt bomb", png(20, 20, chunk(b"zTXt", b"Comment\0\0" + BOMB)), "image-damaged"),
    (
        "40 texts of 900 kB",
        png(20, 20, *[chunk(b"zTXt", b"C\0\0" + zlib.compress(b"a" * 900_000))] * 40),
        "image-damaged",
    ),
    ("TIFF", encode(Image.fromarray(soft(20, 20)), "TIFF"), "image-unsupported"),
    ("big TIFF", b"II+\0\x08\0\0\0", "image-unsupported"),
    (
        "SVG with script",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "image-unsupported",
    ),
    ("SVG after a declaration", b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->\n<svg>", "image-unsupported"),
    ("EPS", b"%!PS-Adobe-3.0 EPSF-3.0\n", "image-unsupported"),
    ("PDF", b"%PDF-1.7\n", "image-unsupported"),
    ("PSD", b"8BPS\0\1", "image-unsupported"),
    ("JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n", "image-unsupported"),
    ("JPEG 2000 stream", b"\xff\x4f\xff\x51\0", "image-unsupported"),
    ("JPEG XL", b"\xff\x0a\0", "image-unsupported"),
    ("BMP", encode(Image.fromarray(soft(20, 20)), "BMP"), "image-unsupported"),
    ("icon", encode(Image.fromarray(soft(32, 32)), "ICO"), "image-unsupported"),
    ("MP4", b"\0\0\0\x18ftypisom\0\0\0\0isom", "image-unsupported"),
    ("HTML named .png", b"<!DOCTYPE html><html><body><svg></svg>Not found", "image-not-a-picture"),
    ("text", b"just words", "image-not-a-picture"),
    ("JSON", b'{"error": 404}', "image-not-a-picture"),
    ("ZIP", b"PK\x03\x04\0\0", "image-not-a-picture"),
    ("NUL bytes", bytes(5000), "image-not-a-picture"),
]


@pytest.mark.parametrize(("data", "slug"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_bad_picture_is_refused_by_name(data: bytes, slug: str) -> None:
    with pytest.raises(BadImage) as caught:
        read_pixels(data)
    assert caught.value.slug == slug
    assert len(caught.value.sentence) <= 300
    assert "please" in caught.value.sentence.lower()


def test_the_60000_png_is_the_one_of_74_bytes() -> None:
    assert len(PNG_60000) == 74


EXIF_BROKEN = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 20
XMP = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta tiff:Orientation='6'>" + b" " * 60_000

ACCEPTED = [
    ("JPEG", JPEG, "JPEG"),
    ("PNG", PNG, "PNG"),
    ("GIF", GIF, "GIF"),
    ("WebP", WEBP, "WEBP"),
    ("AVIF", AVIF, "AVIF"),
    ("HEIC", HEIC, "HEIC"),
    ("trailing data", JPEG + b"\0" * 1000, "JPEG"),
    ("JPEG and page in one", JPEG + b"<html><script>alert(1)</script>", "JPEG"),
    ("JPEG and archive in one", JPEG + b"PK\x03\x04", "JPEG"),
    ("GIF with a page in it", GIF[:-1] + b"\x21\xfe\x06<html>\0" + b"\x3b", "GIF"),
    ("2,000 text chunks", png(20, 20, *[chunk(b"tEXt", b"Comment\0hello")] * 2000), "PNG"),
    ("corrupt EXIF", encode(Image.fromarray(soft(60, 40)), "JPEG", exif=EXIF_BROKEN), "JPEG"),
    ("giant XMP", JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(XMP) + 2) + XMP + JPEG[2:], "JPEG"),
    ("progressive", encode(Image.fromarray(soft(60, 40)), "JPEG", progressive=True), "JPEG"),
    ("one pixel", png(1, 1), "PNG"),
]


@pytest.mark.parametrize(("data", "kind"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_an_odd_but_whole_picture_is_read(data: bytes, kind: str) -> None:
    picture = read_pixels(data)
    assert picture.format == kind
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.shape == (min(picture.height, 512), min(picture.width, 512), 3)
    assert picture.pixels.flags.c_contiguous


def frames(kind: str, count: int) -> bytes:
    """An animation whose first frame is the soft picture and whose others are black."""
    first, black = Image.fromarray(soft(60, 40)), Image.new("RGB", (60, 40))
    others = [Image.fromarray(np.full((40, 60, 3), n % 200, dtype=np.uint8)) for n in range(count - 2)] + [
        black
    ]
    options = {"WEBP": {"lossless": True}}.get(kind, {})
    return encode(first, kind, save_all=True, append_images=others, duration=20, **options)


@pytest.mark.parametrize(("kind", "count"), [("GIF", 10), ("PNG", 10), ("WEBP", 10), ("GIF", 3000)])
def test_only_the_first_frame_counts(kind: str, count: int) -> None:
    seen = read_pixels(frames(kind, count)).pixels.astype(int)
    assert np.abs(seen - soft(60, 40)).mean() < 16


def test_the_first_picture_of_a_multi_picture_jpeg_counts() -> None:
    first, black = Image.fromarray(soft(60, 40)), Image.new("RGB", (60, 40))
    picture = read_pixels(encode(first, "MPO", save_all=True, append_images=[black], quality=95))
    assert picture.format == "JPEG"
    assert np.abs(picture.pixels.astype(int) - soft(60, 40)).mean() < 8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_exif_turns_the_picture_as_viewers_do(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.fromarray(soft(60, 40)), kind, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    picture = read_pixels(data)
    assert (picture.width, picture.height) == upright.size
    assert np.array_equal(picture.pixels, np.asarray(upright))


def test_heic_is_turned_once_by_its_own_rotation() -> None:
    picture = read_pixels(HEIC)
    assert (picture.width, picture.height) == (48, 64)
    left, right = picture.pixels[:, 2].astype(int), picture.pixels[:, -3].astype(int)
    assert left[:, 1].mean() > right[:, 1].mean() + 60  # green grew downwards before the turn


@pytest.mark.parametrize("value", [0, 9, 65_535])
def test_an_orientation_that_makes_no_sense_is_none(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    assert read_pixels(encode(Image.fromarray(soft(60, 40)), "PNG", exif=exif)).width == 60


def on_white(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    wide = alpha.astype(int)[:, :, np.newaxis]
    return ((rgb.astype(int) * wide + 255 * (255 - wide) + 127) // 255).astype(np.uint8)


def test_transparency_lies_on_white() -> None:
    rgba = soft(60, 40, channels=4)
    wanted = on_white(rgba[:, :, :3], rgba[:, :, 3])
    assert np.array_equal(read_pixels(encode(Image.fromarray(rgba), "PNG")).pixels, wanted)
    lossless = encode(Image.fromarray(rgba), "WEBP", lossless=True, exact=True)
    assert np.array_equal(read_pixels(lossless).pixels, wanted)


def test_grey_with_transparency_lies_on_white() -> None:
    la = soft(60, 40, channels=2)
    wanted = on_white(np.repeat(la[:, :, :1], 3, axis=2), la[:, :, 1])
    assert np.array_equal(read_pixels(encode(Image.fromarray(la, "LA"), "PNG")).pixels, wanted)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_colour_is_white(kind: str) -> None:
    image = Image.new("P", (60, 40), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(0, (0, 0, 30, 40))
    pixels = read_pixels(encode(image, kind, transparency=0)).pixels
    assert pixels[20, 10].tolist() == [255, 255, 255]
    assert pixels[20, 50].tolist() == [0, 0, 255]


def test_a_palette_with_alpha_lies_on_white() -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([255, 0, 0])
    assert read_pixels(encode(image, "PNG", transparency=bytes([128]))).pixels[0, 0].tolist() == [
        255,
        127,
        127,
    ]


@pytest.mark.parametrize(
    ("mode", "clear", "paint"), [("L", 7, 200), ("1", 0, 255), ("RGB", (1, 2, 3), (9, 9, 9))]
)
def test_a_transparent_colour_is_white(mode: str, clear: Any, paint: Any) -> None:
    image = Image.new(mode, (40, 40), clear)
    image.paste(paint, (0, 0, 20, 40))
    pixels = read_pixels(encode(image, "PNG", transparency=clear)).pixels
    assert pixels[0, 30].tolist() == [255, 255, 255]
    assert pixels[0, 10].tolist() == (list(paint) if mode == "RGB" else [paint] * 3)


def test_sixteen_bits_keep_their_high_byte() -> None:
    grey = (np.arange(60 * 40, dtype=np.uint32) * 27 % 65_536).astype(np.uint16).reshape(40, 60)
    pixels = read_pixels(encode(Image.fromarray(grey), "PNG")).pixels
    assert np.array_equal(pixels, np.repeat((grey >> 8).astype(np.uint8)[:, :, np.newaxis], 3, axis=2))


def test_a_transparent_grey_of_sixteen_bits_is_white() -> None:
    body = zlib.compress(b"".join(b"\0" + struct.pack(">2H", 4660, 4661) for _ in range(2)))
    pixels = read_pixels(png(2, 2, chunk(b"tRNS", b"\x12\x34"), depth=16, body=body)).pixels
    assert pixels[0, :, 0].tolist() == [255, 0x12]


def test_sixteen_bit_colour_is_read() -> None:
    row = b"\0" + struct.pack(">6H", 65_535, 256, 0, 0, 0, 65_535)
    assert read_pixels(png(2, 1, depth=16, colour=2, body=zlib.compress(row))).pixels[0].tolist() == [
        [255, 1, 0],
        [0, 0, 255],
    ]


def test_one_bit_is_black_and_white() -> None:
    image = Image.new("1", (700, 600))
    image.paste(1, (350, 0, 700, 600))
    pixels = read_pixels(encode(image, "PNG")).pixels
    assert (pixels[:, 100] == 0).all()
    assert (pixels[:, 400] == 255).all()


def test_cmyk_is_seen_in_its_colours_with_and_without_adobes_mark() -> None:
    """Ink is stored inverted; like browsers we take that for granted where the mark is missing."""
    adobe = encode(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG", quality=95)
    start = adobe.index(b"\xff\xee")
    plain = adobe[:start] + adobe[start + 2 + int.from_bytes(adobe[start + 2 : start + 4], "big") :]
    for data in (adobe, plain):
        red, green, blue = read_pixels(data).pixels[30, 30]
        assert red > 240
        assert max(green, blue) < 15


# --- The shrink, against one that anyone can check --------------------------------------------------------


def naive(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Area average by full weight matrices; doubles hold these sums exactly."""
    down, height = _weights(pixels.shape[0])
    across, width = _weights(pixels.shape[1])
    layers = [down @ pixels[:, :, c].astype(float) @ across.T for c in range(3)]
    sums = np.stack(layers, axis=2).astype(np.int64)
    total = height * width
    return ((sums + total // 2) // total).astype(np.uint8)


def _weights(length: int) -> tuple[NDArray[np.float64], int]:
    if length <= 512:
        return np.eye(length), 1
    out, source = np.arange(512)[:, np.newaxis], np.arange(length)[np.newaxis, :]
    overlap = np.minimum((source + 1) * 512, (out + 1) * length) - np.maximum(source * 512, out * length)
    return np.clip(overlap, 0, None).astype(float), length


@pytest.mark.parametrize(
    "size", [(513, 512), (512, 513), (700, 601), (1024, 1024), (1600, 1004), (3001, 7), (5, 2049)]
)
def test_the_shrink_equals_the_naive_one_to_the_bit(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    assert np.array_equal(canonical_pixels(Image.fromarray(pixels)), naive(pixels))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_last_equals_turning_first(orientation: int) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (530, 777, 3), dtype=np.uint8)
    turned_first = naive(turn(pixels, orientation))
    assert np.array_equal(canonical_pixels(Image.fromarray(pixels), orientation), turned_first)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
def test_small_pictures_stay_as_they_are(width: int, height: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert np.array_equal(canonical_pixels(Image.fromarray(pixels)), pixels)


@pytest.mark.parametrize("value", [0, 1, 254, 255])
def test_a_flat_picture_stays_flat(value: int) -> None:
    assert (canonical_pixels(Image.new("RGB", (1999, 1301), (value,) * 3)) == value).all()


# --- Bytes nobody thought of ------------------------------------------------------------------------------


def cut_or_flip(data: bytes) -> st.SearchStrategy[bytes]:
    flips = st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=6)

    def apply(changes: list[tuple[int, int]], end: int) -> bytes:
        changed = bytearray(data)
        for position, value in changes:
            changed[position] = value
        return bytes(changed[:end])

    return st.builds(apply, flips, st.integers(0, len(data)))


@pytest.mark.parametrize(
    "data", [JPEG, PNG, GIF, WEBP, AVIF, HEIC], ids=["jpeg", "png", "gif", "webp", "avif", "heic"]
)
def test_damaged_bytes_are_read_or_refused_never_anything_else(data: bytes) -> None:
    @settings(deadline=None)
    @given(cut_or_flip(data))
    def holds(changed: bytes) -> None:
        assert _read_or_refused(changed)

    holds()


def _read_or_refused(data: bytes) -> bool:
    """True when it was read, or refused by a slug of ours; any other error comes through."""
    try:
        return read_pixels(data).pixels.size > 0
    except BadImage as error:
        return error.slug.startswith("image-")
