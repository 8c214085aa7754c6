"""Fingerprints made in a real browser: how long a picture of 12 megapixels takes, and what is loaded for it.

The first picture of a person is timed in a new thread, which has to load and to warm up; further ones follow
in the same thread. Decoding counts, reading the file from a disk does not.
"""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from bench.browser import Browser, browser
from bench.desk import ROOT
from bench.fingerprint import picture
from bench.report import Timing, at_most, goals, say, table

#: Pictures timed of each sort.
ROUNDS = 7
WIDTH, HEIGHT = 4000, 3000

_SCRIPTS = ROOT / "portal" / "static" / "portal" / "device"
# Imports that are loaded with the module, and those that wait until they are needed.
_AT_ONCE = re.compile(r"""^import\s[^(]*?["']\./([^"']+)["'];""", re.MULTILINE)
_LATER = re.compile(r"""\bimport\(["']\./([^"']+)["']\)""")

Times = tuple[Timing, Timing]


def run(folder: Path) -> None:
    sizes = _sizes()
    with browser() as started:
        if started is None:
            say("\nFingerprints in a browser are left out: install Chromium and playwright to time them.")
            return
        files = {kind: picture(WIDTH, HEIGHT, kind, 3) for kind in ("JPEG", "PNG")}
        first = {kind: _times(started, data, anew=True) for kind, data in files.items()}
        further = {kind: _times(started, data, anew=False) for kind, data in files.items()}
        version = started.version
    rows = [
        (f"{kind}, {len(files[kind]):,} bytes, {label}", *_row(times[kind]))
        for label, times in (("first", first), ("further", further))
        for kind in files
    ]
    head = ("", "base, median ms", "range ms", "all variants, median ms", "range ms")
    table(f"12 megapixels in {version}, decoding included", head, rows)
    table("scripts", ("", "files", "bytes", "bytes gzip'd"), sizes)
    goals(
        at_most("12 MP JPEG, the first of a person: base, ms", first["JPEG"][0].median * 1e3, 1000),
        at_most("the same: all variants, ms", first["JPEG"][1].median * 1e3, 5000),
    )


def _times(started: Browser, data: bytes, *, anew: bool) -> Times:
    started.seconds(data, anew=True)
    found = [started.seconds(data, anew=anew) for _ in range(ROUNDS)]
    return Timing(tuple(base for base, _ in found)), Timing(tuple(whole for _, whole in found))


def _row(times: Times) -> tuple[object, ...]:
    base, whole = times
    return base.median * 1e3, base.spread, whole.median * 1e3, whole.spread


def _sizes() -> list[tuple[object, ...]]:
    """What the page loads, what follows when a picture is chosen, and the thread, each with its imports."""
    page, thread = _with_imports("page.js"), _with_imports("worker.js", later=True)
    list_of_pictures = _with_imports("page.js", later=True) - page
    return [
        ("with the page", *_size(page)),
        ("when the first picture is chosen: the list", *_size(list_of_pictures)),
        ("and the thread that makes fingerprints", *_size(thread)),
    ]


def _with_imports(name: str, *, later: bool = False) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            text = (_SCRIPTS / one).read_text()
            waiting += _AT_ONCE.findall(text) + (_LATER.findall(text) if later else [])
    return found


def _size(names: set[str]) -> tuple[int, int, int]:
    contents = [(_SCRIPTS / name).read_bytes() for name in sorted(names)]
    return len(contents), sum(map(len, contents)), sum(len(gzip.compress(one)) for one in contents)
