"""What a fetch does with what servers say: well, badly, slowly, for ever."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator

import pytest
from factories.certificates import Authority
from factories.internet import Internet
from factories.odd_answers import OK, REFUSED, redirect

from takedown.errors import FetchFailed
from takedown.fetch import Fetched, Limits, fetch

HERE, THERE, THIRD = "93.184.215.14", "8.8.8.8", "2606:4700:4700::1111"
PICTURE = OK + b"Content-Type: image/PNG; a=b\r\nContent-Length: 4\r\n\r\nabcd"
#: So that nothing waits for ten seconds here; what must be in time has all of them.
SHORT = Limits(seconds=0.25, connect_seconds=0.2)
SMALL = Limits(data_bytes=1000, head_bytes=5000)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def internet() -> Iterator[Internet]:
    internet = Internet()
    yield internet
    internet.close()


@pytest.fixture
def get(internet: Internet, authority: Authority) -> Callable[..., Fetched]:
    def get(url: str = "http://site.example/", **options: object) -> Fetched:
        hooks = {"resolve": internet.resolve, "connect": internet.connect, "cafile": authority.cafile}
        return fetch(url, **{**hooks, **options})

    return get


Get = Callable[..., Fetched]


def failure(get: Get, *arguments: str, **options: object) -> str:
    with pytest.raises(FetchFailed) as caught:
        get(*arguments, **options)
    assert caught.value.sentence.endswith(".")
    assert "site.example" not in caught.value.sentence
    return caught.value.slug


def test_a_file_arrives(internet: Internet, get: Get) -> None:
    internet.serve("site.example", HERE, PICTURE)
    assert get("http://SITE.example:80/ä b?c=1&utm_source=x#d") == Fetched(
        "http://site.example/%C3%A4%20b?c=1", 200, "image/png", b"abcd"
    )


def test_a_request_says_what_it_must_and_no_more(internet: Internet, get: Get) -> None:
    internet.serve("site.example", HERE, PICTURE)
    get("http://site.example/a")
    lines = internet.heard[0].decode().split("\r\n")
    assert lines[0] == "GET /a HTTP/1.1"
    assert {line.split(":")[0] for line in lines[1:-2]} == {
        "Host",
        "User-Agent",
        "Accept",
        "Accept-Encoding",
        "Connection",
    }
    assert "Host: site.example" in lines
    assert "Accept-Encoding: identity" in lines
    assert any(line.startswith("User-Agent: dataset-takedown (") for line in lines)


def test_a_page_that_is_not_there_is_an_answer(internet: Internet, get: Get) -> None:
    internet.serve("site.example", HERE, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    assert get().status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2;x=y\r\ncd\r\n0\r\nTrailer: x\r\n\r\n",
        b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
        b"Content-Encoding: identity\r\n\r\nabcd",
        b"\r\nabcd",
    ],
)
def test_a_file_may_come_in_any_frame(internet: Internet, get: Get, body: bytes) -> None:
    internet.serve("site.example", HERE, OK + body)
    assert get().data == b"abcd"


def test_the_host_is_asked_for_by_its_name_inside_tls(
    internet: Internet, get: Get, authority: Authority
) -> None:
    internet.serve("site.example", HERE, PICTURE, tls=authority.context("site.example"))
    assert get("https://site.example/a").data == b"abcd"
    assert internet.tried == [(HERE, 443)]
    assert internet.server_names == ["site.example"]
    assert b"\r\nHost: site.example\r\n" in internet.heard[0]


def test_a_name_in_other_letters_is_asked_for_in_ascii(
    internet: Internet, get: Get, authority: Authority
) -> None:
    internet.serve("xn--bcher-kva.example", HERE, PICTURE, tls=authority.context("xn--bcher-kva.example"))
    assert get("https://Bücher.example/").url == "https://xn--bcher-kva.example/"


@pytest.mark.parametrize(("name", "expired"), [("other.example", False), ("site.example", True)])
def test_a_certificate_that_does_not_fit_ends_it(
    internet: Internet, get: Get, authority: Authority, name: str, expired: bool
) -> None:
    internet.serve("site.example", HERE, PICTURE, tls=authority.context(name, expired=expired))
    assert failure(get, "https://site.example/") == "fetch-tls"
    assert internet.heard == []


def test_a_certificate_that_nobody_knows_ends_it(internet: Internet, get: Get, authority: Authority) -> None:
    internet.serve("site.example", HERE, PICTURE, tls=authority.context("site.example"))
    assert failure(get, "https://site.example/", cafile=None) == "fetch-tls"
    assert internet.heard == []


def test_a_server_that_speaks_no_tls_ends_it(internet: Internet, get: Get) -> None:
    internet.serve("site.example", HERE, PICTURE)
    internet._ports[HERE, 443] = internet._ports[HERE, 80]
    assert failure(get, "https://site.example/", limits=SHORT) in ("fetch-tls", "fetch-too-slow")


def test_redirects_are_followed_and_looked_up_anew(
    internet: Internet, get: Get, authority: Authority
) -> None:
    internet.serve("site.example", HERE, redirect("https://next.example/x/y", 301))
    internet.serve("next.example", THERE, redirect("../z", 307), tls=authority.context("next.example"))
    assert failure(get) == "fetch-redirects"
    assert internet.looked_up == ["site.example", "next.example", "next.example", "next.example"]
    assert b"GET /z " in internet.heard[2]
    assert not any(word in head for head in internet.heard for word in (b"Cookie", b"Referer"))


def test_three_redirects_are_not_too_many(internet: Internet, get: Get) -> None:
    internet.serve("a.example", HERE, redirect("//b.example/", 303))
    internet.serve("b.example", THERE, redirect("http://c.example/", 308))
    internet.serve("c.example", THIRD, redirect("http://d.example/", 302))
    internet.serve("d.example", "9.9.9.9", PICTURE)
    assert get("http://a.example/").url == "http://d.example/"


def test_nothing_leads_from_https_to_http(internet: Internet, get: Get, authority: Authority) -> None:
    internet.serve(
        "site.example", HERE, redirect("http://site.example/"), tls=authority.context("site.example")
    )
    internet.serve("site.example", HERE, PICTURE)
    assert failure(get, "https://site.example/") == "fetch-redirect"
    assert internet.tried == [(HERE, 443)]


@pytest.mark.parametrize("location", ["http://www.site.example/", "//example/", "http://site.example.org/"])
def test_another_host_is_not_the_same_host(internet: Internet, get: Get, location: str) -> None:
    internet.serve("site.example", HERE, redirect(location))
    assert failure(get, same_host=True) in ("fetch-other-host", "fetch-name")
    assert len(internet.tried) == 1


def test_the_same_host_may_redirect_to_itself(internet: Internet, get: Get, authority: Authority) -> None:
    internet.serve("site.example", HERE, redirect("https://SITE.example:443/"))
    internet.serve("site.example", HERE, PICTURE, tls=authority.context("site.example"))
    assert get(same_host=True).url == "https://site.example/"


def test_the_next_address_is_tried_where_one_does_not_answer(internet: Internet, get: Get) -> None:
    internet.serve("site.example", THERE, PICTURE)
    internet.names["site.example"] = [THIRD, HERE, THERE, "9.9.9.9"]
    assert get().data == b"abcd"
    assert internet.tried == [(THIRD, 80), (HERE, 80), (THERE, 80)]


def test_a_host_without_name_or_answer_is_said_to_be_so(internet: Internet, get: Get) -> None:
    internet.names["site.example"] = [HERE]
    assert failure(get) == "fetch-unreachable"
    internet.names["site.example"] = []
    assert failure(get) == "fetch-no-host"
    assert failure(get, "http://unknown.example/") == "fetch-no-host"


@pytest.mark.parametrize(("slug", "says"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_answers_are_refused(internet: Internet, get: Get, slug: str, says: bytes) -> None:
    internet.serve("site.example", HERE, says)
    assert failure(get, limits=SMALL) == slug
    assert len(internet.heard) == 1


def test_a_file_as_long_as_allowed_is_taken(internet: Internet, get: Get) -> None:
    internet.serve("site.example", HERE, OK + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000)
    assert len(get(limits=SMALL).data) == 1000


def test_a_connection_that_is_reset_is_said_to_be_so(internet: Internet, get: Get) -> None:
    def reset(connection: socket.socket) -> None:
        connection.sendall(OK + b"Content-Length: 9\r\n\r\nabc")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    internet.serve("site.example", HERE, reset)
    assert failure(get) in ("fetch-broken", "fetch-cut-short")


DRIPS = [
    b"",
    b"H",
    OK + b"X: y",
    OK + b"Content-Length: 99\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n1;",
]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("begins", DRIPS)
def test_whoever_drips_is_given_up(
    internet: Internet, get: Get, authority: Authority, begins: bytes, scheme: str
) -> None:
    """One byte, then another, and never an end: each wait is short, their sum is not."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(begins)
        while not internet.over.wait(0.02):
            connection.sendall(b"1")

    tls = authority.context("site.example") if scheme == "https" else None
    internet.serve("site.example", HERE, drip, tls=tls)
    assert failure(get, f"{scheme}://site.example/", limits=SHORT) == "fetch-too-slow"


def test_dripping_redirects_share_one_clock(internet: Internet, get: Get) -> None:
    def late(connection: socket.socket) -> None:
        internet.over.wait(0.2)
        connection.sendall(redirect("/again"))

    internet.serve("site.example", HERE, late)
    assert failure(get, limits=SHORT) == "fetch-too-slow"


def test_a_handshake_that_never_ends_is_given_up(internet: Internet, get: Get) -> None:
    internet.serve("site.example", HERE, lambda connection: internet.over.wait())
    internet._ports[HERE, 443] = internet._ports[HERE, 80]
    assert failure(get, "https://site.example/", limits=SHORT) == "fetch-too-slow"


def test_a_name_server_that_never_answers_is_given_up(internet: Internet, get: Get) -> None:
    def never(host: str, port: int) -> list[str]:
        internet.over.wait()
        return [HERE]

    assert failure(get, resolve=never, limits=SHORT) == "fetch-too-slow"
    assert internet.tried == []


def test_nothing_that_was_asked_for_is_logged(
    internet: Internet, get: Get, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    internet.serve("site.example", HERE, OK + b"no header\r\n\r\n")
    failure(get, "http://site.example/secret")
    internet.serve("fine.example", THERE, PICTURE)
    get("http://fine.example/secret")
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_memory_stays_within_the_cap(internet: Internet, get: Get, authority: Authority, scheme: str) -> None:
    """A server that says it sends little, in one chunk, and sends on: what is read has an end."""

    def flood(connection: socket.socket) -> None:
        connection.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n")
        while not internet.over.is_set():
            connection.sendall(b"x" * 65536)

    tls = authority.context("site.example") if scheme == "https" else None
    internet.serve("site.example", HERE, flood, tls=tls)
    assert failure(get, f"{scheme}://site.example/", limits=SMALL) == "fetch-too-large"
