"""Fingerprints: right digests, PDQ within the reference's tolerance in all orientations, one pipeline."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import pytest
from PIL import Image

from takedown.errors import BadImage
from takedown.fingerprint import PIPELINE, Code, Fingerprint, base, fingerprint
from takedown.images import read_pixels
from takedown.variants import ORIENTATIONS, VARIANTS_VERSION, names

PDQ = Path(__file__).parents[2].parent / "shared" / "data" / "pdq"


def encode(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def picture(width: int = 90, height: int = 70) -> np.ndarray:
    noise = np.random.default_rng(5).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def bits_apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_it_holds_the_digests_of_the_very_bytes() -> None:
    data = encode(picture())
    found = fingerprint(data)
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.md5 == hashlib.md5(data).hexdigest()
    assert (found.format, found.width, found.height, found.pipeline) == ("PNG", 90, 70, PIPELINE)
    assert found.pdq == found.codes[0].pdq
    assert 50 <= found.pdq_quality <= 100


def test_phash_is_imagehashs_own_of_the_canonical_picture() -> None:
    data = encode(picture(1300, 900), "JPEG")
    assert fingerprint(data).phash == str(imagehash.phash(Image.fromarray(read_pixels(data).pixels)))


def test_each_variant_is_the_original_of_the_really_turned_picture() -> None:
    pixels = picture()
    turned = {
        "original": pixels,
        "rotate-90": np.rot90(pixels),
        "rotate-180": np.rot90(pixels, 2),
        "rotate-270": np.rot90(pixels, 3),
        "flip-x": pixels[::-1],
        "flip-y": pixels[:, ::-1],
        "flip-plus-1": pixels.transpose(1, 0, 2),
        "flip-minus-1": np.rot90(pixels, 2).transpose(1, 0, 2),
    }
    found = fingerprint(encode(pixels)).codes
    assert tuple(code.variant for code in found) == names()
    codes = {code.variant: code.pdq for code in found[:8]}
    assert list(codes) == [name for name, _ in ORIENTATIONS] == list(turned)
    for name, array in turned.items():
        assert codes[name] == fingerprint(encode(np.ascontiguousarray(array))).pdq, name


def test_all_eight_exif_orientations_of_a_picture_have_one_fingerprint() -> None:
    upright = picture(1000, 700)
    stored = {1: upright, 2: upright[:, ::-1], 3: np.rot90(upright, 2), 4: upright[::-1]}
    stored |= {5: upright.transpose(1, 0, 2), 6: np.rot90(upright), 8: np.rot90(upright, 3)}
    stored[7] = np.rot90(upright, 2).transpose(1, 0, 2)
    seen = set()
    for orientation, pixels in stored.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        found = fingerprint(encode(np.ascontiguousarray(pixels), exif=exif))
        seen.add((found.width, found.height, found.codes, found.phash, found.pdq_quality))
    assert len(seen) == 1


@pytest.mark.parametrize("size", [(3, 2), (90, 70), (256, 256), (1300, 900), (400, 1999)], ids=str)
def test_the_base_is_the_same_with_one_code(size: tuple[int, int]) -> None:
    data = encode(picture(*size))
    whole = fingerprint(data)
    assert base(data) == replace(whole, codes=whole.codes[:1])


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (2000, 1)])
def test_a_tiny_or_flat_picture_has_digests_and_no_quality(size: tuple[int, int]) -> None:
    assert fingerprint(encode(np.full((size[1], size[0], 3), 120, dtype=np.uint8))).pdq_quality == 0
    assert fingerprint(encode(np.full((300, 300, 3), 120, dtype=np.uint8))).pdq_quality == 0


def test_a_bad_picture_has_none() -> None:
    with pytest.raises(BadImage):
        fingerprint(b"")


def test_json_goes_there_and_back() -> None:
    found = fingerprint(encode(picture()))
    assert Fingerprint.from_json(found.to_json()) == found
    assert Fingerprint.from_json(found.to_json().encode()) == found


def change(**fields: Any) -> str:
    whole = Fingerprint("a" * 64, "b" * 32, "PNG", 1, 1, 0, (Code("original", "c" * 64),), "d" * 16, 1)
    values = json.loads(whole.to_json())
    assert Fingerprint.from_json(json.dumps(values)) == whole
    return json.dumps(values | fields)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        change(sha256="a" * 63),
        change(sha256=None),
        change(md5="zz" * 16),
        change(phash=7),
        change(width=-1),
        change(width=True),
        change(width=1e300),
        change(pdq_quality="50"),
        change(format="<script>"),
        change(codes=""),
        change(codes="c" * 63),
        change(codes="c" * 128),
        change(codes="C" * 64),
        change(codes="\u0660" * 64),
        change(variants=VARIANTS_VERSION + 1),
        change(codes=[]),
        change(codes=None),
        change(codes=[{"variant": "flip-x", "pdq": "c" * 64}]),
        change(codes=[{"variant": "original", "pdq": "c"}]),
        change(codes=["original"]),
        change(extra="field"),
    ],
    ids=lambda text: text[:20] + text[-30:],
)
def test_json_that_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Fingerprint.from_json(text)


PHASH = "80786f53424f7177"
CODES = [
    "7000f0513051faf55885faff1af25ffff5557001f005f101f05df15d7105f04d",
    "4080fe5740ffbf3f0300fa7f0300faff0100feff0100faff0100f8ff0100feff",
    "e555aaa8e555aaaa7555aaa85555a02565559aaae5550aaa75559aaaf5559aaa",
    "552155f7fdaaabab025555555255555556555555565555551555555554555555",
    "3000e7f73000e7ff3000e5ff1aa0f55d70004ffff0004fff30004fff7000dfff",
    "5555e55555555555555550415f511aaaa1556555355575553555755575557555",
    "54bdddfff4ffffff1f000180170001961f00778d1700778c050d1daf07007dff",
    "f567aaaafdaa0a4f5455aaaa5455aaaa5455aaaa5555aaaa5455abaa1055abaa",
]


def test_the_pipeline_version_is_pinned_to_the_bits() -> None:
    """Whoever changes a bit raises PIPELINE, and then these lines."""
    y, x = np.mgrid[0:1024, 0:1536]
    pixels = np.stack([x * 7 % 251, y * 5 % 241, (x * y) % 239], axis=2).astype(np.uint8)
    data = encode(pixels)
    canonical = hashlib.sha256(read_pixels(data).pixels.tobytes()).hexdigest()
    assert (PIPELINE, canonical) == (2, "cb222038c2baa53d8be5d1d140c5386f3af6a48fbd085f56ec87bcacbb8fcfe8")
    found = fingerprint(data)
    assert (found.phash, [code.pdq for code in found.codes[:8]]) == (PHASH, CODES)


def test_importing_it_loads_neither_decoder_nor_compiler() -> None:
    """A holder without the optional parts, and the task worker, import it for its types alone."""
    decoders = ("PIL", "pi_heif", "numba")
    code = f"import sys, takedown.sandbox; print([m for m in {decoders} if m in sys.modules])"
    root = str(Path(__file__).parents[2])
    out = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    if not PDQ.exists():
        pytest.skip("the PDQ pictures are not beside the repository")
    with (PDQ / "expected.csv").open() as lines:
        return {row["file"]: row["pdq"] for row in csv.DictReader(lines)}


def test_pdq_is_within_ten_bits_of_the_reference(reference: dict[str, str]) -> None:
    for name, expected in reference.items():
        found = fingerprint((PDQ / name).read_bytes())
        assert found.pdq_quality >= 80
        assert bits_apart(found.pdq, expected) <= 10, name


def test_one_picture_finds_its_eight_orientations(reference: dict[str, str]) -> None:
    original = fingerprint((PDQ / "bridge-1-original.jpg").read_bytes())
    assert len(reference) == 8
    for code, (name, expected) in zip(original.codes[:8], reference.items(), strict=True):
        assert bits_apart(code.pdq, expected) <= 10, name
        assert code.variant.replace("-", "") in name.replace("-", "")


def test_edited_copies_stay_within_the_radius(reference: dict[str, str]) -> None:
    original = fingerprint((PDQ / "bridge-1-original.jpg").read_bytes())
    for path in sorted(PDQ.glob("bridge-mod-*.jpg")):
        assert bits_apart(fingerprint(path.read_bytes()).pdq, original.pdq) <= 31, path.name
