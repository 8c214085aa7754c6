"""Pictures through the browser's own decoder, compared with the server's fingerprint of the same file."""

from __future__ import annotations

from typing import Any

import pytest
from device_files import files
from device_modules import Modules
from factories.real import shared_data

from takedown.fingerprint import base
from takedown.images import read_pixels

pytestmark = pytest.mark.browser

BITS = 4
_BASE = """async (bytes, {decode, pixelsOf}, {baseFingerprint}) => {
  const {bytes: same, format, picture} = await decode(new Blob([bytes]));
  const pixels = pixelsOf(picture);
  return {found: await baseFingerprint(same, pixels, format), rgb: pixels.rgb};
}"""
_MODULES = ["decode.js", "fingerprint.js"]


def _apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _found(modules: Modules, wanted: dict[str, bytes]) -> dict[str, Any]:
    """The browser's base fingerprint and canonical pixels of each file."""
    return dict(zip(wanted, modules.map(_MODULES, _BASE, list(wanted.values())), strict=True))


def _differences(modules: Modules, wanted: dict[str, bytes]) -> dict[str, str]:
    """What is not as the server has it."""
    wrong = {}
    for name, mine in _found(modules, wanted).items():
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
    for name, mine in _found(modules, wanted).items():
        assert mine["rgb"] == read_pixels(wanted[name]).pixels.tobytes(), name
