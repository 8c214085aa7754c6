"""Picture files of every sort, named by what is special about them."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from factories.pictures import PNG_SIGNATURE, chunk, encode
from numpy.typing import NDArray
from PIL import Image, ImageCms

SIZES = ((300, 220), (700, 530))
_OCTAVES = ((5, 90.0), (24, 40.0), (90, 12.0))


def scene(width: int, height: int, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """A colourful picture with shapes, fine detail and hard edges."""
    rng = np.random.default_rng(seed)
    pixels = np.full((height, width, channels), 128, np.float32)
    for side, strength in _OCTAVES:
        for channel in range(channels):
            noise = Image.fromarray(rng.normal(0, strength, (side, side)).astype(np.float32))
            pixels[:, :, channel] += np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC))
    pixels[height // 5 : height // 3, width // 6 : width // 2] = 20 + 60 * np.arange(channels)
    pixels[height // 2 :, width * 3 // 4 : width * 3 // 4 + 9] = 250
    return pixels.clip(0, 255).astype(np.uint8)


@functools.cache
def files() -> dict[str, bytes]:
    """Name -> file, in two sizes: smaller and larger than the canonical picture."""
    found = {}
    for seed, (width, height) in enumerate(SIZES):
        pixels = scene(width, height, 4, seed)
        made = {**_jpegs(pixels), **_pngs(pixels), **_others(pixels)}
        found.update({f"{name}, {width} x {height}": data for name, data in made.items()})
    return found


def _rgb(pixels: Any) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels[:, :, :3]))


def _rgba(pixels: Any) -> Image.Image:
    return Image.fromarray(pixels, "RGBA")


def _jpegs(pixels: Any) -> dict[str, bytes]:
    rgb = _rgb(pixels)
    found = {
        f"JPEG quality {quality} subsampled {name}": encode(rgb, "JPEG", quality=quality, subsampling=number)
        for quality in (10, 50, 75, 95)
        for number, name in enumerate(("4:4:4", "4:2:2", "4:2:0"))
    }
    found["JPEG progressive"] = encode(rgb, "JPEG", progressive=True, quality=80)
    found["JPEG grey"] = encode(rgb.convert("L"), "JPEG")
    found["JPEG CMYK"] = encode(rgb.convert("CMYK"), "JPEG", quality=90)
    found["JPEG stored as RGB"] = encode(rgb, "JPEG", keep_rgb=True)
    for name, profile in profiles().items():
        found[f"JPEG with profile {name}"] = encode(rgb, "JPEG", quality=90, icc_profile=profile)
    found.update({f"JPEG EXIF {n}": encode(rgb, "JPEG", exif=exif(n)) for n in range(1, 9)})
    return found


def _pngs(pixels: Any) -> dict[str, bytes]:
    rgb, rgba = _rgb(pixels), _rgba(pixels)
    soft = pixels.copy()
    soft[:, :, 3] = np.linspace(0, 255, pixels.shape[1]).astype(np.uint8)
    found = {
        "PNG": encode(rgb, "PNG"),
        "PNG alpha": encode(rgba, "PNG"),
        "PNG alpha from clear to opaque": encode(_rgba(soft), "PNG"),
        "PNG grey": encode(rgb.convert("L"), "PNG"),
        "PNG grey with alpha": encode(rgba.convert("LA"), "PNG"),
        "PNG black and white": encode(rgb.convert("1"), "PNG"),
        "PNG palette": encode(rgb.quantize(64), "PNG"),
        "PNG palette with a clear colour": encode(rgb.quantize(64), "PNG", transparency=5),
        "PNG colour with a clear colour": encode(rgb, "PNG", transparency=(250, 250, 250)),
        "PNG interlaced": _png(pixels[:, :, :3], interlaced=True),
        "PNG 16 bits": _png(_deep(pixels[:, :, :3])),
        "PNG 16 bits with alpha": _png(_deep(pixels)),
        "PNG 16 bits grey": _png(_deep(pixels[:, :, :1])),
        "PNG of gamma 1": _png(pixels[:, :, :3], chunk(b"gAMA", struct.pack(">I", 100_000))),
        "PNG of chromaticities of its own": _png(pixels[:, :, :3], _GAMMA, _CHROMATICITIES),
        "PNG animated": encode(rgb, "PNG", save_all=True, append_images=[_rgb(pixels[::-1])], duration=99),
    }
    found.update({f"PNG EXIF {n}": encode(rgb, "PNG", compress_level=1, exif=exif(n)) for n in range(2, 9)})
    for name, profile in profiles().items():
        found[f"PNG with profile {name}"] = encode(rgb, "PNG", icc_profile=profile)
    return found


def _others(pixels: Any) -> dict[str, bytes]:
    rgb, rgba, other = _rgb(pixels), _rgba(pixels), _rgb(pixels[::-1])
    turned = {f"WebP EXIF {n}": encode(rgb, "WEBP", exif=exif(n)) for n in range(2, 9)}
    return {
        **turned,
        "GIF": encode(rgb, "GIF"),
        "GIF with a clear colour": encode(rgb.quantize(64), "GIF", transparency=5),
        "GIF animated": encode(rgb, "GIF", save_all=True, append_images=[other], duration=99),
        "GIF smaller than its canvas": smaller_gif(pixels),
        "WebP": encode(rgb, "WEBP", quality=80),
        "WebP of low quality": encode(rgb, "WEBP", quality=10),
        "WebP lossless": encode(rgb, "WEBP", lossless=True),
        "WebP alpha": encode(rgba, "WEBP", quality=80),
        "WebP lossless alpha": encode(rgba, "WEBP", lossless=True, exact=True),
        "WebP animated": encode(rgb, "WEBP", save_all=True, append_images=[other], duration=99),
        "WebP with profile swapped": encode(rgb, "WEBP", icc_profile=profiles()["swapped"]),
        "AVIF": encode(rgb, "AVIF", speed=10, quality=70),
        "AVIF of low quality": encode(rgb, "AVIF", speed=10, quality=20),
        "AVIF 4:4:4": encode(rgb, "AVIF", speed=10, subsampling="4:4:4"),
        "AVIF with a clear part": encode(_rgba(_clear(pixels)), "AVIF", speed=10, quality=70),
        "AVIF EXIF 6": encode(rgb, "AVIF", speed=10, exif=exif(6)),
    }


def _clear(pixels: Any) -> Any:
    """Opaque but for a corner without colour, as pictures are that were cut out."""
    found = pixels.copy()
    found[:, :, 3] = 255
    found[: len(found) // 3, : len(found) // 3, 3] = 0
    return found


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


@functools.cache
def profiles() -> dict[str, bytes]:
    """Colour profiles: the usual one, and one that changes colours a lot where it is obeyed."""
    usual = bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # The tags of the red and the blue primary change names: what is red looks blue.
    swapped = usual.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    return {"sRGB": usual, "swapped": swapped}


_GAMMA = chunk(b"gAMA", struct.pack(">I", 45_455))
# White point, then red, green and blue: green and blue change places.
_CHROMATICITIES = chunk(
    b"cHRM", struct.pack(">8I", 31_270, 32_900, 64_000, 33_000, 15_000, 6_000, 30_000, 60_000)
)


def _deep(pixels: Any) -> NDArray[np.uint16]:
    """16 bits whose low bytes are noise, so that rounding and cutting differ."""
    low = np.random.default_rng(4).integers(0, 256, pixels.shape)
    found: NDArray[np.uint16] = (pixels.astype(np.uint16) * 256 + low).astype(np.uint16)
    return found


def _png(pixels: Any, *extra: bytes, interlaced: bool = False) -> bytes:
    """A PNG with chunks of one's own before the data."""
    height, width, channels = pixels.shape
    deep = pixels.dtype == np.uint16
    colour = {1: 0, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16 if deep else 8, colour, 0, 0, int(interlaced))
    lines = b"".join(_rows(part.astype(">u2") if deep else part) for part in _passes(pixels, interlaced))
    body = chunk(b"IDAT", zlib.compress(lines, 1)) + chunk(b"IEND", b"")
    return PNG_SIGNATURE + chunk(b"IHDR", header) + b"".join(extra) + body


def _rows(pixels: Any) -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in pixels) if pixels.size else b""


def _passes(pixels: Any, interlaced: bool) -> Iterator[Any]:
    """Adam7: PNG specification, 8.2."""
    if not interlaced:
        yield pixels
        return
    for top, left, down, across in (
        *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)),
        *((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)),
    ):
        yield pixels[top::down, left::across]


def smaller_gif(pixels: Any) -> bytes:
    """A GIF whose only frame covers a part of its canvas."""
    height, width = pixels.shape[:2]
    inner = _rgb(pixels[height // 4 :, width // 4 :])
    data = bytearray(encode(inner.quantize(64), "GIF"))
    frame = data.index(b"\x2c", 13 + 3 * 2 ** ((data[10] & 7) + 1))
    data[6:10] = struct.pack("<HH", width, height)
    data[frame + 1 : frame + 5] = struct.pack("<HH", width // 4, height // 4)
    return bytes(data)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))
