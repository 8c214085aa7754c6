"""A browser that tells a canary token wherever a browser can tell anything."""

from __future__ import annotations

import io
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from urllib.request import Request

from PIL import Image, ImageCms
from visitor import Page, Visitor

#: Header -> its token. A proxy of ours has appended the last address to X-Forwarded-For.
HEADERS = {
    "User-Agent": "canaryagent7c1d",
    "Accept-Language": "canarylanguage7c1d",
    "X-Real-Ip": "canaryrealip7c1d",
    "Forwarded": "canaryforwarded7c1d",
    "Via": "canaryvia7c1d",
    "From": "canaryfrom7c1d",
    "Authorization": "canaryauthorization7c1d",
    "If-None-Match": "canaryetag7c1d",
    "X-Request-Id": "canaryrequestid7c1d",
    "X-Anything": "canaryheader7c1d",
}
FORWARDED, ADDRESS = "canaryforward7c1d", "198.51.100.77"
REFERRER, COOKIE = "canaryreferrer7c1d", "canarycookie7c1d"
#: What a browser tells with every request.
TOLD = [*HEADERS.values(), FORWARDED, ADDRESS, REFERRER, COOKIE]

#: Where a picture carries text -> its token.
METADATA = {
    "EXIF": "canaryexif7c1d",
    "XMP": "canaryxmp7c1d",
    "IPTC": "canaryiptc7c1d",
    "ICC": "canaryicc7c1d",
    "comment": "canarycomment7c1d",
    "trailer": "canarytrailer7c1d",
}


class Teller(Visitor):
    def post(self, path: str, headers: Mapping[str, str] | None = None, **fields: str) -> Page:
        """A form of no page: whatever someone makes up."""
        kind = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self._page(Request(self.address + path, urlencode(fields).encode(), kind))

    def send(self, path: str, body: bytes, kind: str) -> Page:
        return self._page(Request(self.address + path, body, {"Content-Type": kind}))

    def announce(self, path: str, length: int, body: bytes) -> int:
        """Say that more will come than does; the status of the answer."""
        place = urlsplit(self.address)
        connection = HTTPConnection(place.hostname or "", place.port, timeout=30)
        try:
            connection.putrequest("POST", path)
            kind = "application/x-www-form-urlencoded"
            told = {**_headers(), "Content-Length": str(length), "Content-Type": kind}
            for name, value in told.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            return connection.getresponse().status
        finally:
            connection.close()

    def _page(self, request: Request) -> Page:
        for name, value in _headers().items():
            request.add_header(name, value)
        return super()._page(request)


def _headers() -> dict[str, str]:
    return {
        **HEADERS,
        "X-Forwarded-For": f"{FORWARDED}, {ADDRESS}",
        "Referer": f"https://{REFERRER}.example/",
        "Cookie": f"csrftoken={COOKIE}; sessionid={COOKIE}",
    }


def picture(source: Path) -> bytes:
    """A sample picture that carries a token in every kind of metadata."""
    with Image.open(source) as image:
        exif = image.getexif()
        exif[0x010E] = METADATA["EXIF"]
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        written = io.BytesIO()
        image.save(
            written,
            "JPEG",
            quality=95,
            exif=exif,
            comment=METADATA["comment"].encode(),
            icc_profile=profile + METADATA["ICC"].encode(),
            xmp=f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{METADATA['XMP']}</x:xmpmeta>".encode(),
        )
    start, rest = written.getvalue()[:2], written.getvalue()[2:]
    return start + _iptc(METADATA["IPTC"].encode()) + rest + METADATA["trailer"].encode()


def _iptc(caption: bytes) -> bytes:
    """An APP13 segment with a caption (IIM 2:120) in a Photoshop resource."""
    record = b"\x1c\x02\x78" + len(caption).to_bytes(2, "big") + caption
    record += b"\0" * (len(record) % 2)
    block = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record
    return b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block
