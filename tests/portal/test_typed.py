"""What people type into the fields for fingerprints and sites, line by line."""

from __future__ import annotations

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.asking import typed
from takedown.keys import WIDTHS

SHA256, SHA1, MD5 = "ab" * 32, "cd" * 20, "ef" * 16
IN_BASE64 = base64.b64encode(bytes.fromhex(SHA256)).decode()
EITHER = [(("sha256", SHA256), ("pdq", SHA256))]
NAMED = [(("sha256", SHA256),)]

GOOD = {
    "bare digits of SHA-256 or PDQ": (SHA256, EITHER),
    "capitals and spaces around": (f"  {SHA256.upper()} \t", EITHER),
    "SHA-1": (SHA1, [(("sha1", SHA1),)]),
    "MD5": (MD5, [(("md5", MD5),)]),
    "with its name": (f"sha256:{SHA256}", NAMED),
    "with its name in words": (f"SHA-256 = {SHA256}", NAMED),
    "PDQ by name": (f"PDQ {SHA256}", [(("pdq", SHA256),)]),
    "digest of an address": (f"url_sha256:{SHA256}", [(("url_sha256", SHA256),)]),
    "as sha256sum prints it": (f"{SHA256}  Anna am Strand.jpg", EITHER),
    "as macOS prints it": (f"SHA256 (Anna.jpg) = {SHA256}", NAMED),
    "as PowerShell prints it": (f"SHA256          {SHA256.upper()}       C:\\Anna.jpg", NAMED),
    "pairs with colons": (":".join("ab" for _ in range(32)), EITHER),
    "pairs with spaces": (" ".join("ef" for _ in range(16)), [(("md5", MD5),)]),
    "base64": (IN_BASE64, EITHER),
    "base64 without padding": (IN_BASE64.rstrip("="), EITHER),
    "base64 for addresses": (IN_BASE64.replace("+", "-").replace("/", "_"), EITHER),
    "as web pages state it": (f"sha256-{IN_BASE64}", NAMED),
    "a mark of byte order, carriage returns and empty lines": (f"\ufeff\r\n{MD5}\r\n", [(("md5", MD5),)]),
    "the same twice": (f"{MD5}\nmd5:{MD5}\n{MD5.upper()}", [(("md5", MD5),)]),
}

BAD = {
    "a word": ("holiday.jpg", "not a fingerprint"),
    "an address": ("https://a.example/x.jpg", "not a fingerprint"),
    "a digit too many": (SHA256 + "a", "not a fingerprint"),
    "a digit too few": (SHA256[1:], "not a fingerprint"),
    "a letter that is no digit": (SHA256[1:] + "g", "not a fingerprint"),
    "full-width digits": ("０" * 64, "not a fingerprint"),
    "another name than its length": (f"md5:{SHA256}", "not a fingerprint"),
    "a name alone": ("sha256:", "not a fingerprint"),
    "NUL": ("\x00" * 64, "not a fingerprint"),
    "SHA-512": ("a" * 128, "not a fingerprint"),
    "a formula of a table": ("=cmd|' /C calc'!A0", "not a fingerprint"),
    "pHash": ("0123456789abcdef", "by chance"),
    "pHash by name": ("phash: 0123456789abcdef", "by chance"),
    "PhotoDNA in hex": ("a" * 288, "PhotoDNA"),
    "PhotoDNA in base64": (base64.b64encode(bytes(range(144))).decode(), "PhotoDNA"),
    "PhotoDNA in numbers": (",".join(str(n) for n in range(144)), "PhotoDNA"),
    "PhotoDNA by name": ("PhotoDNA:1,2,3", "PhotoDNA"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_fingerprint_is_read_as_programs_print_it(name: str) -> None:
    text, meant = GOOD[name]
    assert typed.read_fingerprints(text) == (meant, [])


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_fingerprint_is_told_by_line_and_the_others_stay(name: str) -> None:
    text, said = BAD[name]
    found, problems = typed.read_fingerprints(f"{MD5}\n{text}\n{SHA1}")
    assert found == [(("md5", MD5),), (("sha1", SHA1),)]
    (problem,) = problems
    assert problem.startswith("Line 2")
    assert said in problem


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("htp://wrong.example/a.jpg", "Line 2 (htp://wrong.example/a.jp…): "),
        ("holiday.jpg", "Line 2 (holiday.jpg): "),
        ("https://anna:secret@a.example", "Line 2 (a.example): "),
        ("\x00\x00\u202e", "Line 2: "),
    ],
)
def test_a_problem_repeats_how_its_line_begins_and_no_password(line: str, place: str) -> None:
    _, (problem,) = typed.read_fingerprints(f"{MD5}\n{line}")
    assert problem.startswith(place)


def test_file_names_beside_a_fingerprint_are_dropped() -> None:
    found, _ = typed.read_fingerprints(f"{SHA256}  Anna am Strand.jpg")
    assert "Anna" not in repr(found)


def test_no_more_than_a_request_holds_and_no_more_problems_than_help(settings: object) -> None:
    found, problems = typed.read_fingerprints("\n".join(f"{n:032x}" for n in range(301)))
    assert (len(found), len(problems)) == (300, 1)
    assert "up to 300 items" in problems[0]
    found, problems = typed.read_fingerprints("x\n" * 100_000)
    assert (len(found), len(problems)) == (0, typed.MAX_PROBLEMS + 1)
    assert "more lines like these" in problems[-1]


@given(st.sampled_from(["sha256", "sha1", "md5", "pdq"]), st.data())
def test_every_way_of_writing_a_digest_is_the_same_digest(kind: str, data: st.DataObject) -> None:
    digest = data.draw(st.binary(min_size=WIDTHS[kind], max_size=WIDTHS[kind]))
    ways = [
        digest.hex(),
        digest.hex(" "),
        digest.hex(":").upper(),
        base64.b64encode(digest).decode(),
        base64.urlsafe_b64encode(digest).decode().rstrip("="),
    ]
    for way in ways:
        assert typed.read_fingerprints(f"{kind}:{way}") == ([((kind, digest.hex()),)], [])


@given(st.text(alphabet=string.printable + "äß\u2028\x00\ud800", max_size=300))
def test_no_text_breaks_the_readers(text: str) -> None:
    for read in (typed.read_fingerprints, typed.read_sites):
        found, problems = read(text)
        assert len(found) + len(problems) <= len(text.splitlines()) + 1


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("example.org", "example.org"),
        ("https://Example.ORG/", "example.org"),
        ("http://www.example.org/photos/", "www.example.org/photos"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("example.org:443/x", "example.org/x"),
        ("example.org#top", "example.org"),
    ],
)
def test_a_site_is_a_host_with_or_without_a_path(text: str, site: str) -> None:
    assert typed.read_sites(text) == ([site], [])


@pytest.mark.parametrize(
    "text",
    [
        "example",
        "localhost",
        "my site",
        "example.org:8080",
        "127.0.0.1",
        "0xa9fea9fe",
        "[::1]",
        "example.org/?page=2",
        "ftp://example.org/",
        "me:secret@example.org",
        "e" * 5000,
    ],
)
def test_what_names_no_site_is_told(text: str) -> None:
    found, problems = typed.read_sites(f"example.org\n{text}")
    assert found == ["example.org"]
    assert len(problems) == 1
    assert problems[0].startswith("Line 2 (")
    assert "secret" not in problems[0]
