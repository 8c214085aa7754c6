"""From decisions to a signed release in a real TUF repository, through crashes and second thoughts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from factories.releases import sign_release

from portal import demo
from portal.deciding import review
from portal.models import Listing, Release, Submission, User
from portal.releasing import publishing
from takedown import publish as tuf
from takedown.errors import TakedownError
from takedown.keys import url_sha256
from takedown.subscribe import open_blocklist, sync

Submit = Callable[..., Submission]
Work = Callable[[Submission], None]


@pytest.fixture
def repository(settings: object) -> Path:
    demo.hold_ceremony(lambda _: None)
    return settings.REPOSITORY


def _release(mara: User, settings: object) -> Release:
    release = publishing.request(mara)
    assert publishing.build(release.pk)
    release.refresh_from_db()
    sign_release(release, settings)
    publishing.ask_to_publish(release, mara)
    assert publishing.publish(release.pk)
    release.refresh_from_db()
    return release


def _digest(sample: object, row: int) -> str:
    return url_sha256(sample.rows[row].url).hex()


def _held(repository: Path, state: Path) -> list[str]:
    sync(str(repository), (repository / "metadata" / "1.root.json").read_bytes(), state)
    return open_blocklist(state, None).entries("url_sha256")


def test_what_two_people_decided_reaches_a_holder(
    repository: Path, remove: Callable, mara: User, settings: object, sample: object, tmp_path: Path
) -> None:
    remove(3)
    release = _release(mara, settings)
    assert (release.state, release.seq) == (Release.State.PUBLISHED, 1)
    assert _held(repository, tmp_path / "state") == [_digest(sample, 3)]
    publishing.tidy()
    assert not list(settings.STAGING.iterdir())


def test_a_withdrawn_entry_leaves_with_the_next_delta(
    repository: Path,
    remove: Callable,
    mara: User,
    alice: User,
    bob: User,
    settings: object,
    sample: object,
    tmp_path: Path,
) -> None:
    gone = remove(3).items.get()
    remove(9)
    _release(mara, settings)
    assert len(_held(repository, tmp_path / "state")) == 2
    assert not review.withdraw(gone)
    review.confirm(review.propose_unblock(gone, alice), bob)
    second = _release(mara, settings)
    (change,) = second.changes
    assert (change["added"], change["removed"], change["rows"]) == (0, 1, 1)
    assert _held(repository, tmp_path / "state") == [_digest(sample, 9)]
    assert Listing.objects.get(until=second).since.seq == 1


def test_an_unsigned_release_is_not_published(repository: Path, remove: Callable, mara: User) -> None:
    remove(3)
    release = publishing.request(mara)
    publishing.build(release.pk)
    release.refresh_from_db()
    assert publishing.signatures(release) == tuf.Signatures(0, 1)
    with pytest.raises(publishing.PublishingError, match="not signed"):
        publishing.ask_to_publish(release, mara)
    Release.objects.update(state=Release.State.PUBLISHING)
    assert not publishing.publish(release.pk)
    assert tuf.head(repository) == 0


def test_a_key_of_another_ceremony_does_notsign_release(
    repository: Path, remove: Callable, mara: User, settings: object, sample: object, tmp_path: Path
) -> None:
    remove(3)
    release = publishing.request(mara)
    publishing.build(release.pk)
    release.refresh_from_db()
    tuf.ceremony(tmp_path / "keys2", tmp_path / "repository2", publisher="Someone else")
    with pytest.raises(TakedownError):
        tuf.sign(repository, publishing.staging(release), tmp_path / "keys2" / "targets-1.pem")
    assert publishing.signatures(release).valid == 0


def test_only_one_release_is_under_way(repository: Path, mara: User, db: None) -> None:
    publishing.request(mara)
    with pytest.raises(publishing.PublishingError, match="under way"):
        publishing.request(mara)


def test_a_discarded_release_leaves_no_trace_in_the_listings(
    repository: Path, remove: Callable, mara: User, settings: object
) -> None:
    remove(3)
    _release(mara, settings)
    remove(9)
    second = publishing.request(mara)
    publishing.build(second.pk)
    second.refresh_from_db()
    assert Listing.objects.count() == 2
    publishing.discard(second, mara)
    assert Listing.objects.count() == 1
    assert _release(mara, settings).seq == 2


def test_a_crash_after_the_upload_is_made_good(
    repository: Path, remove: Callable, mara: User, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are public, the database does not know it yet: the next attempt only catches up."""
    remove(3)
    release = publishing.request(mara)
    publishing.build(release.pk)
    release.refresh_from_db()
    sign_release(release, settings)
    publishing.ask_to_publish(release, mara)

    class CrashError(BaseException):
        pass

    def crash(name: str) -> None:
        if name == "release.uploaded":
            raise CrashError

    monkeypatch.setattr(publishing, "point", crash)
    with pytest.raises(CrashError):
        publishing.publish(release.pk)
    monkeypatch.undo()
    assert tuf.head(repository) == 1
    Release.objects.update(lease_until=None)
    assert publishing.publish(release.pk)
    release.refresh_from_db()
    assert release.state == Release.State.PUBLISHED


def test_a_database_behind_the_repository_cannot_publish(
    repository: Path, remove: Callable, mara: User, settings: object
) -> None:
    """Yesterday's database is restored: what it staged no longer follows on what is public."""
    remove(3)
    stale = publishing.request(mara)
    publishing.build(stale.pk)
    stale.refresh_from_db()
    sign_release(stale, settings)
    kept = publishing.staging(stale).rename(settings.STAGING / "kept")
    publishing.discard(stale, mara)
    remove(9)
    _release(mara, settings)
    other = publishing.request(mara)
    kept.rename(publishing.staging(other))
    Release.objects.filter(pk=other.pk).update(state=Release.State.PUBLISHING, seq=1)
    assert not publishing.publish(other.pk)
    assert tuf.head(repository) == 1
