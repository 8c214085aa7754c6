"""A whole site is matched once a reviewer saw that whoever asks controls it. Nobody says who they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dns.resolver
import pytest
from factories.certificates import Authority
from factories.internet import Internet
from factories.name_server import NameServer
from factories.odd_answers import redirect

from portal.days import today
from portal.deciding import review
from portal.finding import control, matching, sites
from portal.models import Case, DatasetIndex, Event, Item, Match, SiteControl, Submission, User
from takedown.fetch import Limits, fetch

HERE, THERE = "93.184.215.14", "8.8.8.8"
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
Submit = Callable[..., Submission]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def internet(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Internet]:
    internet = Internet()
    hooks = {"resolve": internet.resolve, "connect": internet.connect, "cafile": authority.cafile}
    monkeypatch.setattr(control, "fetch", partial(fetch, **hooks))
    yield internet
    internet.close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    made = server.resolver()
    monkeypatch.setattr(dns.resolver, "Resolver", lambda: made)
    monkeypatch.setattr(control, "DNS_SECONDS", 1.0)
    yield server
    server.close()


@pytest.fixture
def host(index: DatasetIndex, sample: Any) -> str:
    """The host of some rows of the sample."""
    return str(sample.rows[3].url).split("/")[2]


@pytest.fixture
def asked(submit: Submit, host: str, internet: Internet, names: NameServer) -> SiteControl:
    """Somebody asks for a whole site."""
    return SiteControl.objects.get(item__submission=submit(sites=(host,)))


@pytest.fixture
def put(internet: Internet, authority: Authority, host: str) -> Callable[..., None]:
    """Let the site answer, over https unless told otherwise."""

    def put(answer: bytes, *, secure: bool = True) -> None:
        internet.serve(host, HERE, answer, tls=authority.context(host) if secure else None)

    return put


def file_with(*lines: str) -> bytes:
    body = "\r\n".join(lines).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + body


def line_of(asked: SiteControl) -> str:
    return control.instructions(asked).line


def outcome(asked: SiteControl, user: User) -> tuple[str, str, str, str]:
    control.check(asked, user)
    asked.refresh_from_db()
    asked.item.refresh_from_db()
    assert (asked.checked, asked.checked_by) == (today(), user)
    return asked.state, asked.method, asked.problem, asked.item.state


def test_what_the_person_is_asked_to_do(asked: SiteControl, host: str) -> None:
    wanted = control.instructions(asked)
    assert (wanted.host, wanted.path) == (host, "/.well-known/takedown-request.txt")
    assert wanted.record == f"_takedown-request.{host}"
    assert wanted.line == f"takedown-request={asked.token}"
    assert len(asked.token) == 32
    assert control.reason(asked) == ""


def test_nothing_is_fetched_before_a_reviewer_says_so(
    asked: SiteControl, internet: Internet, names: NameServer, work: Callable
) -> None:
    work(asked.item.submission)
    assert (internet.tried, internet.looked_up, names.asked) == ([], [], [])
    assert Item.objects.get().state == Item.State.WAITS_FOR_PROOF


@pytest.mark.parametrize("before", [(), ("\ufeff# ours", ""), ("takedown-request=" + "0" * 32,)])
def test_a_file_proves_a_site(
    asked: SiteControl, put: Callable, alice: User, internet: Internet, names: NameServer, before: tuple
) -> None:
    put(file_with(*before, f"  {line_of(asked)} ", ""))
    assert outcome(asked, alice) == ("proven", "file", "", "ready")
    assert internet.tried == [(HERE, 443)]
    assert b"GET /.well-known/takedown-request.txt HTTP/1.1" in internet.heard[0]
    assert names.asked == []
    event = Event.objects.latest("seq")
    assert (event.action, event.subject, event.actor) == ("site.proven", str(asked), alice)


def test_http_is_asked_only_where_https_is_not_answered(
    asked: SiteControl, put: Callable, alice: User, internet: Internet
) -> None:
    put(file_with(line_of(asked)), secure=False)
    assert outcome(asked, alice)[:2] == ("proven", "file")
    assert internet.tried == [(HERE, 443), (HERE, 80)]


def test_https_that_answers_with_something_else_is_not_gone_around(
    asked: SiteControl, put: Callable, alice: User, internet: Internet
) -> None:
    put(MISSING)
    put(file_with(line_of(asked)), secure=False)
    assert outcome(asked, alice) == ("failed", "", "file-missing", "waits-for-proof")
    assert internet.tried == [(HERE, 443)]


def test_a_wrong_certificate_is_not_gone_around(
    asked: SiteControl, put: Callable, alice: User, internet: Internet, authority: Authority, host: str
) -> None:
    internet.serve(host, HERE, file_with(line_of(asked)), tls=authority.context("other.example"))
    put(file_with(line_of(asked)), secure=False)
    assert outcome(asked, alice)[2] == "fetch-tls"
    assert (HERE, 80) not in internet.tried


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (MISSING, "file-missing"),
        (b"HTTP/1.1 410 Gone\r\n\r\n", "file-missing"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "file-refused"),
        (b"HTTP/1.1 500 Broken\r\n\r\n", "file-refused"),
        (file_with(), "file-other"),
        (file_with("takedown-request=" + "0" * 32), "file-other"),
        (file_with("<p>takedown-request=</p>"), "file-other"),
        (file_with("x" * 70_000), "fetch-too-large"),
        (redirect("http://169.254.169.254/"), "fetch-redirect"),
        (redirect("https://169.254.169.254/"), "fetch-other-host"),
        (redirect("https://www.site.example/"), "fetch-other-host"),
        (b"", "fetch-broken"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_proves_nothing_has_a_reason(
    asked: SiteControl, put: Callable, alice: User, answer: bytes, problem: str
) -> None:
    put(answer)
    assert outcome(asked, alice) == ("failed", "", problem, "waits-for-proof")
    assert str(control.reason(asked)).endswith(".")
    assert Event.objects.latest("seq").action == "site.not-proven"


def test_the_line_must_stand_alone(asked: SiteControl, put: Callable, alice: User) -> None:
    put(file_with(f"you wrote: {line_of(asked)}", f"{line_of(asked)}0"))
    assert outcome(asked, alice)[2] == "file-other"


def test_a_redirect_on_the_very_host_counts(
    asked: SiteControl, alice: User, internet: Internet, authority: Authority, host: str
) -> None:
    def answer(connection: Any) -> None:
        moved = b"/elsewhere" not in internet.heard[-1]
        connection.sendall(redirect(f"https://{host}/elsewhere") if moved else file_with(line_of(asked)))

    internet.serve(host, HERE, answer, tls=authority.context(host))
    assert outcome(asked, alice)[:2] == ("proven", "file")


def test_another_host_proves_nothing_for_this_one(
    asked: SiteControl, put: Callable, alice: User, internet: Internet, authority: Authority, host: str
) -> None:
    put(redirect(f"https://www.{host}/.well-known/takedown-request.txt"))
    proof = file_with(line_of(asked))
    internet.serve(f"www.{host}", THERE, proof, tls=authority.context(f"www.{host}"))
    assert outcome(asked, alice)[2] == "fetch-other-host"
    assert internet.tried == [(HERE, 443)]


def test_a_record_proves_a_site_that_has_no_server(
    asked: SiteControl, alice: User, names: NameServer, host: str
) -> None:
    half = len(line_of(asked)) // 2
    names.records[f"_takedown-request.{host}"] = [
        '"something else"',
        f'"{line_of(asked)[:half]}" "{line_of(asked)[half:]}"',
    ]
    assert outcome(asked, alice) == ("proven", "dns", "", "ready")


def test_records_that_prove_nothing(
    asked: SiteControl, put: Callable, alice: User, names: NameServer, host: str
) -> None:
    put(MISSING)
    record = f"_takedown-request.{host}"
    names.records["elsewhere.example"] = [f'"{line_of(asked)}"']
    names.records[host] = [f'"{line_of(asked)}"']
    assert outcome(asked, alice)[2] == "file-missing"
    names.aliases[record] = "elsewhere.example"
    assert outcome(asked, alice)[2] == "file-missing"
    del names.aliases[record]
    names.records[record] = []
    assert outcome(asked, alice)[2] == "file-missing"
    names.records[record] = ['"takedown-request=another"']
    assert outcome(asked, alice)[2] == "record-other"
    names.broken.add(record)
    assert outcome(asked, alice)[2] == "record-unanswered"
    names.silent.add(record)
    assert outcome(asked, alice)[2] == "record-unanswered"


def test_a_look_that_found_nothing_can_be_repeated(
    asked: SiteControl, put: Callable, alice: User, bob: User, names: NameServer, host: str
) -> None:
    assert outcome(asked, alice)[0] == "failed"
    names.records[f"_takedown-request.{host}"] = [f'"{line_of(asked)}"']
    assert outcome(asked, bob) == ("proven", "dns", "", "ready")
    with pytest.raises(control.ControlError):
        control.check(asked, alice)


def test_a_request_taken_back_meanwhile_is_not_proven(
    asked: SiteControl, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(wanted: object) -> tuple[str, str]:
        review.withdraw(asked.item)
        return "file", ""

    monkeypatch.setattr(control, "_look", look)
    with pytest.raises(control.ControlError):
        control.check(asked, alice)
    assert Item.objects.get().state == "withdrawn"
    assert not SiteControl.objects.exists()


def test_nothing_is_kept_of_what_the_site_answered(
    asked: SiteControl, put: Callable, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    put(file_with("canary-7f1b", line_of(asked)))
    control.check(asked, alice)
    kept = [str(list(rows.objects.values_list())) for rows in (SiteControl, Item, Event, Submission)]
    assert not any("canary" in text or HERE in text for text in (*kept, caplog.text))


def test_a_look_is_small_and_soon_over() -> None:
    assert isinstance(control.LIMITS, Limits)
    assert control.LIMITS.data_bytes <= 100_000
    assert 2 * control.LIMITS.seconds + control.DNS_SECONDS <= 25


def test_a_restricted_ground_is_never_looked_at(
    asked: SiteControl,
    put: Callable,
    alice: User,
    internet: Internet,
    names: NameServer,
    signed_in: Callable,
    use_policy: Callable,
    settings: Any,
) -> None:
    """No request on such a ground holds a site; and one whose ground became restricted is safe, too."""
    put(file_with(line_of(asked)))
    text = Path(settings.POLICY_FILE).read_text()
    start = text.index("[grounds.private]")
    held = text[start:].replace('editions = ["research"]', "editions = []\nrestricted = true", 1)
    use_policy(text[:start] + held)
    with pytest.raises(control.ControlError):
        control.check(asked, alice)
    client = signed_in(alice)
    for page in ("/desk/sites/", f"/desk/sites/?looked={asked.item_id}"):
        assert asked.item.url not in client.get(page).content.decode()
    answer = client.post(f"/desk/sites/{asked.item_id}/check/")
    assert answer.status_code == 409
    assert "Nothing is ever fetched" in answer.content.decode()
    assert (internet.tried, names.asked) == ([], [])
    assert SiteControl.objects.get().state == "asked"


def test_a_proven_site_is_matched_into_a_case_of_its_own(
    asked: SiteControl, put: Callable, alice: User, host: str, sample: Any, submit: Submit, work: Callable
) -> None:
    work(submit(sample.rows[3].url))
    put(file_with(line_of(asked)))
    control.check(asked, alice)
    work(asked.item.submission)
    asked.item.refresh_from_db()
    assert asked.item.state == Item.State.IN_REVIEW
    matches = Match.objects.filter(item=asked.item)
    assert {(match.how, match.via) for match in matches} == {("site", "")}
    there = [
        number for number, row in enumerate(sample.rows) if (row.url or "").startswith(f"https://{host}/")
    ]
    assert len(matches) >= len(there) > 0
    assert Case.objects.count() == 2
    work(submit(sample.rows[3].url))
    assert Case.objects.count() == 2


def test_asking_again_goes_on_where_the_first_request_ended(
    asked: SiteControl,
    alice: User,
    bob: User,
    host: str,
    index: DatasetIndex,
    submit: Submit,
    work: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(matching, "MAX_MATCHES", 2)
    seen: list[set[int]] = []
    for _ in range(2):
        item = submit(sites=(host,)).items.get()
        Item.objects.filter(pk=item.pk).update(state=Item.State.READY)
        work(item.submission)
        case = Case.objects.get(case_items__item=item)
        found = Match.objects.filter(item=item)
        seen.append(set(found.values_list("row", flat=True)))
        review.confirm(review.propose_removal(case, alice, [one.pk for one in found], "address"), bob)
    assert [len(rows) for rows in seen] == [2, 2]
    assert seen[0].isdisjoint(seen[1])
    (_, opened), *_ = matching.indexes.in_use()
    assert sites.count(item, [(index, opened)]) >= 4


def test_the_desk_shows_what_waits_and_has_a_look(
    asked: SiteControl, put: Callable, alice: User, signed_in: Callable, host: str
) -> None:
    client = signed_in(alice)
    page = client.get("/desk/sites/").content.decode()
    assert host in page
    assert line_of(asked) in page
    assert "Nobody has looked yet" in page
    put(MISSING)
    page = client.post(f"/desk/sites/{asked.item_id}/check/", follow=True).content.decode()
    assert f"{host} is not proven" in page
    assert "neither the file nor the DNS record" in page
    assert "by alice" in page
    for odd in ("x", "²", "9" * 30, "-1", "999"):
        assert "is not proven" not in client.get("/desk/sites/", {"looked": odd}).content.decode()


def test_the_desk_wakes_the_worker_for_a_proven_site(
    asked: SiteControl,
    put: Callable,
    alice: User,
    signed_in: Callable,
    host: str,
    django_capture_on_commit_callbacks: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    poked: list[int] = []
    monkeypatch.setattr("portal.tasks.poke", lambda task, *pks: poked.extend(pks))
    put(file_with(line_of(asked)))
    with django_capture_on_commit_callbacks(execute=True):
        page = signed_in(alice).post(f"/desk/sites/{asked.item_id}/check/", follow=True).content.decode()
    assert f"{host} is proven" in page
    assert "No site waits for a proof" in page
    assert poked == [asked.item_id]


def test_sites_are_for_reviewers_only(
    asked: SiteControl, signed_in: Callable, mara: User, client: Any
) -> None:
    for path in ("/desk/sites/", f"/desk/sites/{asked.item_id}/check/"):
        assert client.post(path).headers["Location"].startswith("/desk/sign-in/")
        assert signed_in(mara).post(path).status_code == 403
    assert signed_in(mara).get("/desk/sites/").status_code == 403
