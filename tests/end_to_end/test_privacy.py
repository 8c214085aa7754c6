"""A small canary sweep: tokens are planted wherever a browser tells something, and looked for everywhere.

What may hold a token is named: the address asked about, in its own row. Each place has a positive control,
since a search that can find nothing proves nothing.
"""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request

import people
import pytest
from desk import Desk
from PIL import Image
from visitor import Page, Visitor

pytestmark = [pytest.mark.slow]

#: Where a browser or a person tells something that must be written nowhere.
TOKENS = {
    "file name": "canaryfile7c1d",
    "EXIF": "canaryexif7c1d",
    "comment": "canarycomment7c1d",
    "user agent": "canaryagent7c1d",
    "language": "canarylanguage7c1d",
    "forwarded": "canaryforward7c1d",
    "referrer": "canaryreferrer7c1d",
    "cookie": "canarycookie7c1d",
    "query": "canaryquery7c1d",
    "wrong receipt": "canaryreceipt7c1d",
    "bad address": "canarybad7c1d",
}
#: In the row of its item, and nowhere else.
ADDRESS = "canaryaddress7c1d"


class Teller(Visitor):
    """A browser that tells a token in every header it has."""

    def _page(self, request: Request) -> Page:
        request.add_header("User-Agent", TOKENS["user agent"])
        request.add_header("Accept-Language", TOKENS["language"])
        request.add_header("X-Forwarded-For", TOKENS["forwarded"])
        request.add_header("X-Real-Ip", TOKENS["forwarded"])
        request.add_header("Referer", f"https://{TOKENS['referrer']}.example/")
        request.add_header("Cookie", f"csrftoken={TOKENS['cookie']}; sessionid={TOKENS['cookie']}")
        return super()._page(request)


def _picture(source: Path) -> bytes:
    """A sample picture that carries tokens in its metadata."""
    with Image.open(source) as image:
        exif = image.getexif()
        exif[0x010E] = TOKENS["EXIF"]
        written = io.BytesIO()
        image.save(written, "JPEG", quality=95, exif=exif, comment=TOKENS["comment"].encode())
    assert TOKENS["EXIF"].encode() in written.getvalue()
    assert TOKENS["comment"].encode() in written.getvalue()
    return written.getvalue()


def _spellings(token: str) -> list[bytes]:
    """A token as it may stand in a file: text, UTF-16, hex, base64 at three offsets, escaped, reversed."""
    raw = token.encode()
    inner = [base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)]
    return [
        raw,
        raw.upper(),
        token.encode("utf-16-le"),
        raw.hex().encode(),
        raw.hex().upper().encode(),
        *inner,
        quote("/" + token, safe="").encode(),
        raw[::-1],
    ]


def _holding(folder: Path, token: str) -> set[str]:
    """The files below a folder that hold a token in any spelling, in their content or their name."""
    spellings = _spellings(token)
    found = set()
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            content = file.read_bytes() + str(file.relative_to(folder)).encode()
            if any(spelling in content for spelling in spellings):
                found.add(file.name)
    return found


@pytest.mark.parametrize("desk", ["embedded"], indirect=True)
def test_what_a_browser_tells_is_written_nowhere(desk: Desk, drawn: Path) -> None:
    desk.reuse(drawn)
    temporary = desk.folder / "tmp"
    temporary.mkdir()
    desk.environment["TMPDIR"] = str(temporary)
    desk.manage("prepare", "--demo")
    desk.start("web")
    teller = Teller(desk.address)

    # Errors first, then a submission whose picture waits sealed: no worker runs yet.
    teller.get(f"/?{TOKENS['query']}")
    teller.get(f"/nowhere/{TOKENS['query']}")
    people.status(teller, TOKENS["wrong receipt"])
    people.fill(teller, [f"ftp://{TOKENS['bad address']}.example/"])
    check = people.fill(teller, [f"https://{ADDRESS}.example/x.jpg"], pictures=True)
    picture = _picture(desk.var / "sample" / "try" / "original.jpg")
    teller.press(check, "Send", [("pictures", "x.png", b"<html>" + TOKENS["comment"].encode())])
    sent = teller.press(check, "Send", [("pictures", f"{TOKENS['file name']}.jpg", picture)])
    receipt = people.words(sent)
    for token in TOKENS.values():
        assert _holding(desk.folder, token) == set(), token
    assert any(name.startswith("portal.sqlite3") for name in _holding(desk.folder, ADDRESS))

    # A worker that meets a forced crash, then one that finishes.
    desk.start("clock")  # the form came back faster than a person fills it in: it waits for the sweeper
    desk.start("worker", CRASH_AT="fingerprint.claimed").wait(60)
    desk.kill("worker")
    desk.start("worker")
    people.wait_for_status(desk, receipt, "We found rows")
    desk.stop()
    for token in (*TOKENS.values(), receipt):
        assert _holding(desk.folder, token) == set(), token
    held = _holding(desk.folder, ADDRESS)
    assert held
    assert all(name.startswith("portal.sqlite3") for name in held), held

    # Positive controls: each kind of place, in each spelling, would have been found.
    for place in (temporary / "spool", desk.var / "broker" / "queue" / "message", desk.folder / "web.log"):
        for spelling in _spellings("canarycontrol7c1d"):
            with place.open("ab") as file:
                file.write(b"..." + spelling + b"...")
            assert place.name in _holding(desk.folder, "canarycontrol7c1d")
            os.truncate(place, max(0, place.stat().st_size - len(spelling) - 6))
            assert place.name not in _holding(desk.folder, "canarycontrol7c1d")
