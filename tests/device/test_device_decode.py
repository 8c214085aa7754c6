"""Pictures through the browser's own decoder, compared with the server's fingerprint of the same file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from device_files import exif, files, scene
from device_modules import Modules
from factories.pictures import HEIC, encode, png
from factories.real import shared_data
from PIL import Image

from takedown.errors import BadImage
from takedown.fingerprint import base
from takedown.images import read_pixels

pytestmark = pytest.mark.browser

BITS = 4
_ANSWER = """async (bytes, {decode, pixelsOf}, {baseFingerprint}) => {
  const {bytes: same, format, picture} = await decode(new Blob([bytes]));
  const pixels = pixelsOf(picture);
  return {found: await baseFingerprint(same, pixels, format), rgb: RGB};
}"""
_PIXELS, _BASE = _ANSWER.replace("RGB", "pixels.rgb"), _ANSWER.replace("RGB", "null")
_MODULES = ["decode.js", "fingerprint.js"]


def _apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _found(modules: Modules, wanted: dict[str, bytes], body: str) -> dict[str, Any]:
    """The browser's answer for each file."""
    return dict(zip(wanted, modules.map(_MODULES, body, list(wanted.values())), strict=True))


def _differences(modules: Modules, wanted: dict[str, bytes]) -> dict[str, str]:
    """What is not as the server has it."""
    wrong = {}
    for name, mine in _found(modules, wanted, _BASE).items():
        theirs, found = base(wanted[name]), mine["found"]
        apart = _apart(found["codes"], theirs.pdq), _apart(found["phash"], theirs.phash)
        same = [found[key] == getattr(theirs, key) for key in ("sha256", "md5", "format", "width", "height")]
        if max(apart) > BITS or not all(same):
            wrong[name] = f"PDQ and pHash are {apart} bits apart; the rest: {same}"
    return wrong


@pytest.mark.slow
def test_files_of_every_sort_have_the_servers_fingerprint(modules: Modules) -> None:
    wanted = files()
    assert len(wanted) > 120
    assert _differences(modules, wanted) == {}


def test_real_pictures_have_the_servers_fingerprint(modules: Modules) -> None:
    wanted = {path.name: path.read_bytes() for path in sorted((shared_data() / "pdq").glob("*.jpg"))}
    assert len(wanted) >= 15
    assert _differences(modules, wanted) == {}


def test_pixels_are_the_very_same_where_nothing_is_lost(modules: Modules) -> None:
    wanted = {name: data for name, data in files().items() if name.startswith("PNG") and "300" in name}
    for name, mine in _found(modules, wanted, _PIXELS).items():
        assert mine["rgb"] == read_pixels(wanted[name]).pixels.tobytes(), name


def test_large_pictures_are_read_in_strips_whichever_way_they_are_turned(modules: Modules) -> None:
    picture = Image.fromarray(scene(1500, 1100))
    wanted = {f"WebP {n}": encode(picture, "WEBP", exif=exif(n), quality=80, method=0) for n in (1, 3, 5, 8)}
    wanted["JPEG 6"] = encode(picture, "JPEG", exif=exif(6))
    wanted["wide"] = encode(Image.fromarray(scene(9000, 130)), "JPEG")
    for name, mine in _found(modules, wanted, _PIXELS).items():
        assert mine["rgb"] == read_pixels(wanted[name]).pixels.tobytes(), name


_PART = """async ({data, crop}, {decode, pixelsOf}) => {
  const {picture} = await decode(new Blob([data]));
  return pixelsOf(picture, crop);
}"""


def test_a_part_is_cut_out_of_the_upright_picture(modules: Modules) -> None:
    pixels = scene(300, 200)
    upright = np.ascontiguousarray(np.rot90(pixels, -1))  # EXIF 6 says: turn clockwise
    crop = {"left": 0.1, "top": 0.2, "width": 0.5, "height": 0.5}
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True})):
        data = encode(Image.fromarray(pixels), kind, exif=exif(6), **options)
        part = modules.run("decode.js", _PART, {"data": data, "crop": crop})
        assert part["source"] == {"width": 100, "height": 150}
        assert part["rgb"] == upright[60:210, 20:120].tobytes(), kind


@pytest.mark.parametrize(
    ("crop", "size"),
    [
        ((0, 0, 1, 1), (40, 30)),
        ((0.999, 0.999, 0.001, 0.001), (1, 1)),
        ((1, 1, 1, 1), (1, 1)),
        ((0, 0, 0, 0), (1, 1)),
        ((0.5, 0, 0.9, 2), (20, 30)),
    ],
)
def test_every_part_has_at_least_one_pixel_and_lies_within(
    modules: Modules, crop: tuple[float, ...], size: tuple[int, int]
) -> None:
    data = encode(Image.fromarray(scene(40, 30)), "PNG")
    named = dict(zip(("left", "top", "width", "height"), crop, strict=True))
    part = modules.run("decode.js", _PART, {"data": data, "crop": named})
    assert part["source"] == {"width": size[0], "height": size[1]}


def test_a_browser_that_turns_by_itself_is_not_helped(modules: Modules) -> None:
    # Chromium turns PNG by itself and leaves WebP as it is.
    body = "async (data, {leftToTurn}) => [await leftToTurn(data, 'PNG'), await leftToTurn(data, 'WEBP')]"
    png = encode(Image.fromarray(scene(20, 10)), "PNG", exif=exif(6))
    webp = encode(Image.fromarray(scene(20, 10)), "WEBP", exif=exif(8))
    assert modules.run("orientation.js", body, png)[0] == 1
    assert modules.run("orientation.js", body, webp)[1] == 8


_REASON = """async (data, {decode}) => {
  try {
    await decode(new Blob([data]));
    return "";
  } catch (error) {
    return error.reason ?? String(error);
  }
}"""


def test_what_the_browser_cannot_read_is_told(modules: Modules) -> None:
    whole = {kind: encode(Image.fromarray(scene(60, 50)), kind) for kind in ("AVIF", "WEBP", "GIF", "PNG")}
    expected = {
        "heic": (HEIC, "browser"),
        "broken avif": (whole["AVIF"].replace(b"av1C", b"av0C"), "browser"),
        "cut avif": (whole["AVIF"][:-50], "truncated"),
        "cut webp": (whole["WEBP"][:-50], "truncated"),
        "cut gif": (whole["GIF"][:-50], "damaged"),
        "wide": (png(20_001, 1), "too-many-pixels"),
        "many pixels": (png(8000, 7000), "too-many-pixels"),
        "video": (b"\0\0\0\x18ftypisom" + bytes(20), "unsupported"),
        "drawing": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "unsupported"),
        "words": (b"hello", "not-a-picture"),
        "nothing": (b"", "empty"),
        "trailing bytes": (whole["PNG"] + bytes(9000), ""),
    }
    found = modules.map("decode.js", _REASON, [data for data, _ in expected.values()])
    reasons = {name: reason for name, (_, reason) in expected.items()}
    assert dict(zip(expected, found, strict=True)) == reasons


def test_the_first_bytes_of_a_file_are_no_picture(modules: Modules) -> None:
    whole = [encode(Image.fromarray(scene(60, 50)), kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "AVIF")]
    cut = [data[:length] for data in whole for length in range(1, 40)]
    found = set(modules.map("decode.js", _REASON, cut))
    # An AVIF that ends with a box looks like one that this browser cannot read.
    assert found == {"truncated", "not-a-picture", "unsupported", "browser"}


def test_what_the_server_refuses_is_not_taken_for_something_else(modules: Modules) -> None:
    """A picture that is damaged somewhere is refused, or has the fingerprint that the server gives it."""
    rng = np.random.default_rng(6)
    whole = [encode(Image.fromarray(scene(120, 90)), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF")]
    damaged = []
    for data in whole:
        for at in rng.integers(len(data) // 3, len(data), 12):
            damaged.append(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
    for data, mine in zip(damaged, modules.map(_MODULES, _TRIED, damaged), strict=True):
        assert mine["reason"] in ("", "damaged", "truncated", "not-a-picture")
        if mine["reason"]:
            continue
        try:
            theirs = base(data)
        except BadImage:
            continue  # browsers show more of a damaged picture than the server accepts
        assert _apart(mine["found"]["codes"], theirs.pdq) <= 31


_TRIED = f"""async (bytes, ...modules) => {{
  try {{
    return {{reason: "", ...await ({_BASE})(bytes, ...modules)}};
  }} catch (error) {{
    return {{reason: error.reason ?? String(error)}};
  }}
}}"""


def test_soft_transparency_of_avif_differs_a_little(modules: Modules) -> None:
    # Chromium 156 stretches the alpha of an AVIF as if it were of limited range; clear and opaque are right.
    data = encode(Image.fromarray(scene(300, 220, 4), "RGBA"), "AVIF", quality=70, speed=10)
    (mine,) = modules.map(_MODULES, _BASE, [data])
    assert _apart(mine["found"]["codes"], base(data).pdq) <= 10


@pytest.mark.slow
def test_twelve_megapixels_are_no_trouble(modules: Modules) -> None:
    small = Image.fromarray(scene(1000, 750))
    data = encode(small.resize((4000, 3000)), "JPEG", quality=85)
    timed = f"""async (bytes, ...modules) => {{
      const began = performance.now();
      const {{found}} = await ({_BASE})(bytes, ...modules);
      return {{found, milliseconds: performance.now() - began}};
    }}"""
    mine = modules.run(_MODULES, timed, data)
    print(f"\n12 megapixels, base fingerprint: {mine['milliseconds']:.0f} ms")
    assert (mine["found"]["codes"], mine["found"]["phash"]) == (base(data).pdq, base(data).phash)
