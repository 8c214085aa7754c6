"""Building and publishing without the web, uploads to mirrors, and signatures that are renewed in time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from decided import removed
from django.core.management import CommandError, call_command
from django.utils import timezone
from factories.releases import sign_release

from portal import demo, tasks
from portal.models import Event, Mirror, Release, User
from portal.policy import current
from portal.releasing import freshness, mirrors, publishing
from takedown import publish as tuf
from takedown.subscribe import open_blocklist, sync

pytestmark = pytest.mark.django_db


@pytest.fixture
def repository(settings: object) -> Path:
    demo.hold_ceremony(lambda _: None)
    return settings.REPOSITORY


def run(*words: str) -> None:
    call_command(*words)


def build_and_publish(mara: User, settings: object) -> Release:
    run("build_release", "--user", "mara")
    release = Release.objects.get(state=Release.State.STAGED)
    sign_release(release, settings)
    run("publish_release", "--user", "mara")
    release.refresh_from_db()
    return release


def test_a_release_goes_out_without_the_web(
    repository: Path, mara: User, settings: object, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    removed("a")
    release = build_and_publish(mara, settings)
    told = capsys.readouterr().out
    assert "research: +1 -0, 1 entries" in told
    assert f"takedown sign --repository {repository} --staging {publishing.staging(release)}" in told
    assert "Release 1 is public." in told
    root = (repository / "metadata" / "1.root.json").read_bytes()
    sync(str(repository), root, tmp_path / "state")
    assert len(open_blocklist(tmp_path / "state").entries("url_sha256")) == 1
    acted = Event.objects.filter(action__startswith="release.").values_list("action", "actor__username")
    assert list(acted) == [
        ("release.requested", "mara"),
        ("release.approved", "mara"),
        ("release.published", None),
    ]


@pytest.mark.parametrize("who", ["nobody", "alice"])
@pytest.mark.parametrize("command", ["build_release", "publish_release"])
def test_only_a_release_manager_is_acted_for(repository: Path, alice: User, who: str, command: str) -> None:
    with pytest.raises(CommandError, match="no release manager") as caught:
        run(command, "--user", who)
    assert caught.value.returncode == 2
    assert not Release.objects.exists()


def test_exit_codes_tell_what_can_be_done(repository: Path, mara: User, settings: object) -> None:
    with pytest.raises(CommandError, match="build one first") as caught:
        run("publish_release", "--user", "mara")
    assert caught.value.returncode == 2
    run("build_release", "--user", "mara")
    with pytest.raises(CommandError, match="not signed") as caught:
        run("publish_release", "--user", "mara")
    assert caught.value.returncode == 2
    with pytest.raises(CommandError, match="under way") as caught:
        run("build_release", "--user", "mara")
    assert caught.value.returncode == 2
    run("build_release", "--user", "mara", "--discard")
    assert list(Release.objects.order_by("pk").values_list("state", flat=True)) == ["discarded", "staged"]
    sign_release(Release.objects.get(state="staged"), settings)
    (settings.ONLINE_KEYS / "timestamp.pem").unlink()
    with pytest.raises(CommandError) as caught:
        run("publish_release", "--user", "mara")
    assert caught.value.returncode == 1
    assert tuf.head(repository) == 0


def test_what_the_policy_refuses_is_said_in_one_sentence(
    repository: Path, mara: User, use_policy: Callable[[str], None], settings: object
) -> None:
    text = settings.POLICY_FILE.read_text().replace("prefix_hex = 64  ", "prefix_hex = 8  ")
    use_policy(text.replace('dataset_ids = ["sample-pictures"]', 'dataset_ids = ["another"]'))
    with pytest.raises(
        CommandError, match=r"what they cover in another cannot be counted.*\[cover-no-index\]"
    ):
        run("build_release", "--user", "mara")


def test_a_build_that_failed_is_discarded_and_not_built_later(
    repository: Path, mara: User, use_policy: Callable[[str], None], settings: object
) -> None:
    good = settings.POLICY_FILE.read_text()
    text = good.replace("prefix_hex = 64  ", "prefix_hex = 8  ")
    use_policy(text.replace('dataset_ids = ["sample-pictures"]', 'dataset_ids = ["another"]'))
    with pytest.raises(CommandError, match=r"\[cover-no-index\] This release is discarded") as caught:
        run("build_release", "--user", "mara")
    assert caught.value.returncode == 1
    failed = Release.objects.get()
    assert (failed.state, failed.problem) == (Release.State.DISCARDED, "cover-no-index")
    use_policy(good)
    assert not Release.due().exists()
    assert not publishing.build(failed.pk)
    run("build_release", "--user", "mara")
    assert list(Release.objects.order_by("pk").values_list("state", flat=True)) == ["discarded", "staged"]


def test_a_build_that_is_broken_off_is_discarded(
    repository: Path, mara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_off(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(publishing, "point", broken_off)
    with pytest.raises(KeyboardInterrupt):
        run("build_release", "--user", "mara")
    assert Release.objects.get().state == Release.State.DISCARDED


def test_a_build_is_made_once_more_where_something_was_decided_meanwhile(
    repository: Path, mara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = iter("a")
    monkeypatch.setattr(publishing, "point", lambda _: [removed(name) for name in late])
    run("build_release", "--user", "mara")
    release = Release.objects.get()
    assert (release.state, release.changes[0]["added"]) == (Release.State.STAGED, 1)


def test_a_release_is_uploaded_to_every_mirror(
    repository: Path, mara: User, settings: object, tmp_path: Path
) -> None:
    settings.MIRRORS = [f"file://{tmp_path}/one", f"file://{tmp_path}/two", f"file://{tmp_path}/one"]
    removed("a")
    build_and_publish(mara, settings)
    assert [(one.seq, one.problem) for one in Mirror.objects.all()] == [(1, ""), (1, "")]
    for name in ("one", "two"):
        root = (repository / "metadata" / "1.root.json").read_bytes()
        assert sync(str(tmp_path / name), root, tmp_path / f"state-{name}").editions == {"research": (1, 1)}


def test_a_mirror_that_fails_is_seen_and_tried_again_and_loses_nothing(
    repository: Path,
    mara: User,
    settings: object,
    tmp_path: Path,
    signed_in: Callable,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "taken").write_text("in the way")
    settings.MIRRORS = [f"file://{tmp_path}/taken", f"file://{tmp_path}/good"]
    removed("a")
    release = build_and_publish(mara, settings)
    assert (release.state, tuf.head(repository)) == (Release.State.PUBLISHED, 1)
    assert "is behind:" in capsys.readouterr().err
    good, taken = mirrors.shown()[1], mirrors.shown()[0]
    assert (good.problem, good.seq) == ("", 1)
    assert (bool(taken.problem), bool(taken.advice), taken.seq) == (True, True, None)
    page = signed_in(mara).get("/desk/releases/").content.decode()
    assert "Uploads fail since" in page
    assert taken.problem in page
    since = taken.since
    assert mirrors.retry()
    (tmp_path / "taken").unlink()
    tasks.retry_mirrors()
    taken.refresh_from_db()
    assert (taken.problem, taken.advice, taken.since, taken.seq) == ("", "", None, 1)
    assert since is not None
    assert not mirrors.retry()


def test_an_upload_that_nobody_lived_to_finish_is_tried_again(
    repository: Path, mara: User, settings: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MIRRORS = [str(tmp_path / "mirror")]
    removed("a")

    class CrashError(BaseException):
        pass

    def crash(*_: object) -> None:
        raise CrashError

    with monkeypatch.context() as patch:
        patch.setattr(mirrors.tuf, "mirror", crash)
        with pytest.raises(CrashError):
            build_and_publish(mara, settings)
    assert Release.objects.get().state == Release.State.PUBLISHED
    assert Mirror.objects.get().problem == mirrors.UNFINISHED
    tasks.retry_mirrors()
    assert (Mirror.objects.get().problem, Mirror.objects.get().seq) == ("", 1)


def test_a_desk_without_mirrors_or_releases_uploads_nothing(repository: Path, settings: object) -> None:
    assert mirrors.push() == mirrors.retry() == mirrors.shown() == []
    settings.MIRRORS = ["file:///nowhere"]
    assert mirrors.push() == mirrors.retry() == []
    assert not Mirror.objects.exists()


@pytest.mark.parametrize(
    ("profile", "hours", "renewed"),
    [
        ("small", 6, False),
        ("small", 24, True),
        ("strict", 1, False),
        ("strict", 6, True),
    ],
)
def test_signatures_are_renewed_as_often_as_the_profile_says(
    settings: object, profile: str, hours: int, renewed: bool
) -> None:
    tuf.ceremony(demo.release_keys(), settings.REPOSITORY, publisher=current().publisher, profile=profile)
    settings.ONLINE_KEYS = demo.release_keys()
    path = settings.REPOSITORY / "metadata" / "timestamp.json"
    before = json.loads(path.read_bytes())["signed"]["version"]
    assert freshness.renew(timezone.now() + timedelta(hours=hours)) is renewed
    assert json.loads(path.read_bytes())["signed"]["version"] == before + renewed


def test_the_clock_renews_and_uploads(
    repository: Path, mara: User, settings: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MIRRORS = [str(tmp_path / "mirror")]
    removed("a")
    build_and_publish(mara, settings)
    later = timezone.now() + timedelta(days=2)
    monkeypatch.setattr(freshness.timezone, "now", lambda: later)
    tasks.refresh_timestamp()
    here, there = (folder / "metadata" / "timestamp.json" for folder in (repository, tmp_path / "mirror"))
    assert here.read_bytes() == there.read_bytes()


def test_the_page_reminds_of_signatures_that_run_out(
    repository: Path, mara: User, signed_in: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "signature" not in signed_in(mara).get("/desk/releases/").content.decode()
    soon = tuf.reminders(repository, timezone.now() + timedelta(days=80))
    monkeypatch.setattr(freshness.tuf, "reminders", lambda _: soon)
    page = signed_in(mara).get("/desk/releases/").content.decode()
    assert "The targets signature lasts until" in page
    assert "The timestamp signature has run out" in page
    assert "The root signature" not in page
