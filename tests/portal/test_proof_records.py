"""What each release tells each receipt: once, about the right entry, through crashes and second thoughts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from decided import asked, digest, removed, taken_back
from factories.releases import sign_release
from test_held_back import two_editions

from portal import demo
from portal.models import Case, Decision, Item, Release, Told, User
from portal.releasing import lists, proofs, publishing
from takedown.blocklist.leaves import Record
from takedown.subscribe import sync
from takedown.subscribe.proof import prove_receipt

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 22)


@pytest.fixture
def release(settings: object, mara: User) -> Callable[[], Release]:
    demo.hold_ceremony(lambda _: None)

    def run() -> Release:
        one = publishing.request(mara)
        assert publishing.build(one.pk), Release.objects.get(pk=one.pk).problem
        one.refresh_from_db()
        sign_release(one, settings)
        publishing.ask_to_publish(one, mara)
        assert publishing.publish(one.pk)
        one.refresh_from_db()
        return one

    return run


def told() -> list[tuple[int, str, str | None]]:
    """(item, action, digest) of what the next release would tell."""
    found = proofs.tellings(lists.plan(TODAY))
    return [(one.item, one.record.action, one.record.digest) for one in found]


def key_of(item: Item) -> bytes:
    return bytes(item.submission.proof_key)


def outcomes(release: Release) -> list[tuple[int, str]]:
    return list(Told.objects.filter(release=release).order_by("item", "pk").values_list("item", "action"))


def refused() -> Item:
    item = asked()
    Case.objects.filter(case_items__item=item).update(state=Case.State.REFUSED)
    Decision.objects.create(
        case=item.case_item.case,
        outcome=Decision.Outcome.REFUSE,
        ground="private",
        policy_version="1",
        state=Decision.State.CONFIRMED,
        proposer=User.objects.create_user("carol"),
        proposed=TODAY,
        confirmed=TODAY,
    )
    return item


def test_one_entry_two_people_and_one_withdrawal(release: Callable[[], Release]) -> None:
    """Both prove; one takes it back: it stays, both are told so; the other follows: both are told it went."""
    anna, berta = removed("a"), removed("a")
    first = release()
    assert outcomes(first) == [(anna.pk, "added"), (berta.pk, "added")]
    taken_back(anna)
    assert outcomes(release()) == [(anna.pk, "still-listed")]
    assert outcomes(release()) == []
    taken_back(berta)
    assert outcomes(release()) == [(anna.pk, "withdrawn"), (berta.pk, "withdrawn")]
    carla = removed("a")
    assert outcomes(release()) == [(anna.pk, "still-listed"), (berta.pk, "still-listed"), (carla.pk, "added")]


def test_whoever_asks_for_what_is_listed_is_told_that_it_stands(release: Callable[[], Release]) -> None:
    removed("a")
    release()
    late = removed("a")
    assert told() == [(late.pk, "stands", digest("a"))]
    assert outcomes(release()) == [(late.pk, "stands")]


def test_a_refusal_is_told_once_and_names_nothing(release: Callable[[], Release]) -> None:
    item = refused()
    assert told() == [(item.pk, "refused", None)]
    assert outcomes(release()) == [(item.pk, "refused")]
    assert outcomes(release()) == []


def test_a_child_safety_leaf_names_nothing(use_policy: Callable[[str], None]) -> None:
    use_policy(two_editions("min_delta_entries = 1", "min_delta_entries = 1"))
    item, other = removed("a", "child-safety"), removed("b", "private")
    assert told() == [(item.pk, "added", None), (other.pk, "added", digest("b"))]


def test_an_erased_submission_is_told_nothing(release: Callable[[], Release]) -> None:
    removed("a", proven=False)
    erased = removed("b")
    release()
    taken_back(erased)
    type(erased.submission).objects.filter(pk=erased.submission_id).update(proof_key=None)
    assert told() == []


def test_what_was_taken_back_before_any_release_has_no_leaf(release: Callable[[], Release]) -> None:
    taken_back(removed("a"))
    assert outcomes(release()) == []


def test_what_an_edition_holds_back_is_told_when_it_is_listed(
    use_policy: Callable[[str], None], settings: object
) -> None:
    use_policy(settings.POLICY_FILE.read_text().replace("min_delta_entries = 1 ", "min_delta_entries = 2 "))
    one = removed("a")
    assert told() == []
    two = removed("b")
    assert [(item, action) for item, action, _ in told()] == [(one.pk, "added"), (two.pk, "added")]


def test_a_withdrawal_that_is_held_back_is_told_when_it_is_made(
    release: Callable[[], Release], use_policy: Callable[[str], None], settings: object
) -> None:
    item = removed("a")
    release()
    use_policy(settings.POLICY_FILE.read_text().replace("min_delta_entries = 1 ", "min_delta_entries = 2 "))
    taken_back(item)
    assert told() == []


def test_a_discarded_release_told_nobody_anything(release: Callable[[], Release], mara: User) -> None:
    item = removed("a")
    staged = publishing.request(mara)
    publishing.build(staged.pk)
    staged.refresh_from_db()
    assert outcomes(staged) == [(item.pk, "added")]
    assert told() == []
    publishing.discard(staged, mara)
    assert outcomes(release()) == [(item.pk, "added")]


def test_a_builder_that_dies_tells_nothing_and_the_next_tells_it_once(
    release: Callable[[], Release], mara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = removed("a")

    class CrashError(BaseException):
        pass

    def crash(name: str) -> None:
        raise CrashError

    asked_for = publishing.request(mara)
    monkeypatch.setattr(publishing, "point", crash)
    with pytest.raises(CrashError):
        publishing.build(asked_for.pk)
    monkeypatch.undo()
    assert not Told.objects.exists()
    Release.objects.update(lease_until=None)
    assert publishing.build(asked_for.pk)
    assert outcomes(asked_for) == [(item.pk, "added")]


def test_the_published_log_proves_it_to_the_holder_of_a_receipt(
    release: Callable[[], Release], settings: object, tmp_path: Path
) -> None:
    anna, berta = removed("a"), removed("a")
    release()
    taken_back(anna)
    release()
    root = (settings.REPOSITORY / "metadata" / "1.root.json").read_bytes()
    sync(str(settings.REPOSITORY), root, tmp_path / "state")
    hers, other = (prove_receipt(key_of(item), tmp_path / "state") for item in (anna, berta))
    assert [verdict.outcome for verdict in hers.verdicts] == ["overtaken", "listed"]
    assert [verdict.leaf.says.action for verdict in hers.verdicts] == ["added", "still-listed"]
    assert [verdict.outcome for verdict in other.verdicts] == ["listed"]
    assert not hers.fault
    assert not other.fault


def test_a_record_holds_no_more_than_the_log_takes() -> None:
    item = removed("a")
    [one] = proofs.tellings(lists.plan(TODAY))
    assert one.record == Record(key_of(item), "added", "url_sha256", digest("a"))
    assert proofs.releases(item.submission) == []
