"""The format of a picture by its first bytes: the name of a file and its MIME type say nothing."""

from __future__ import annotations

from takedown.errors import BadImage

_HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_UNSUPPORTED = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"8BPS", "Photoshop"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"BM", "BMP"),
    (b"\0\0\1\0", "icon"),
)


def sniff(data: bytes) -> str:
    """Name the format of a file by its first bytes; no decoder is needed.

    Returns:
        JPEG, PNG, GIF, WEBP, AVIF or HEIC.

    Raises:
        BadImage: image-unsupported or image-not-a-picture.
    """
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and (name := _by_brand(data)):
        return name
    raise _not_allowed(data)


def _by_brand(data: bytes) -> str:
    """AVIF and HEIC share a container; its brands tell them apart (ISO/IEC 14496-12, 4.3)."""
    length = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12]} | {data[at : at + 4] for at in range(16, length, 4)}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIC" if brands & _HEIC_BRANDS else ""


def _not_allowed(data: bytes) -> BadImage:
    for signature, name in _UNSUPPORTED:
        if data.startswith(signature):
            return _unsupported(f"{name} files are")
    head = data[:2048].lower()
    if b"%pdf-" in head[:1024]:
        return _unsupported("PDF files are")
    if b"<svg" in head and b"<html" not in head:
        return _unsupported("SVG drawings are")
    if data[4:8] == b"ftyp":
        return _unsupported("Videos are")
    return BadImage(
        "The file is not a picture; please open the picture itself, save it, and send that file.",
        slug="image-not-a-picture",
    )


def _unsupported(what: str) -> BadImage:
    return BadImage(
        f"{what} not supported; please save the picture as JPEG or PNG, or take a screenshot, and send that.",
        slug="image-unsupported",
    )
