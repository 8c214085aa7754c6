"""The pages that only tell: what they promise comes from the policy, and they are the same for everyone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from portal import countries, environment
from portal.models import DatasetIndex, Release

pytestmark = pytest.mark.django_db

TELLING = ("", "about/", "privacy/", "releases/", "accessibility/", "help/", "under-18/")
ONION = "http://" + "a" * 56 + ".onion"


def _text(client: Client, path: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", client.get(path).content.decode()).split())


def _policy(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("page", TELLING)
def test_a_page_that_tells_may_be_kept_by_anyone_and_depends_on_nothing_but_its_address(
    client: Client, page: str
) -> None:
    answer = client.get(f"/en/{page}", headers={"accept-language": "de", "cookie": "x=1"})
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert "Vary" not in answer.headers
    plain = client.get(f"/en/{page}")
    assert answer.content == plain.content


@pytest.mark.parametrize("page", TELLING)
def test_head_answers_as_get_without_a_body_and_a_form_is_refused(client: Client, page: str) -> None:
    got, head = client.get(f"/en/{page}"), client.head(f"/en/{page}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Cache-Control"] == got.headers["Cache-Control"]
    form = "application/x-www-form-urlencoded"
    for refused in (client.options(f"/en/{page}"), client.post(f"/en/{page}", "a=b", content_type=form)):
        assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")


def test_times_and_deadlines_are_those_of_the_policy(
    client: Client, use_policy: Callable[[str], None]
) -> None:
    told = settings.BASE_DIR.joinpath("portal", "policy.toml").read_text()
    use_policy(
        _policy(
            told,
            ("answer_months = 1", "answer_months = 2"),
            ("not_found_days = 30", "not_found_days = 17"),
            ("keep_days = 365", "keep_days = 99"),
            ("days = 184", "days = 200"),
            ("target_hours = 504", "target_hours = 300"),
        )
    )
    about, privacy = _text(client, "/en/about/"), _text(client, "/en/privacy/")
    assert "within 2 months" in about
    assert "you have 200 days to ask again" in about
    assert "It is my work, or I opt out 13 days" in about
    assert "It is private or medical 1 day" in about
    assert "17 days. Then they are erased." in privacy
    assert "look again in later datasets: 99 days." in privacy
    assert "after 7 days" in privacy
    assert "within 2 months" in _text(client, "/en/")


def test_the_start_page_says_what_cannot_be_done_and_what_is_covered(
    client: Client, index: DatasetIndex
) -> None:
    text = _text(client, "/en/")
    assert "Delete the picture from the website it is on." in text
    assert "Not found does not mean not there" in text
    assert "get help first" in text


def test_releases_show_the_newest_one_and_the_root_file_with_its_number(client: Client) -> None:
    assert "Nothing has been released yet." in _text(client, "/en/releases/")
    root = settings.REPOSITORY / "metadata" / "1.root.json"
    root.parent.mkdir(parents=True)
    root.write_bytes(b"a root file")
    changes = [{"edition": "research", "added": 1200, "removed": 3, "rows": 4500}]
    for seq in (6, 7):
        Release.objects.create(
            seq=seq, state=Release.State.PUBLISHED, created=f"2026-11-0{seq}", changes=changes
        )
    Release.objects.create(seq=8, state=Release.State.STAGED, created="2026-11-08", changes=[])
    text = _text(client, "/en/releases/")
    assert "Newest: release 7" in text
    assert "research 4 500 1 200 3" in text
    assert hashlib.sha256(b"a root file").hexdigest() in text.replace(" ", "")
    page = client.get("/en/releases/").content.decode()
    assert 'href="/blocklist/metadata/1.root.json"' in page
    assert 'href="/blocklist/"' in page
    assert "takedown sync ADDRESS/blocklist --root 1.root.json" in page
    assert "prove.html" not in page
    (settings.REPOSITORY / "prove.html").touch()
    assert 'href="/blocklist/prove.html"' in client.get("/en/releases/").content.decode()
    assert b"".join(client.get("/blocklist/metadata/1.root.json").streaming_content) == b"a root file"


@pytest.mark.parametrize("language", countries.NEAR)
def test_help_begins_with_the_countries_of_the_language_and_is_never_a_dead_end(
    client: Client, language: str
) -> None:
    page = client.get(f"/{language}/help/").content.decode()
    first = countries.countries()[countries.NEAR[language][0]]
    assert page.index(f">{first.names[language]}<") < page.index("<details>")
    for address in ("takeitdown.ncmec.org", "stopncii.org", "inhope.org", "report.iwf.org.uk"):
        assert address in page
    for country in countries.countries().values():
        assert country.names[language] in page
        assert all(hotline.address in page for hotline in country.hotlines)


def test_the_table_of_countries_is_whole() -> None:
    told = countries.countries()
    assert len(told) >= 45
    for code, country in told.items():
        assert re.fullmatch(r"[A-Z]{2}", code)
        assert country.region in countries.REGIONS, code
        assert set(country.names) == {code for code, _ in settings.LANGUAGES}
        assert country.hotlines, code
        assert re.fullmatch(r"(\d{2,5}(, \d{2,5})*)?", country.emergency), code
        for hotline in country.hotlines:
            place = urlsplit(hotline.address)
            assert place.scheme == "https", hotline
            assert "." in place.netloc, hotline
            assert place.path, hotline
            assert (place.query, place.fragment, place.username) == ("", "", None), hotline
    assert all(code in told for near in countries.NEAR.values() for code in near)


def test_countries_are_in_alphabetical_order_and_accents_do_not_count() -> None:
    with translation.override("de"):
        europe = [country.name for country in countries.by_region()[0][1]]
    assert europe.index("Niederlande") < europe.index("Österreich") < europe.index("Polen")


def test_links_to_other_sites_say_nothing_of_where_they_came_from(client: Client) -> None:
    for page in TELLING:
        html = client.get(f"/en/{page}").content.decode()
        outside = re.findall(r'<a [^>]*href="https?:[^>]*>', html)
        assert outside
        assert all("noreferrer" in link for link in outside)


def test_public_pages_name_their_onion_address_without_the_query(client: Client, settings: object) -> None:
    assert "Onion-Location" not in client.get("/en/about/").headers
    settings.ONION = ONION
    assert client.get("/en/about/?from=x").headers["Onion-Location"] == f"{ONION}/en/about/"
    assert client.get("/de/nowhere ü/").headers["Onion-Location"] == f"{ONION}/de/nowhere%20%C3%BC/"
    assert "Onion-Location" not in client.post("/en/status/", {"words": "x"}).headers
    assert "Onion-Location" not in client.get("/desk/sign-in/").headers
    assert "Onion-Location" not in client.get("/healthz").headers


def test_on_an_onion_address_pages_work_over_plain_http(client: Client, settings: object) -> None:
    settings.ONION = ONION
    settings.ALLOWED_HOSTS = [ONION.removeprefix("http://")]
    page = client.get("/en/", headers={"host": ONION.removeprefix("http://")})
    assert page.status_code == 200
    assert "Strict-Transport-Security" not in page.headers
    assert "upgrade-insecure-requests" not in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "wrong", ["https://" + "a" * 56 + ".onion", "http://short.onion", "http://" + "a" * 56 + ".onion/x", "x"]
)
def test_an_onion_address_that_cannot_be_one_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("TAKEDOWN_ONION", ONION + "/")
    assert environment.onion("TAKEDOWN_ONION") == ONION
    monkeypatch.setenv("TAKEDOWN_ONION", wrong)
    with pytest.raises(environment.ImproperlyConfigured, match="TAKEDOWN_ONION"):
        environment.onion("TAKEDOWN_ONION")


@pytest.mark.parametrize(
    ("language", "said"), [("de", 'lang="de"'), ("fr", 'lang="fr"'), ("xx", 'lang="en"')]
)
def test_error_pages_speak_the_language_of_the_address(client: Client, language: str, said: str) -> None:
    page = client.get(f"/{language}/nowhere/")
    assert page.status_code == 404
    assert f"<html {said}>" in page.content.decode()


def test_an_error_of_ours_is_told_in_the_reader_s_language(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("portal.countries.near", fail)
    client.raise_request_exception = False
    page = client.get("/es/help/")
    assert page.status_code == 500
    assert '<html lang="es">' in page.content.decode()
    assert "boom" not in page.content.decode()


def test_the_switch_leads_to_the_same_page_and_to_the_start_where_there_is_none(client: Client) -> None:
    page = client.get("/en/privacy/").content.decode()
    assert '<a href="/de/privacy/" lang="de" hreflang="de">Deutsch</a>' in page
    assert '<span lang="en" aria-current="true">English</span>' in page
    assert '<a href="/fr/" lang="fr" hreflang="fr">' in client.get("/en/nowhere/").content.decode()


def test_only_the_languages_of_the_policy_are_offered(
    client: Client, use_policy: Callable[[str], None]
) -> None:
    told = Path(settings.BASE_DIR, "portal", "policy.toml").read_text()
    offered = re.sub(r"\[grounds\.[a-z-]+\.(fr|es)\]\n.*\n.*\n", "", told)
    use_policy(offered.replace('["en", "de", "fr", "es"]', '["en", "de"]'))
    page = client.get("/en/about/").content.decode()
    assert "Deutsch" in page
    assert "Français" not in page
    assert client.get("/fr/about/").headers["Location"] == "/en/about/"
