"""The language of a page is that of its address; what the browser says decides only where to begin."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("said", "led_to"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "/de/about/"),
        ("es", "/es/about/"),
        ("fr;q=0.2,es;q=0.9", "/es/about/"),
        ("pt,it", "/en/about/"),
        ("", "/en/about/"),
        ("*", "/en/about/"),
        ("x" * 5000, "/en/about/"),
    ],
)
def test_an_address_without_a_language_leads_to_the_reader_s(client: Client, said: str, led_to: str) -> None:
    for ask in (client.get, client.head):
        answer = ask("/about/", headers={"accept-language": said})
        assert (answer.status_code, answer.headers["Location"]) == (302, led_to)
        assert answer.headers["Vary"] == "Accept-Language"
        assert "Set-Cookie" not in answer.headers


def test_a_language_that_is_no_longer_offered_leads_to_another(
    client: Client, use_policy: Callable[[str], None]
) -> None:
    use_policy(settings.POLICY_FILE.read_text().replace('"en", "de", "fr", "es"', '"en", "de"'))
    answer = client.get("/es/about/", headers={"accept-language": "es,de"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/de/about/")


def test_a_cookie_decides_nothing(client: Client) -> None:
    client.cookies["django_language"] = "fr"
    assert client.get("/about/", headers={"accept-language": "de"}).headers["Location"] == "/de/about/"


def test_a_form_without_a_language_is_not_led_elsewhere(client: Client) -> None:
    """Its answers would be lost on the way."""
    assert client.post("/ask/", {}).status_code == 404


@pytest.mark.parametrize("address", ["/de/about/", "/de/nowhere/", "/de/under-18/report/"])
def test_what_the_browser_says_changes_no_page(client: Client, address: str) -> None:
    answer = client.get(address, headers={"accept-language": "es"})
    assert '<html lang="de">' in answer.content.decode()


def test_the_desk_speaks_english(client: Client) -> None:
    page = client.get("/desk/sign-in/", headers={"accept-language": "de"})
    assert '<html lang="en">' in page.content.decode()


def test_the_answers_go_along_into_another_language(client: Client) -> None:
    """Every step that a form led to offers the same step in the other languages, with what was answered."""
    form = client.get("/en/ask/").content.decode()
    draft = re.search(r'name="draft" value="([^"]+)"', form).group(1)
    page = client.post("/en/ask/", {"draft": draft, "answers": "yes", "ground": "opt-out"}).content.decode()
    header = re.search(r"(?s)<header.*?</header>", page).group(0)
    carried = re.search(r'name="draft" value="([^"]+)"', header).group(1)
    step = re.search(r'lang="fr" formaction="([^"]+)"', header).group(1)
    in_french = client.post(step, {"draft": carried}).content.decode()
    assert '<html lang="fr">' in in_french
    back = client.post("/fr/ask/", {"draft": carried}).content.decode()
    assert 'value="opt-out" checked' in back


def test_one_language_needs_no_switch(client: Client, use_policy: Callable[[str], None]) -> None:
    told = Path(settings.BASE_DIR, "portal", "policy.toml").read_text()
    use_policy(
        re.sub(r"\[grounds\.[a-z-]+\.(de|fr|es)\]\n.*\n.*\n", "", told).replace(
            '["en", "de", "fr", "es"]', '["en"]'
        )
    )
    assert "Deutsch" not in client.get("/en/").content.decode()
    assert client.get("/about/", headers={"accept-language": "de"}).headers["Location"] == "/en/about/"
