"""Untrusted bytes -> canonical pixels, within limits that are checked before anything is decoded.

1. the size in bytes;
2. the format by its first bytes, from a list of those allowed (formats.py);
3. width and height from the header;
4. decode fully (never a JPEG ``draft``), the first frame only;
5. bring into canonical pixels, turned by EXIF (pixels.py says how, to the bit).

Call this in the sandbox only: the decoders are C code that reads hostile bytes.
"""

from __future__ import annotations

import functools
import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from takedown.errors import BadImage, MissingExtra
from takedown.formats import sniff
from takedown.pixels import Pixels, canonical_pixels

if TYPE_CHECKING:
    from PIL.Image import Image

#: Largest file in bytes.
MAX_BYTES = 20_000_000
#: Most pixels of one picture, width x height.
MAX_PIXELS = 50_000_000
#: Longest side in pixels.
MAX_SIDE = 20_000
#: Most bytes that one text chunk (or colour profile) of a PNG, and all of them together, may unpack to.
MAX_TEXT_CHUNK = 1 << 20
MAX_TEXT_TOTAL = 8 << 20

_ORIENTATION_TAG = 0x0112
# Pillow's names where they are not ours.
_PILLOW_NAMES = {"HEIC": "HEIF"}


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: canonical pixels, uint8 [h, w, 3], no side longer than 512.
        width, height: of the original in pixels, after the EXIF turn.
        format: JPEG, PNG, GIF, WEBP, AVIF or HEIC.
    """

    pixels: Pixels
    width: int
    height: int
    format: str


def read_pixels(data: bytes) -> Picture:
    """Decode one picture (the steps are in the module's docstring).

    Raises:
        BadImage: with the slug image-empty, image-too-big, image-too-many-pixels, image-truncated,
            image-unsupported, image-not-a-picture or image-damaged.
        MissingExtra: the decoders are not installed.
        MemoryError: the process may not use as much memory as the picture needs.
    """
    image, kind, orientation = _read(data)
    try:
        pixels = canonical_pixels(image, orientation)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - as in _read
        raise _damaged(data, kind, error) from None
    return Picture(pixels, *_upright(image, orientation), kind)


def measure(data: bytes) -> tuple[int, int]:
    """Decode one picture and forget it.

    Returns:
        Width and height in pixels, after the EXIF turn.

    Raises:
        BadImage, MissingExtra, MemoryError: as ``read_pixels``.
    """
    image, _, orientation = _read(data)
    return _upright(image, orientation)


def _read(data: bytes) -> tuple[Image, str, int]:
    """Steps 1 to 4 of the module's docstring: the picture, its format and its EXIF orientation."""
    check_size(data)
    kind = sniff(data)
    if kind == "WEBP":
        _check_dimensions(*_webp_dimensions(data))
    try:
        image = _decode(data, kind)
        return image, kind, _orientation(image, kind)
    except (BadImage, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - decoders raise whatever they like on hostile bytes
        raise _damaged(data, kind, error) from None


def _upright(image: Image, orientation: int) -> tuple[int, int]:
    return image.size if orientation < 5 else (image.height, image.width)


def check_size(data: bytes) -> None:
    """Raise BadImage when the file is empty or larger than MAX_BYTES. Cheap: no decoder is needed."""
    if not data:
        raise BadImage("The file is empty; please choose the picture again.", slug="image-empty")
    if len(data) > MAX_BYTES:
        raise BadImage(
            f"The file is larger than {MAX_BYTES // 1_000_000} MB; please send a smaller copy.",
            slug="image-too-big",
        )


def _webp_dimensions(data: bytes) -> tuple[int, int]:
    """Canvas of a WebP file, read by ourselves: Pillow allocates it on opening (RFC 9649, 2.5 to 2.7)."""
    chunk, body = data[12:16], data[20:30]
    if chunk == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF


def _check_dimensions(width: int, height: int) -> None:
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise _too_many_pixels()


def _too_many_pixels() -> BadImage:
    return BadImage(
        f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels or a side longer than "
        f"{MAX_SIDE:,}; please send a smaller copy.",
        slug="image-too-many-pixels",
    )


@functools.cache
def decoders() -> Any:
    """Import and set up everything that reads pictures, once; returns the module ``PIL.Image``.

    A process that is about to be confined calls this first, since it cannot import afterwards.

    Raises:
        MissingExtra: the decoders are not installed.
    """
    try:
        import pi_heif

        # Importing a plugin registers it. Those not imported here, TIFF and EPS among them, never are.
        from PIL import AvifImagePlugin, Image, MpoImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401
    except ImportError as error:
        raise MissingExtra(
            "Reading pictures needs an optional part; run: pip install '.[index]' in the project's folder"
        ) from error
    Image.preinit()
    # One thread: the sandbox lets a decoder start none.
    pi_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    PngImagePlugin.MAX_TEXT_CHUNK = MAX_TEXT_CHUNK
    PngImagePlugin.MAX_TEXT_MEMORY = MAX_TEXT_TOTAL
    return Image


def _decode(data: bytes, kind: str) -> Image:
    """Open, check the header, then decode the first frame."""
    pillow = decoders()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about corrupt EXIF
        warnings.simplefilter("error", pillow.DecompressionBombWarning)
        try:
            image: Image = pillow.open(io.BytesIO(data), formats=(_PILLOW_NAMES.get(kind, kind),))
        except (pillow.DecompressionBombWarning, pillow.DecompressionBombError):
            raise _too_many_pixels() from None
    _check_dimensions(*image.size)
    image.load()
    _check_dimensions(*image.size)  # a HEIC header may be wrong about what follows
    return image


def _orientation(image: Image, kind: str) -> int:
    """EXIF orientation 1..8; 1 when there is none or it makes no sense.

    Only the EXIF block counts, as in browsers: Pillow's ``getexif`` would also believe XMP. The HEIC
    decoder has turned the picture already.
    """
    block = image.info.get("exif")
    if kind == "HEIC" or not isinstance(block, bytes):
        return 1
    exif = decoders().Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif.load(block)
            value = exif.get(_ORIENTATION_TAG)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a broken EXIF block says nothing, and the picture is fine without it
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _damaged(data: bytes, kind: str, error: Exception) -> BadImage:
    """A file that stops too early gets a sentence of its own: sending it again usually helps."""
    if "truncated" in str(error).lower() or _is_cut(data, kind):
        return BadImage(
            "The file ends before the picture does; please download or copy it again, and send it once more.",
            slug="image-truncated",
        )
    return BadImage(
        "The picture is damaged and cannot be read; please open it, save it as a new file, and send that.",
        slug="image-damaged",
    )


def _is_cut(data: bytes, kind: str) -> bool:
    """Whether the mark or the length that closes a complete file is missing."""
    if kind == "WEBP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if kind in ("AVIF", "HEIC"):
        return not _boxes_are_whole(data)
    ending = {"JPEG": b"\xff\xd9", "PNG": b"IEND", "GIF": b"\x3b"}[kind]
    return ending not in data[-4096:]


def _boxes_are_whole(data: bytes) -> bool:
    at = 0
    while 0 <= at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8:  # 0: to the end of the file; 1: a 64-bit length, which no picture of 20 MB needs
            return True
        at += length
    return at == len(data)
