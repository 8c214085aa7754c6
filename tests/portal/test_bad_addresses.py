"""Every address that SECURITY.md lists, through the real form: taken as text, or refused with what to do.

Nothing here is resolved or fetched, so an address of a private network is text like any other: it is
compared, and a listener on loopback hears nothing.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

import pytest
from django.test import Client
from factories.asking import URL, answer, draft, send, text, to_check, to_note

from portal.asking.drafts import Draft
from portal.models import Item, Submission
from takedown.urls import canonical

pytestmark = pytest.mark.django_db

SCHEME = "An address starts with http:// or https://; please copy the whole address."
HOST = "The address has no valid host name after http://; please copy it again."
USER = "The address holds a user name or password before an @; please remove that part."
PORT = "The port, the number after the colon, must be between 1 and 65535."
LONG = "An address can have at most 4 096 characters."
CONTROL = "The address holds control characters or a line break; please copy it again, one address a line."


@dataclass(frozen=True)
class Taken:
    """The address is stored as written and compared in this form."""

    compared: str


ADDRESSES: dict[str, tuple[str, Taken | str]] = {
    "IDN": ("https://bücher.example/ä.jpg", Taken("https://xn--bcher-kva.example/%C3%A4.jpg")),
    "IDN that has no ASCII form": ("https://\u2060.example/", HOST),
    "punycode": ("https://xn--bcher-kva.example/", Taken("https://xn--bcher-kva.example/")),
    "punycode of nothing": ("https://xn--\x80.example/", CONTROL),
    "homoglyph": ("https://p\u0430ypal.example/", Taken("https://xn--pypal-4ve.example/")),
    "dots in disguise": ("https://a.example/%2e%2e/%2E%2e/x", Taken("https://a.example/x")),
    "double encoding": ("https://a.example/%252e%252e/x", Taken("https://a.example/%252e%252e/x")),
    "%00": ("https://a.example/x%00.jpg", Taken("https://a.example/x%00.jpg")),
    "%00 in the host": ("https://a%00.example/", HOST),
    "user and password": ("https://anna:secret@a.example/x.jpg", USER),
    "user": ("https://anna@a.example/x.jpg", USER),
    "user, escaped": ("https://anna%40a.example/x.jpg", HOST),
    "fragment": ("https://a.example/x#me", Taken("https://a.example/x")),
    "tracking": ("https://a.example/x?utm_source=y&id=7&fbclid=z", Taken("https://a.example/x?id=7")),
    "a usual port": ("https://a.example:443/x", Taken("https://a.example/x")),
    "an odd port": ("https://a.example:8080/x", Taken("https://a.example:8080/x")),
    "port 0": ("https://a.example:0/", PORT),
    "port 65536": ("https://a.example:65536/", PORT),
    "a port of letters": ("https://a.example:http/", PORT),
    "a port without a scheme": ("a.example:8080/x", SCHEME),
    "IPv6": ("http://[2001:DB8:0::1]/", Taken("https://[2001:db8::1]/")),
    "IPv6 loopback": ("http://[::1]/", Taken("https://[::1]/")),
    "IPv6 with a zone": ("http://[fe80::1%25eth0]/", HOST),
    "IPv4 in IPv6": ("http://[::ffff:169.254.169.254]/", Taken("https://[::ffff:a9fe:a9fe]/")),
    "NAT64": ("http://[64:ff9b::169.254.169.254]/", Taken("https://[64:ff9b::a9fe:a9fe]/")),
    "an IPv6 that is none": ("http://[:::1]/", HOST),
    "one number": ("http://2852039166/", Taken("https://169.254.169.254/")),
    "hexadecimal": ("http://0xa9fea9fe/", Taken("https://169.254.169.254/")),
    "octal": ("http://0251.0376.0251.0376/", Taken("https://169.254.169.254/")),
    "two numbers": ("http://127.1/", Taken("https://127.0.0.1/")),
    "full-width digits": ("http://１２７.0.0.1/", Taken("https://127.0.0.1/")),
    "a number too large": ("http://256.1.1.1/", HOST),
    "an address that would redirect": (
        "https://a.example/?to=http://169.254.169.254/latest/meta-data/",
        Taken("https://a.example/?to=http://169.254.169.254/latest/meta-data/"),
    ),
    "a name that would rebind": ("https://7f000001.c0a80001.rbndr.example/", Taken("")),
    "data:": ("data:text/html,hi", SCHEME),
    "file:": ("file:///etc/passwd", SCHEME),
    "javascript:": ("javascript:alert(1)", SCHEME),
    "javascript: with a host": ("javascript://a.example/%0aalert(1)", SCHEME),
    "gopher:": ("gopher://127.0.0.1:6379/_FLUSHALL", SCHEME),
    "ftp:": ("ftp://a.example/x.jpg", SCHEME),
    "blob:": ("blob:https://a.example/7", SCHEME),
    "4,096 characters": ("https://a.example/" + "x" * 4078, Taken("https://a.example/" + "x" * 4078)),
    "10,000 characters": ("https://a.example/" + "x" * 10_000, LONG),
    "a host of 10,000 characters": ("https://" + "a" * 3000 + ".example/", HOST),
    "a tab": ("https://a.exa\tmple/", CONTROL),
    "NUL": ("https://a.example/\x00", CONTROL),
    "a line separator": ("https://a.example/\x9f", CONTROL),
    "a lone surrogate": ("https://a.example/\ufffd", Taken("https://a.example/%EF%BF%BD")),
    "backslash and @": ("https://a.example\\@b.example/", HOST),
    "backslash": ("https://a.example\\b.example/", HOST),
    "no scheme": ("pictures.example/Path/x.jpg", Taken("https://pictures.example/Path/x.jpg")),
    "no scheme and no path": ("pictures.example", Taken("https://pictures.example/")),
    "no host": ("https:///x.jpg", HOST),
    "no slashes": ("https:a.example/x.jpg", HOST),
    "a word": ("readme", SCHEME),
    "a sentence": ("it is on my page", SCHEME),
    "a file name": ("holiday photo.jpg", SCHEME),
    "a formula": ("=HYPERLINK(1)", SCHEME),
    "markup": ("<img src=x onerror=alert(1)>", SCHEME),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_each_address_has_its_outcome_and_the_others_stay(client: Client, name: str) -> None:
    typed, outcome = ADDRESSES[name]
    begun = Draft(ground="private", have=("addresses",), note="keep me")
    page = answer(client, begun, "where", addresses=f"{URL}\n{typed}\n{URL}?3")
    assert Draft.read(draft(page)).note == "keep me"
    if isinstance(outcome, str):
        assert page.status_code == 422
        assert text(page).count(f": {outcome}") == 2  # in the summary, and beside the field
        assert text(page).count("Line 2") == 2
        assert 'href="#addresses"' in page.content.decode()
        assert 'id="addresses-wrong"' in page.content.decode()
        assert URL in page.content.decode()
        assert Draft.read(draft(page)).addresses.split("\n")[1] == typed
        assert not Submission.objects.exists()
    else:
        assert page.status_code == 200
        send(client, page)
        stored = list(Item.objects.values_list("url", flat=True))
        assert stored == [URL, typed if "://" in typed else f"https://{typed}", f"{URL}?3"]
        assert canonical(stored[1]) == (outcome.compared or typed)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(client: Client, end: str) -> None:
    page = to_note(client, addresses=end.join([URL, "", f"  {URL}?2 ", URL, ""]))
    assert page.status_code == 200
    send(client, answer(client, page, "note", note=""))
    assert list(Item.objects.values_list("url", flat=True)) == [URL, f"{URL}?2"]


def test_no_more_problems_are_told_than_help(client: Client) -> None:
    page = to_note(client, addresses="x\n" * 100_000)
    assert text(page).count("Line ") == 20
    assert "more lines like these" in text(page)


def test_the_first_300_of_too_many_stay(client: Client) -> None:
    page = to_note(client, addresses="\n".join(f"{URL}?{n}" for n in range(301)))
    assert text(page).count("up to 300 items") == 2
    assert f"{URL}?300" in page.content.decode()


def test_nothing_is_fetched(client: Client, work: object) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        port = trap.getsockname()[1]
        lines = [f"http://{host}:{port}/x.jpg" for host in ("127.0.0.1", "localhost", "127.1", "[::1]")]
        send(client, to_check(client, "\n".join(lines)))
        work(Submission.objects.get())
        with pytest.raises(TimeoutError):
            trap.accept()
    assert Item.objects.count() == len(lines)
