"""Only the public internet is ever connected to, whatever an address, a name server or a redirect says.

Every connection of these tests ends in a trap on loopback, whatever its address and port. Most tests are
about what must never get there.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator

import pytest
from factories.hostile_addresses import (
    NOT_PUBLIC_IPV4,
    NOT_PUBLIC_IPV6,
    ODD,
    PUBLIC,
    REDIRECTS,
    SPELLINGS,
)
from factories.trap import Trap
from hypothesis import given
from hypothesis import strategies as st

from takedown.errors import FetchFailed
from takedown.fetch import Connect, Limits, Resolve, fetch, is_public
from takedown.fetch.pinned import system_connect, system_resolve

NOT_PUBLIC = NOT_PUBLIC_IPV4 + NOT_PUBLIC_IPV6
NOT_TEXT = [
    "",
    "localhost",
    "127.1",
    "2130706433",
    "0x7f000001",
    "8.8.8.8/32",
    "8.8.8.8%lo",
    "::1%lo",
    "۸.8.8.8",
]
METADATA = ["127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.0.1", "100.100.100.200", "0.0.0.0"]
SPELLED = {
    f"http://{spelling(address)}/{name}": name for address in METADATA for name, spelling in SPELLINGS.items()
}


NAMES = {
    "public.example": ["93.184.215.14"],
    "private.example": ["10.0.0.1"],
    "mixed.example": ["93.184.215.14", "127.0.0.1"],
}


def resolve(host: str, port: int) -> list[str]:
    """A name server that points every name it does not know inwards."""
    return NAMES.get(host, ["127.0.0.1"])


@pytest.fixture
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


@pytest.fixture(autouse=True)
def no_other_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is looked up but by the resolver given, and the environment names no proxy that matters."""

    def forbidden(*arguments: object, **named: object) -> None:
        raise AssertionError("a name was looked up behind the resolver's back")

    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "create_connection"):
        monkeypatch.setattr(socket, name, forbidden)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")


def refused(trap: Trap, url: str, answers: list[str] | None = None) -> FetchFailed:
    """Fetch, and see that it fails before anything was connected to."""
    with pytest.raises(FetchFailed) as caught:
        fetch(url, resolve=(lambda *_: answers) if answers is not None else resolve, connect=trap.connect)
    assert trap.meant == []
    assert trap.heard == 0
    assert caught.value.sentence.endswith(".")
    assert "127.0.0.1" not in caught.value.sentence
    return caught.value


def test_the_trap_is_set(trap: Trap) -> None:
    """What is public does get there, so that the others would have."""
    for address in ("http://public.example/", "http://93.184.215.14/", "http://[2606:4700:4700::1111]/"):
        assert fetch(address, resolve=resolve, connect=trap.connect).data == b"trapped"
    assert trap.heard == 3
    assert trap.meant == [("93.184.215.14", 80), ("93.184.215.14", 80), ("2606:4700:4700::1111", 80)]


def test_there_are_enough_vectors() -> None:
    written = {f"http://{address}/" for address in NOT_PUBLIC_IPV4} | {f"[{one}]" for one in NOT_PUBLIC_IPV6}
    assert len({*ODD, *SPELLED, *written}) + len(REDIRECTS) + len(NOT_PUBLIC) >= 450


@pytest.mark.parametrize("url", ODD, ids=lambda url: ascii(url)[:60])
def test_odd_addresses_lead_nowhere(trap: Trap, url: str) -> None:
    refused(trap, url)


@pytest.mark.parametrize("url", SPELLED, ids=SPELLED.values())
def test_no_spelling_of_a_number_leads_inwards(trap: Trap, url: str) -> None:
    refused(trap, url)
    refused(trap, url.replace("http:", "https:"))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_networks_that_are_not_public_are_never_reached(trap: Trap, address: str) -> None:
    assert not is_public(address)
    host = f"[{address}]" if ":" in address else address
    assert refused(trap, f"http://{host}/").slug in ("fetch-not-public", "fetch-spelling")
    assert refused(trap, f"https://{host}:443/a?b").slug in ("fetch-not-public", "fetch-spelling")
    assert refused(trap, "https://any.example/", [address]).slug == "fetch-not-public"


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_one_address_inwards_spoils_all_of_a_name(trap: Trap, address: str) -> None:
    for answers in (["8.8.8.8", address], [address, "8.8.8.8"], [*PUBLIC, *PUBLIC, address]):
        assert refused(trap, "http://any.example/", answers).slug == "fetch-not-public"


@pytest.mark.parametrize("answer", NOT_TEXT)
def test_what_a_resolver_says_must_be_an_address(trap: Trap, answer: str) -> None:
    assert refused(trap, "http://any.example/", [answer]).slug == "fetch-not-public"


@pytest.mark.parametrize("location", REDIRECTS, ids=lambda location: ascii(location)[:60])
def test_redirects_lead_nowhere_else(trap: Trap, location: str) -> None:
    says = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    trap.says["93.184.215.14"] = says.encode()
    with pytest.raises(FetchFailed) as caught:
        fetch("http://public.example/", resolve=resolve, connect=trap.connect)
    assert trap.meant[0] == ("93.184.215.14", 80)
    assert {address for address, _ in trap.meant} == {"93.184.215.14"}
    assert caught.value.sentence.endswith(".")


def test_a_name_server_that_changes_its_mind_changes_nothing(trap: Trap) -> None:
    """Rebinding: public at the first question, private at every later one. There is no later one."""
    answers = iter([["93.184.215.14"]])
    found = fetch(
        "http://rebinding.example/",
        resolve=lambda *_: next(answers, ["127.0.0.1"]),
        connect=trap.connect,
    )
    assert found.data == b"trapped"
    assert trap.meant == [("93.184.215.14", 80)]


def test_a_redirect_to_itself_is_vetted_anew(trap: Trap) -> None:
    answers = iter([["93.184.215.14"]])
    trap.says["93.184.215.14"] = b"HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n"
    with pytest.raises(FetchFailed) as caught:
        fetch(
            "http://rebinding.example/",
            resolve=lambda *_: next(answers, ["127.0.0.1"]),
            connect=trap.connect,
        )
    assert caught.value.slug == "fetch-not-public"
    assert trap.meant == [("93.184.215.14", 80)]


def test_a_connection_that_ends_elsewhere_is_told_nothing(trap: Trap) -> None:
    """The peer is asked once more, in case something between us and the network bends the way."""

    def bent(address: str, port: int, seconds: float) -> socket.socket:
        found = trap.connect(address, port, seconds)
        found.peer = "127.0.0.1"
        return found

    with pytest.raises(FetchFailed) as caught:
        fetch("http://public.example/", resolve=resolve, connect=bent)
    assert caught.value.slug == "fetch-not-public"


def test_a_number_is_not_looked_up(trap: Trap) -> None:
    def never(host: str, port: int) -> list[str]:
        raise AssertionError("a number needs no resolver")

    assert fetch("http://8.8.8.8/", resolve=never, connect=trap.connect).data == b"trapped"


def test_the_systems_own_connection_looks_nothing_up(trap: Trap) -> None:
    """Only ``is_public`` keeps it from going anywhere: here it goes to the trap."""
    with system_connect("127.0.0.1", trap.port, 5.0) as found:
        assert found.getpeername() == ("127.0.0.1", trap.port)


def test_the_systems_own_resolver_adds_no_search_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def answer(host: str, port: int, **named: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(2, 1, 6, "", ("8.8.8.8", port)), (10, 1, 6, "", ("2001:200::1", port, 0, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    assert system_resolve("site.example", 443) == ["8.8.8.8", "2001:200::1"]
    assert asked == ["site.example."]


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(SPELLINGS)))
def test_a_number_in_another_spelling_is_never_reached(number: int, name: str) -> None:
    plain = str(ipaddress.IPv4Address(number))
    spelled = SPELLINGS[name](plain)
    connected: list[str] = []
    with pytest.raises(FetchFailed):
        fetch(f"http://{spelled}/", resolve=_to(["127.0.0.1"]), connect=_note(connected))
    assert connected == ([plain] if spelled == plain and is_public(plain) else [])


_addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)


@given(st.lists(st.one_of(_addresses, st.sampled_from(PUBLIC)), min_size=1, max_size=4))
def test_only_addresses_that_were_vetted_are_connected_to(answers: list[str]) -> None:
    connected: list[str] = []
    with pytest.raises(FetchFailed):
        fetch("https://any.example/", resolve=_to(answers), connect=_note(connected))
    if any(_flagged(answer) for answer in answers):
        assert connected == []
    assert connected in ([], list(dict.fromkeys(answers))[: Limits().addresses])


_soup = st.lists(
    st.one_of(
        st.sampled_from([*"/:@\\#?%.[]&;", "//", "%2e", "%00", "public.example", "127.0.0.1", "[::1]", "１"]),
        st.text(max_size=3),
    ),
    max_size=9,
).map("".join)


@given(st.sampled_from(["http://", "https://", "HTTP://", "http:", "//", ""]), _soup)
def test_any_text_is_refused_or_names_the_one_host_it_shows(scheme: str, rest: str) -> None:
    asked: list[str] = []

    def note(host: str, port: int) -> list[str]:
        asked.append(host)
        return []

    url = scheme + rest
    connected: list[str] = []
    with pytest.raises(FetchFailed):
        fetch(url, resolve=note, connect=_note(connected))
    assert all(is_public(address) for address in connected)
    for host in asked + connected:
        shown = url.split("://", 1)[1].lower().removeprefix("[")
        assert shown.startswith(host) or "xn--" in host
        assert shown.removeprefix(host)[:1] in ("", "/", ":", "?", "#", "]") or "xn--" in host


def _to(answers: list[str]) -> Resolve:
    return lambda *_: answers


def _note(connected: list[str]) -> Connect:
    def connect(address: str, port: int, seconds: float) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    return connect


def _flagged(answer: str) -> bool:
    """What Python itself says of an address, in another way than ``is_public`` asks."""
    found = ipaddress.ip_address(answer)
    local = found.is_private or found.is_loopback or found.is_link_local or found.is_unspecified
    return local or found.is_multicast or found.is_reserved
