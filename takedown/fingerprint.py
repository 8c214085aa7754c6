"""Bytes of a picture -> Fingerprint: digests, PDQ with quality, codes of its variants, and pHash.

1. sha256 and md5 of the bytes as they came;
2. canonical pixels (images.py, pixels.py);
3. PDQ of the canonical pixels as they are, and of the variants in which copies of it may be found: eight
   orientations, parts, frames and others (variants.py);
4. imagehash's pHash of the canonical picture (phash.py).

Perceptual hashes of different pipelines are never compared: ``PIPELINE`` goes into every fingerprint.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from dataclasses import dataclass

import numpy as np

from takedown import pdq, phash
from takedown.errors import BadKey
from takedown.images import Picture, check_size, decoders, read_pixels
from takedown.keys import parse_digest
from takedown.pixels import canonical_pixels
from takedown.variants import MAX_MORE, VARIANTS_VERSION, hash_variants, index_codes, names

#: Version of everything between the bytes and the hashes; raise it when any bit of a result may change.
PIPELINE = 2

_DIGITS = 64


@dataclass(frozen=True, slots=True)  # a fingerprint has 1,125 of them, and a form may bring 300 fingerprints
class Code:
    """One PDQ hash: the name of the variant it was made from and 64 hex digits."""

    variant: str
    pdq: str


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a picture. The picture cannot be made from it.

    Attributes:
        sha256, md5: of the bytes as they came, lowercase hex; of a part that was chosen on a person's device,
            of its canonical pixels: no file has these digests, and nothing tells of the whole picture.
        format: JPEG, PNG, GIF, WEBP, AVIF or HEIC.
        width, height: in pixels, after the EXIF turn.
        pdq_quality: 0..100; below 50 the codes say little and only digests count.
        codes: PDQ of every variant in the order of variants.names(), the original first; or of that alone.
        phash: imagehash's 64-bit pHash, 16 hex digits.
        pipeline: version of the pipeline that made it.
        variants: version of the set of variants.
        more: codes of parts of the picture that an index holds beside that of the whole; none unless they
            were asked for (variants.index_codes).
    """

    sha256: str
    md5: str
    format: str
    width: int
    height: int
    pdq_quality: int
    codes: tuple[Code, ...]
    phash: str
    pipeline: int
    variants: int = VARIANTS_VERSION
    more: tuple[str, ...] = ()

    @property
    def pdq(self) -> str:
        """PDQ of the picture as it is: 64 hex digits."""
        return self.codes[0].pdq

    def to_json(self) -> str:
        """One line of JSON, keys sorted. Codes are one run of hex digits: the version says their names."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values["codes"] = "".join(code.pdq for code in self.codes)
        values["more"] = "".join(self.more)
        return json.dumps(values, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Fingerprint:
        """Read what ``to_json`` wrote, checking every field: the text may come from a confined child.

        Raises:
            ValueError: it is not a fingerprint.
        """
        try:
            values = json.loads(text)
            codes = _codes(values["codes"])
            if values["variants"] != VARIANTS_VERSION or len(values) != len(cls.__dataclass_fields__):
                raise ValueError("another set of variants, or fields are missing")
            return cls(
                sha256=_hex("sha256", values["sha256"]),
                md5=_hex("md5", values["md5"]),
                format=_name(values["format"]),
                width=_number(values["width"]),
                height=_number(values["height"]),
                pdq_quality=_number(values["pdq_quality"]),
                codes=codes,
                phash=_hex("phash", values["phash"]),
                pipeline=_number(values["pipeline"]),
                variants=VARIANTS_VERSION,
                more=_more(values["more"]),
            )
        except (BadKey, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("this is not a fingerprint") from error


def fingerprint(data: bytes) -> Fingerprint:
    """Fingerprint one picture in this very process; untrusted bytes belong into sandbox.fingerprint.

    Raises:
        BadImage: as images.read_pixels does.
        MissingExtra: the decoders are not installed.
    """
    check_size(data)
    return hashed(data, read_pixels(data))


def base(data: bytes) -> Fingerprint:
    """The same with a single code, of the picture as it is: what is kept of a picture that is searched."""
    check_size(data)
    return hashed(data, read_pixels(data), varied=False)


def hashed(data: bytes, picture: Picture, *, varied: bool = True, indexed: bool = False) -> Fingerprint:
    """Fingerprint a decoded picture.

    Args:
        data: its file.
        picture: its canonical pixels, or a part of them.
        varied: make the codes of all variants, not only of the original.
        indexed: make the further codes that an index holds.
    """
    if varied:
        codes, quality = hash_variants(picture.pixels, picture.width, picture.height)
    else:
        plan = pdq.upright(*picture.pixels.shape[:2])
        codes, qualities = pdq.hash_regions(pdq.luma(picture.pixels), plan)
        quality = int(qualities[0])
    return Fingerprint(
        sha256=hashlib.sha256(data).hexdigest(),
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        format=picture.format,
        width=picture.width,
        height=picture.height,
        pdq_quality=quality,
        codes=_named(codes.tobytes().hex()),
        phash=phash.phash(picture.pixels).hex(),
        pipeline=PIPELINE,
        more=_further(picture) if indexed else (),
    )


@functools.cache
def preload() -> None:
    """Load decoders and compiled loops by using each once, so that a process can be confined afterwards.

    Raises:
        MissingExtra: the decoders are not installed.
    """
    pillow = decoders()
    for mode, side in (("RGB", 600), ("RGBA", 600), ("L", 256)):
        pixels = canonical_pixels(pillow.new(mode, (side, side)))
        pixels[side // 2, ::7] = 255  # taken for writing, which loads what paints over it
        hashed(b"", Picture(pixels, side, side, "PNG"), indexed=True)
    phash.phash(np.zeros((300, 40, 3), dtype=np.uint8))  # tall pictures take another way


def _further(picture: Picture) -> tuple[str, ...]:
    found = index_codes(picture.pixels, picture.width, picture.height)
    return tuple(code.hex() for _, code in found)


def _more(value: object) -> tuple[str, ...]:
    """At most MAX_MORE codes from a run of hex digits."""
    if not isinstance(value, str) or len(value) > _DIGITS * MAX_MORE or len(value) % _DIGITS:
        raise ValueError("further codes are cut")
    if not re.fullmatch("[0-9a-f]*", value):
        raise ValueError("codes are not hex digits")
    return tuple(code.pdq for code in _named(value))


def _codes(value: object) -> tuple[Code, ...]:
    """The codes of all variants, or of the original alone, from a run of hex digits."""
    if not isinstance(value, str) or len(value) not in (_DIGITS, _DIGITS * len(names())):
        raise ValueError("codes are missing")
    if not re.fullmatch("[0-9a-f]*", value):
        raise ValueError("codes are not hex digits")
    return _named(value)


def _named(digits: str) -> tuple[Code, ...]:
    count = len(digits) // _DIGITS
    return tuple(Code(names()[n], digits[n * _DIGITS : (n + 1) * _DIGITS]) for n in range(count))


def _hex(kind: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a digest is not text")
    return parse_digest(kind, value).hex()


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 10**9:
        raise ValueError("a number is out of range")
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch("[A-Za-z0-9-]{1,32}", value):
        raise ValueError("a name is not a short word")
    return value
