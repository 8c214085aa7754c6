"""Every picture that SECURITY.md lists, through the real form: taken and sealed, or refused with what to do.

Bombs are made when their test runs; none of them is ever decoded in this process.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from factories.asking import URL, send, text
from factories.pictures import HEIC, PNG_SIGNATURE, chunk, encode, png, soft
from PIL import Image

from portal.asking import checking
from portal.asking.drafts import Draft
from portal.finding import matching
from portal.models import Item, SealedPicture, Submission
from takedown.errors import SandboxFailed

pytestmark = pytest.mark.django_db

EMPTY = "The file is empty; please choose the picture again."
LARGE = "The file is larger than 20 MB; please send a smaller copy."
PIXELS = (
    "The picture has more than 50 million pixels or a side longer than 20 000; please send a smaller copy."
)
NONE = "The file is not a picture; please open the picture itself, save it, and send that file."
UNSUPPORTED = (
    "This kind of file is not supported; please save the picture as JPEG or PNG, or take a screenshot, and "
    "send that."
)
CUT = "The file ends before the picture does; please download or copy it again, and send it once more."
DAMAGED = "The picture is damaged and cannot be read; please open it, save it as a new file, and send that."

Make = Callable[[], bytes]
SOFT = Image.fromarray(soft(60, 40))
JPEG = encode(Image.fromarray(soft(300, 200)), "JPEG", quality=90)
PNG = encode(SOFT, "PNG")
GIF = encode(SOFT.quantize(32), "GIF")


def bomb(name: bytes, before: bytes) -> bytes:
    """A PNG with a small chunk that unpacks to 30 MB."""
    return png(20, 20, chunk(name, before + zlib.compress(b"a" * 30_000_000, 9)))


def jpeg_header(side: int) -> bytes:
    """A JPEG that stops after its frame header, padded like a real file."""
    frame = struct.pack(">HBHHB", 11, 8, side, side, 1) + b"\x01\x11\x00"
    start = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xc0"
    return start + frame + b"\0" * 64


def animation(kind: str) -> bytes:
    black = Image.new("RGB", SOFT.size)
    return encode(SOFT, kind, save_all=True, append_images=[black] * 4, duration=20)


def gif_of_10000_frames() -> bytes:
    """The one frame of a GIF, again and again."""
    start = GIF.index(b"\x2c", 13 + 3 * 2 ** ((GIF[10] & 7) + 1))
    frame = GIF[start:-1]
    return GIF[:start] + frame * min(10_000, 19_000_000 // len(frame)) + b"\x3b"


def with_xmp() -> bytes:
    xmp = b"http://ns.adobe.com/xap/1.0/\0" + b"x" * 65_000
    return JPEG[:2] + (b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp) * 40 + JPEG[2:]


REFUSED: dict[str, tuple[Make, str]] = {
    "zero bytes": (lambda: b"", EMPTY),
    "one byte": (lambda: b"\xff", NONE),
    "21 MB": (lambda: JPEG + bytes(21 * 2**20), LARGE),
    "one byte more than 20 MB": (lambda: JPEG + bytes(20_000_001 - len(JPEG)), LARGE),
    "truncated JPEG": (lambda: JPEG[: len(JPEG) // 2], CUT),
    "truncated PNG": (lambda: PNG[: len(PNG) // 2], CUT),
    "bad CRC": (lambda: PNG[:29] + b"\0\0\0\0" + PNG[33:], DAMAGED),
    "65500 x 65500 JPEG header": (lambda: jpeg_header(65_500), PIXELS),
    "60000 x 60000 1-bit PNG of 74 bytes": (lambda: png(60_000, 60_000, depth=1, body=bytes(17)), PIXELS),
    "1 x 50 million": (lambda: png(1, 50_000_000, body=b""), PIXELS),
    "zTXt bomb": (lambda: bomb(b"zTXt", b"Comment\0\0"), DAMAGED),
    "iCCP bomb": (lambda: bomb(b"iCCP", b"p\0\0"), DAMAGED),
    "TIFF": (lambda: encode(SOFT, "TIFF"), UNSUPPORTED),
    "SVG with script": (
        lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        UNSUPPORTED,
    ),
    "EPS": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n", UNSUPPORTED),
    "PDF": (lambda: b"%PDF-1.7\n", UNSUPPORTED),
    "PSD": (lambda: b"8BPS\0\1", UNSUPPORTED),
    "JPEG 2000": (lambda: b"\0\0\0\x0cjP  \r\n\x87\n", UNSUPPORTED),
    "HTML named .png": (lambda: b"<!doctype html><html><body>hi</body></html>", NONE),
    "a page with a picture behind it": (lambda: b"<html>" + JPEG, NONE),
    "an archive with a picture in it": (lambda: b"PK\x03\x04" + PNG, NONE),
}

TAKEN: dict[str, tuple[Make, str]] = {
    "trailing data": (lambda: JPEG + bytes(1000), "JPEG"),
    "2,000 text chunks": (lambda: png(20, 20, *[chunk(b"tEXt", b"Comment\0hello")] * 2000), "PNG"),
    "CMYK": (lambda: encode(SOFT.convert("CMYK"), "JPEG"), "JPEG"),
    "Adobe's inverted CMYK": (
        lambda: encode(SOFT.convert("CMYK"), "JPEG").replace(b"\xff\xc0", _ADOBE + b"\xff\xc0", 1),
        "JPEG",
    ),
    "16-bit": (
        lambda: encode(Image.fromarray(soft(60, 40, 1)[:, :, 0].astype(np.uint16) * 257), "PNG"),
        "PNG",
    ),
    "1-bit": (lambda: encode(SOFT.convert("1"), "PNG"), "PNG"),
    "grey with transparency": (lambda: encode(SOFT.convert("LA"), "PNG"), "PNG"),
    "palette with transparency": (lambda: encode(SOFT.quantize(32), "PNG", transparency=3), "PNG"),
    "corrupt EXIF": (lambda: encode(SOFT, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), "JPEG"),
    "giant XMP": (with_xmp, "JPEG"),
    "animated GIF": (lambda: animation("GIF"), "GIF"),
    "animated WebP": (lambda: animation("WEBP"), "WEBP"),
    "animated PNG": (lambda: animation("PNG"), "PNG"),
    "10,000 frames": (gif_of_10000_frames, "GIF"),
    "MPO": (lambda: encode(SOFT, "MPO", save_all=True, append_images=[SOFT]), "JPEG"),
    "a picture and a page in one": (lambda: JPEG + b"<html><script>alert(1)</script>", "JPEG"),
    "a picture and an archive in one": (lambda: PNG + b"PK\x03\x04", "PNG"),
    "HEIC": (lambda: HEIC, "HEIC"),
}
_ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
BEGUN = Draft(ground="private", have=("addresses", "pictures"), addresses=URL, note="keep me")


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_picture_is_told_and_everything_else_stays(client: Client, name: str) -> None:
    make, said = REFUSED[name]
    page = send(client, BEGUN, make(), keep="yes")
    html = page.content.decode()
    assert page.status_code == 422
    assert text(page).count(said) == 2  # in the summary, and beside the field
    assert "There is a problem" in text(page)
    assert 'href="#pictures"' in html
    assert 'id="pictures-wrong"' in html
    assert "Please choose them again" in text(page)
    assert URL in html
    assert "keep me" in html
    assert "holiday" not in html
    assert not Submission.objects.exists()


@pytest.mark.parametrize("name", TAKEN)
def test_an_odd_but_whole_picture_is_taken_sealed_and_fingerprinted(client: Client, name: str) -> None:
    make, kind = TAKEN[name]
    data = make()
    assert send(client, BEGUN, data).status_code == 200
    assert data[:64] not in bytes(SealedPicture.objects.get().box)
    item = Item.objects.get(kind=Item.Kind.PICTURE)
    assert matching.fingerprint_item(item.pk)
    item.refresh_from_db()
    assert item.fingerprint.format == kind
    assert not SealedPicture.objects.exists()


def test_all_turns_of_a_picture_are_taken_and_turned_back(client: Client, work: Callable) -> None:
    upright = soft(90, 60)
    turned = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright, 1), 7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }  # fmt: skip
    files = []
    for orientation, pixels in turned.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        files.append(encode(Image.fromarray(np.ascontiguousarray(pixels)), "PNG", exif=exif))
    send(client, BEGUN, *files)
    work(Submission.objects.get())
    prints = [item.fingerprint for item in Item.objects.filter(kind=Item.Kind.PICTURE)]
    assert len(prints) == 8
    assert len({(one.pdq, one.phash, one.width, one.height) for one in prints}) == 1


def test_a_flat_colour_is_taken_and_counts_by_its_digests_only(client: Client, work: Callable) -> None:
    send(client, BEGUN, encode(Image.new("RGB", (90, 60), "red"), "PNG"))
    work(Submission.objects.get())
    assert Item.objects.get(kind=Item.Kind.PICTURE).fingerprint.pdq_quality < 50


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..\\..\\x.jpg",
        "a\x00b.jpg",
        "<script>.jpg",
        "字" * 255,
        "\u202egpj.exe",
        "a%0D%0Ab.jpg",
    ],
)
def test_a_hostile_file_name_is_never_looked_at(client: Client, name: str) -> None:
    page = client.generic("POST", "/en/ask/send/", *multipart(BEGUN.sealed(), name, PNG))
    assert page.status_code == 200
    assert Item.objects.filter(kind=Item.Kind.PICTURE).count() == 1
    assert name not in page.content.decode()


def multipart(draft: str, name: str, data: bytes) -> tuple[bytes, str]:
    """A form with a file, as no client would name it."""
    head = b'--x\r\nContent-Disposition: form-data; name="draft"\r\n\r\n' + draft.encode()
    file = f'\r\n--x\r\nContent-Disposition: form-data; name="pictures"; filename="{name}"\r\n\r\n'.encode()
    return head + file + data + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


@pytest.mark.parametrize("kind", ["text/html", "application/x-php", "image/svg+xml", "", "nonsense"])
def test_the_stated_type_is_never_looked_at(client: Client, kind: str) -> None:
    file = SimpleUploadedFile("x.html", JPEG, content_type=kind)
    assert client.post("/en/ask/send/", {"draft": BEGUN.sealed(), "pictures": file}).status_code == 200
    assert Item.objects.filter(kind=Item.Kind.PICTURE).count() == 1


def test_of_several_pictures_the_bad_ones_are_numbered(client: Client) -> None:
    page = send(client, BEGUN, JPEG, b"<html>", PNG, b"")
    assert f"Picture 2: {NONE}" in text(page)
    assert f"Picture 4: {EMPTY}" in text(page)
    assert "Picture 1:" not in text(page)
    assert "Picture 3:" not in text(page)
    assert not Submission.objects.exists()


def test_two_pictures_are_two_items(client: Client) -> None:
    send(client, BEGUN, JPEG, PNG)
    assert Item.objects.filter(kind=Item.Kind.PICTURE).count() == 2


def test_too_many_pictures_at_once_are_not_even_read(client: Client) -> None:
    page = send(client, BEGUN, *[b"x"] * 21)
    assert text(page).count("up to 20 pictures at a time; these are 21") == 2


def test_a_picture_that_kills_its_reader_is_told_kindly(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_self: object, _data: bytes) -> None:
        raise SandboxFailed("gone")

    monkeypatch.setattr("takedown.sandbox.Sandbox.check", die)
    assert "We could not read this picture safely" in text(send(client, BEGUN, JPEG))
    assert not Submission.objects.exists()


def test_while_many_pictures_are_checked_one_is_asked_to_wait(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "FORM_SECONDS", 0.0)
    monkeypatch.setattr(checking, "_free", type(checking._free)())
    assert "Please send it again in a few minutes" in text(send(client, BEGUN, JPEG))


def test_the_signature_of_a_picture_alone_is_cut_off(client: Client) -> None:
    for start in (PNG_SIGNATURE, b"\xff\xd8\xff\xe0", b"GIF89a"):
        assert CUT in text(send(client, BEGUN, start))
