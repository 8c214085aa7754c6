"""After a restore: what the published lists have and the database has not is told; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from decided import digest, removed, taken_back
from django.core.management import CommandError, call_command
from factories.releases import release_now

from portal import demo
from portal.models import Listing, Release, Told, User
from portal.releasing import gap, publishing
from takedown.keys import Key

pytestmark = pytest.mark.django_db


@pytest.fixture
def publish(mara: User, settings: object) -> Callable[[], Release]:
    demo.hold_ceremony(lambda _: None)

    return lambda: release_now(mara, settings)


def test_a_desk_in_step_has_no_gap(
    publish: Callable[[], Release], mara: User, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gap.measure() == gap.Gap(0, 0, ())
    item = removed("a")
    publish()
    taken_back(item)
    removed("b")
    assert publishing.build(publishing.request(mara).pk)  # staged is not published
    call_command("release_gap")
    assert "0 entries only in the published list, 0 only in the database" in capsys.readouterr().out


def test_an_older_database_is_told_what_it_lacks(
    publish: Callable[[], Release], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    item = removed("a")
    publish()
    taken_back(item)
    removed("b")
    second = publish()
    # As it was before the second release.
    Told.objects.filter(release=second).delete()
    Listing.objects.filter(until=second).update(until=None)
    Listing.objects.filter(since=second).delete()
    second.delete()
    found = gap.measure()
    assert (found.known, found.published, found.closed) == (1, 2, False)
    [edition] = found.editions
    assert edition.only_published == (Key("url_sha256", digest("b")),)
    assert edition.only_here == (Key("url_sha256", digest("a")),)
    with pytest.raises(CommandError, match="restore the newest copy") as caught:
        call_command("release_gap", "--out", str(tmp_path / "gap.tsv"))
    assert caught.value.returncode == 1
    assert "Published: release 2. This database: release 1." in capsys.readouterr().out
    assert (tmp_path / "gap.tsv").read_text().splitlines() == [
        f"published\tresearch\turl_sha256\t{digest('b')}",
        f"database\tresearch\turl_sha256\t{digest('a')}",
    ]
    assert (tmp_path / "gap.tsv").stat().st_mode & 0o077 == 0


def test_without_a_repository_it_says_so() -> None:
    with pytest.raises(CommandError, match="not a release repository") as caught:
        call_command("release_gap")
    assert caught.value.returncode == 2
