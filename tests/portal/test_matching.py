"""From an item to matches and cases, on the generated sample and its edited copies."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from portal import sealing
from portal.days import today
from portal.deciding import review
from portal.finding import indexes, matching
from portal.models import Case, CaseItem, DatasetIndex, Item, Match, SealedPicture, Submission, User
from takedown.errors import SandboxFailed
from takedown.index import build_index
from takedown.keys import url_sha256

Submit = Callable[..., Submission]
Work = Callable[[Submission], None]


def _urls(submission: Submission) -> set[str]:
    matches = Match.objects.filter(item__submission=submission).select_related("index")
    rows = indexes.rows_of((match.index, match.row) for match in matches)
    return {row.url for row in rows.values() if row.url}


def test_every_spelling_of_an_address_reaches_its_row(
    index: DatasetIndex, submit: Submit, work: Work, sample: object
) -> None:
    for one in sample.addresses:
        submission = submit(one.address)
        work(submission)
        assert one.url in _urls(submission), one.spelling


def test_edited_copies_reach_their_rows(
    index: DatasetIndex, submit: Submit, work: Work, sample: object
) -> None:
    for one in sample.files:
        submission = submit(pictures=((sample.try_folder / one.file).read_bytes(),))
        work(submission)
        assert one.url in _urls(submission), one.edit


def test_the_bytes_are_gone_when_the_fingerprint_is_stored(
    index: DatasetIndex, submit: Submit, sample: object
) -> None:
    submission = submit(pictures=((sample.try_folder / "original.jpg").read_bytes(),))
    item = submission.items.get()
    assert matching.fingerprint_item(item.pk)
    assert not SealedPicture.objects.exists()
    item.refresh_from_db()
    assert item.fingerprint is not None
    assert len(item.fingerprint.codes) > 8


def test_a_match_keeps_published_keys_and_no_address(
    index: DatasetIndex, submit: Submit, work: Work, sample: object
) -> None:
    url = sample.rows[3].url
    work(submit(url))
    match = Match.objects.first()
    assert match.keys["address"] == [["url_sha256", url_sha256(url).hex()]]
    assert [kind for kind, _ in match.keys["file"]] == ["url_sha256", "img_sha256", "img_md5"]
    assert [kind for kind, _ in match.keys["caption"]] == ["row_sha256"]
    assert url not in str(Match.objects.values().first())


def test_nothing_found_says_what_was_compared(index: DatasetIndex, submit: Submit, work: Work) -> None:
    submission = submit("https://elsewhere.example/none.jpg")
    work(submission)
    item = submission.items.get()
    assert item.state == Item.State.NOT_FOUND
    assert item.coverage["rows"] == index.rows
    assert not Case.objects.exists()


def test_an_unreadable_picture_is_deleted_and_asked_for_again(
    index: DatasetIndex, submit: Submit, work: Work
) -> None:
    submission = submit(pictures=(b"<html>not a picture</html>",))
    work(submission)
    item = submission.items.get()
    assert (item.state, item.answered) == (Item.State.UNREADABLE, today())
    assert not SealedPicture.objects.exists()


def test_a_picture_whose_key_is_gone_is_asked_for_again(submit: Submit) -> None:
    item, ready = submit(pictures=(b"one",)).items.get(), submit(pictures=(b"two",)).items.get()
    SealedPicture.objects.filter(item=item).update(key_day=today() - timedelta(days=sealing.KEEP_DAYS))
    assert matching.expire_sealed() == 1
    item.refresh_from_db()
    assert (item.state, item.problem, item.answered) == (Item.State.UNREADABLE, "key-gone", today())
    assert SealedPicture.objects.get().item == ready


def test_a_picture_that_kills_every_child_goes_to_a_person_and_others_progress(
    index: DatasetIndex, submit: Submit, work: Work, sample: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = submit(pictures=(b"poison",))
    real = matching.sandbox.fingerprint

    def dies(data: bytes) -> object:
        if data == b"poison":
            raise SandboxFailed("The child died.")
        return real(data)

    monkeypatch.setattr(matching.sandbox, "fingerprint", dies)
    for _ in range(3):
        work(poison)
    assert poison.items.get().state == Item.State.NEEDS_PERSON
    assert SealedPicture.objects.filter(item__submission=poison).exists()
    fine = submit(pictures=((sample.try_folder / "original.jpg").read_bytes(),))
    work(fine)
    assert fine.items.get().state == Item.State.IN_REVIEW


def test_a_worker_that_dies_each_time_does_not_do_so_for_ever(
    index: DatasetIndex, submit: Submit, settings: object
) -> None:
    item = submit(pictures=(b"x",)).items.get()
    Item.objects.filter(pk=item.pk).update(attempts=settings.MAX_ATTEMPTS)
    assert not matching.fingerprint_item(item.pk)
    item.refresh_from_db()
    assert (item.state, item.problem) == (Item.State.NEEDS_PERSON, "worker-died")


def test_two_askers_of_one_row_share_a_case_unless_their_grounds_differ(
    index: DatasetIndex, submit: Submit, work: Work, sample: object
) -> None:
    url = sample.rows[3].url
    for ground in ("private", "private", "opt-out"):
        work(submit(url, ground=ground))
    assert sorted(Case.objects.values_list("ground", flat=True)) == ["opt-out", "private"]
    assert CaseItem.objects.filter(case__ground="private").count() == 2


def test_a_second_hop_finds_the_same_file_under_another_address(
    index: DatasetIndex, submit: Submit, work: Work, sample: object
) -> None:
    """One picture stands at two addresses with equal bytes: asking for one finds both."""
    known = [row for row in sample.rows if row.original]
    first, second = next((a, b) for a in known for b in known if a.url < b.url and a.original == b.original)
    submission = submit(first.url)
    work(submission)
    assert {first.url, second.url} <= _urls(submission)
    assert Match.objects.filter(via__in=["same-file", "same-picture"]).exists()


def test_size_variants_are_labelled_guesses_and_join_no_case(
    index: DatasetIndex, submit: Submit, work: Work, sample: object
) -> None:
    one = next(one for one in sample.addresses if one.spelling == "size variant")
    submission = submit(one.address)
    work(submission)
    assert set(Match.objects.values_list("how", flat=True)) == {"size-variant"}
    other = submit(one.address)
    work(other)
    assert Case.objects.count() == 2


def test_swapping_the_index_between_match_and_decision_changes_no_entry(
    index: DatasetIndex,
    submit: Submit,
    work: Work,
    sample: object,
    tmp_path: Path,
    alice: User,
    bob: User,
) -> None:
    url = sample.rows[7].url
    work(submit(url))
    case = Case.objects.get()
    before = Match.objects.first().keys
    smaller = tmp_path / "copy"
    shutil.copytree(sample.pictures, smaller, ignore=shutil.ignore_patterns("00000*"))
    build_index(tmp_path / "other", [smaller], name="sample-pictures")
    swapped = indexes.register(tmp_path / "other")
    assert swapped.digest != index.digest
    assert list(DatasetIndex.objects.filter(in_use=True)) == [swapped]
    decision = review.propose_removal(case, alice, Match.objects.values_list("pk", flat=True), "address")
    review.confirm(decision, bob)
    entries = {(s.entry.kind, s.entry.digest) for s in decision.supports.select_related("entry")}
    assert [list(entry) for entry in entries] == before["address"]
    assert entries == {("url_sha256", url_sha256(url).hex())}
