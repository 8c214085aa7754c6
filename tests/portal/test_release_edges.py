"""Releases through crashes, stale builders and changed policies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from factories.releases import sign_release

from portal import demo
from portal.models import Listing, Release, Submission, Told, User
from portal.releasing import publishing
from takedown import publish as tuf

Submit = Callable[..., Submission]
Work = Callable[[Submission], None]


@pytest.fixture
def removed(remove: Callable[[int], Submission]) -> Submission:
    """One decided removal, and a repository to publish to."""
    demo.hold_ceremony(lambda _: None)
    return remove(3)


def _staged(mara: User, settings: object) -> Release:
    release = publishing.request(mara)
    assert publishing.build(release.pk)
    release.refresh_from_db()
    sign_release(release, settings)
    return release


def test_a_builder_thought_dead_touches_nobody_elses_work(
    removed: Submission, mara: User, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one builder sleeps past its lease, another stages and a manager signs. The sleeper wakes up."""
    release = publishing.request(mara)

    def meanwhile(_: str) -> None:
        monkeypatch.undo()
        Release.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert publishing.build(release.pk)
        release.refresh_from_db()
        sign_release(release, settings)

    monkeypatch.setattr(publishing, "point", meanwhile)
    assert not publishing.build(release.pk)
    release.refresh_from_db()
    assert release.state == Release.State.STAGED
    assert publishing.signatures(release).enough
    assert [folder.name for folder in settings.STAGING.iterdir()] == [release.folder]


def test_a_public_release_cannot_be_discarded_and_is_finished_by_trying_again(
    removed: Submission, mara: User, settings: object
) -> None:
    """The worker died after the upload so often that the release went to a person."""
    release = _staged(mara, settings)
    publishing.ask_to_publish(release, mara)
    tuf.publish(settings.REPOSITORY, publishing.staging(release), settings.ONLINE_KEYS)
    Release.objects.update(state=Release.State.NEEDS_PERSON)
    with pytest.raises(publishing.PublishingError, match="public already"):
        publishing.discard(release, mara)
    assert publishing.publish(publishing.retry(release, mara).pk)
    assert Release.objects.get().state == Release.State.PUBLISHED


def test_a_policy_that_drops_a_ground_cannot_unblock(
    removed: Submission, mara: User, settings: object, use_policy: Callable[[str], None]
) -> None:
    release = _staged(mara, settings)
    publishing.ask_to_publish(release, mara)
    assert publishing.publish(release.pk)
    use_policy(settings.POLICY_FILE.read_text().replace("[grounds.private", "[grounds.medical"))
    following = publishing.request(mara)
    assert not publishing.build(following.pk)
    following.refresh_from_db()
    assert following.problem == "policy-lost-ground"
    assert Listing.objects.filter(until=None).count() == 1


def test_the_status_names_a_release_only_when_all_of_an_item_is_in_it(
    removed: Submission, mara: User, settings: object
) -> None:
    from portal.answering import status

    (one,) = status.of(removed)
    assert one.title == "Decided"
    release = _staged(mara, settings)
    assert status.of(removed)[0].title == "Decided"
    publishing.ask_to_publish(release, mara)
    publishing.publish(release.pk)
    assert status.of(removed)[0].title == "Removed in release 1"


def test_who_asks_for_what_is_listed_hears_that_it_was(
    removed: Submission, remove: Callable[[int], Submission], mara: User, settings: object
) -> None:
    from portal.answering import status

    release = _staged(mara, settings)
    publishing.ask_to_publish(release, mara)
    publishing.publish(release.pk)
    late = remove(3)
    assert status.of(late)[0].title == "Already removed"


@pytest.mark.parametrize(
    "history", ["an empty database", "one from before the last release", "another desk's"]
)
def test_a_database_of_another_history_builds_nothing(
    removed: Submission,
    remove: Callable[[int], Submission],
    mara: User,
    settings: object,
    signed_in: Callable[[User], object],
    history: str,
) -> None:
    """It would drop entries that two people approved, and nobody would have decided that."""
    for row in (None, 9):
        if row is not None:
            remove(row)
        release = _staged(mara, settings)
        publishing.ask_to_publish(release, mara)
        assert publishing.publish(release.pk)
    if history == "an empty database":
        Told.objects.all().delete()
        Listing.objects.all().delete()
        Release.objects.all().delete()
    elif history == "one from before the last release":
        Told.objects.filter(release__seq=2).delete()
        Listing.objects.filter(since__seq=2).delete()
        Release.objects.filter(seq=2).delete()
    else:
        changes = [{**change, "state_sha256": "ab" * 32} for change in Release.objects.get(seq=2).changes]
        Release.objects.filter(seq=2).update(changes=changes)
    following = publishing.request(mara)
    assert not publishing.build(following.pk)
    following.refresh_from_db()
    assert following.problem == "other-history"
    assert "does not come from this database" in signed_in(mara).get("/desk/releases/").content.decode()
