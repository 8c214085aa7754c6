"""Pages that only tell come from memory, and nothing of one person's request reaches another's page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from portal import kept_pages
from portal.asking import intake
from portal.asking.drafts import Draft
from portal.kept_pages import give_out_kept_pages, only_tells

Visit = Callable[[HttpRequest], HttpResponse]


@pytest.fixture
def rendered() -> list[str]:
    """The addresses that were really rendered."""
    return []


@pytest.fixture
def visit(rendered: list[str], settings: object) -> Visit:
    settings.KEPT_PAGE_SECONDS = 60

    @only_tells
    def page(request: HttpRequest) -> HttpResponse:
        rendered.append(request.get_full_path())
        answer = HttpResponse(f"page {len(rendered)}", status=404 if "gone" in request.path else 200)
        answer["X-Told"] = "yes"
        return answer

    return give_out_kept_pages(page)


get = RequestFactory().get


def test_a_page_is_rendered_once(visit: Visit, rendered: list[str]) -> None:
    first, second = visit(get("/en/")), visit(get("/en/"))
    assert (first.content, second.content) == (b"page 1", b"page 1")
    assert second.headers["X-Told"] == "yes"
    assert rendered == ["/en/"]


@pytest.mark.parametrize(
    "other",
    [
        get("/de/"),
        get("/en/", {"q": "1"}),
        get("/en/", headers={"host": "localhost"}),
        get("/en/", headers={"x-forwarded-proto": "https"}),
        RequestFactory().post("/en/"),
        RequestFactory().head("/en/"),
    ],
    ids=["language", "query", "host", "tls", "post", "head"],
)
def test_what_differs_is_rendered_anew(visit: Visit, rendered: list[str], other: HttpRequest) -> None:
    visit(get("/en/"))
    assert visit(other).content == b"page 2"


def test_a_query_is_never_kept(visit: Visit, rendered: list[str]) -> None:
    visit(get("/en/", {"secret": "1"}))
    assert visit(get("/en/", {"secret": "1"})).content == b"page 2"


def test_only_good_answers_are_kept(visit: Visit, rendered: list[str]) -> None:
    visit(get("/en/gone/"))
    assert visit(get("/en/gone/")).content == b"page 2"


def test_a_view_that_does_not_say_so_is_asked_each_time(settings: object) -> None:
    settings.KEPT_PAGE_SECONDS = 60
    answers = iter([b"1", b"2"])
    visit = give_out_kept_pages(lambda request: HttpResponse(next(answers)))
    assert [visit(get("/en/")).content for _ in range(2)] == [b"1", b"2"]


def test_a_kept_page_ends(visit: Visit, rendered: list[str], settings: object) -> None:
    settings.KEPT_PAGE_SECONDS = 0
    visit(get("/en/"))
    assert visit(get("/en/")).content == b"page 2"


@pytest.mark.django_db
def test_the_page_of_a_receipt_is_never_kept(client: Client, settings: object) -> None:
    """Only the empty form is: what the words open comes by POST."""
    settings.KEPT_PAGE_SECONDS = 60
    accepted = intake.accept(Draft(ground="private"), intake.Sent(addresses=["https://secret.example/x.jpg"]))
    before = client.get("/en/status/").content
    assert b"secret.example" in client.post("/en/status/", {"words": accepted.receipt.text}).content
    assert client.get("/en/status/").content == before


def test_memory_is_bounded(visit: Visit, rendered: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_pages, "MOST", 3)
    for number in range(4):
        visit(get(f"/en/{number}/"))
    assert visit(get("/en/0/")).content == b"page 5"
    assert visit(get("/en/3/")).content == b"page 4"
