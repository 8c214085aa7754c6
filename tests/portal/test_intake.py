"""Accepting a submission: sealed, once, and with nothing that names anyone."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from factories.pictures import png

from portal import sealing
from portal.asking import intake
from portal.asking.drafts import BadDraftError, Draft
from portal.asking.intake import Sent
from portal.days import today
from portal.finding import matching
from portal.models import Item, SealedPicture, Submission
from takedown.fingerprint import fingerprint
from takedown.keys import Key

Submit = Callable[..., Submission]
PICTURE = b"not a real picture, but bytes all the same" * 100


def test_the_same_form_leads_to_the_same_receipt_and_one_submission(db: None) -> None:
    draft = Draft(ground="private", addresses="https://pictures.example/a.jpg")
    first = intake.accept(draft, Sent(["https://pictures.example/a.jpg"], [PICTURE]))
    again = intake.accept(draft, Sent(["https://pictures.example/a.jpg"], [PICTURE]))
    assert not first.repeated
    assert again.repeated
    assert again.receipt.words == first.receipt.words
    assert Submission.objects.count() == 1
    assert Item.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_same_form_sent_by_many_hands_at_once_is_stored_once() -> None:
    draft, hands, accepted = Draft(ground="private"), threading.Barrier(8), []

    def send() -> None:
        hands.wait()
        accepted.append(intake.accept(draft, Sent(["https://a.example/"], [PICTURE])))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(hands.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.repeated for one in accepted].count(False) == 1
    assert len(accepted) == hands.parties
    assert len({one.receipt.words for one in accepted}) == 1
    assert (Submission.objects.count(), Item.objects.count(), SealedPicture.objects.count()) == (1, 2, 1)


def test_two_forms_have_two_receipts(db: None) -> None:
    words = {
        intake.accept(Draft(ground="private"), Sent(["https://a.example/"])).receipt.words for _ in range(5)
    }
    assert len(words) == 5


def test_the_receipt_finds_the_submission_and_is_not_stored(db: None, settings: object) -> None:
    accepted = intake.accept(Draft(ground="private"), Sent(["https://a.example/"]))
    assert intake.find(accepted.receipt) == accepted.submission
    stored = Submission.objects.values().get()
    for secret in (
        accepted.receipt.lookup_key,
        accepted.receipt.message_private_key,
        *accepted.receipt.words,
    ):
        assert secret not in stored.values()
    assert bytes(stored["proof_key"]) == accepted.receipt.proof_key
    assert bytes(stored["message_public_key"]) == accepted.receipt.message_public_key


def test_every_kind_becomes_an_item_in_its_first_state(submit: Submit) -> None:
    submission = submit(
        "https://a.example/",
        pictures=(PICTURE,),
        on_device=(fingerprint(png(64, 64)),),
        typed=((Key("pdq", "0" * 64), Key("sha256", "0" * 64)),),
        sites=("b.example",),
        keep=True,
    )
    assert submission.keep
    items = list(submission.items.values_list("number", "kind", "state", "on_device"))
    assert items == [
        (1, "url", "ready", False),
        (2, "fingerprint", "ready", False),
        (3, "site", "waits-for-proof", False),
        (4, "picture", "ready", True),
        (5, "picture", "sealed", False),
    ]
    assert submission.items.get(number=2).given == [["pdq", "0" * 64], ["sha256", "0" * 64]]
    assert submission.items.get(number=4).fingerprint == fingerprint(png(64, 64))
    assert len(submission.items.get(number=3).control.token) == 2 * intake.CONTROL_BYTES


@pytest.mark.parametrize(
    "sent",
    [
        Sent(pictures=[PICTURE]),
        Sent(on_device=[fingerprint(png(64, 64))]),
        Sent(sites=["a.example"]),
    ],
)
def test_a_restricted_ground_takes_no_picture_in_any_form(db: None, sent: Sent) -> None:
    with pytest.raises(ValueError, match="restricted ground"):
        intake.accept(Draft(ground="child-safety"), sent)
    assert not Submission.objects.exists()


def test_a_restricted_ground_marks_what_it_takes(submit: Submit) -> None:
    typed = ((Key("sha256", "0" * 64),),)
    submission = submit("https://a.example/", typed=typed, ground="child-safety")
    assert submission.restricted
    assert list(submission.items.values_list("restricted", flat=True)) == [True, True]


def test_only_days_are_kept(submit: Submit) -> None:
    submission = submit("https://a.example/")
    assert submission.received == today()
    assert today() + timedelta(days=27) < submission.due < today() + timedelta(days=32)
    item = submission.items.get()
    assert item.lease_until is None


def test_pictures_are_stored_sealed_only(submit: Submit) -> None:
    submission = submit(pictures=(PICTURE,))
    box = bytes(SealedPicture.objects.get().box)
    assert PICTURE[:20] not in box
    assert sealing.unseal(submission.items.get().sealed.key_day, box) == PICTURE


def test_the_web_can_seal_without_the_private_key(submit: Submit, settings: object) -> None:
    for key in Path(settings.INTAKE_PRIVATE_KEYS).iterdir():
        key.unlink()
    submission = submit(pictures=(PICTURE,))
    with pytest.raises(sealing.KeyGoneError):
        sealing.unseal(today(), bytes(submission.items.get().sealed.box))


def test_without_any_key_nothing_is_stored(db: None, settings: object, tmp_path: Path) -> None:
    settings.INTAKE_PUBLIC_KEYS = tmp_path / "none"
    with pytest.raises(sealing.NoIntakeKeyError):
        intake.accept(Draft(ground="private"), Sent(["https://a.example/"], [PICTURE]))
    assert not Submission.objects.exists()


def test_bytes_whose_key_is_gone_are_asked_for_again(submit: Submit, settings: object) -> None:
    submission = submit(pictures=(PICTURE,))
    os.unlink(Path(settings.INTAKE_PRIVATE_KEYS) / f"{today()}.key")
    assert not matching.fingerprint_item(submission.items.get().pk)
    item = submission.items.get()
    assert (item.state, item.problem) == (Item.State.UNREADABLE, "key-gone")
    assert not SealedPicture.objects.exists()


def test_intake_keys_are_made_daily_and_destroyed_after_a_week(settings: object, monkeypatch: object) -> None:
    folders = (Path(settings.INTAKE_PUBLIC_KEYS), Path(settings.INTAKE_PRIVATE_KEYS))
    start = today()
    for passed in range(20):
        monkeypatch.setattr(sealing, "today", lambda passed=passed: start + timedelta(days=passed))
        sealing.rotate()
        sealing.rotate()
        for folder in folders:
            kept = sorted(path.stem for path in folder.glob("*.key"))
            assert kept[-1] == str(start + timedelta(days=passed))
            assert len(kept) == min(passed + 1, sealing.KEEP_DAYS)
    assert all(path.stat().st_mode & 0o077 == 0 for path in folders[1].iterdir())


@pytest.mark.parametrize(
    ("text", "addresses", "problems"),
    [
        ("", [], 0),
        ("\n \r\n", [], 0),
        (
            "https://a.example/x\r\nhttps://a.example/x\n  https://b.example/y ",
            ["https://a.example/x", "https://b.example/y"],
            0,
        ),
        ("pictures.example/Path/x.jpg", ["https://pictures.example/Path/x.jpg"], 0),
        ("a.example:8080/x\nfile.txt with words", [], 2),
        ("https://user:secret@a.example/", [], 1),
        ("javascript:alert(1)", [], 1),
        ("https://a.example/" + "x" * 10_000, [], 1),
        ("https://a.example/\nftp://b.example/\nnonsense here", ["https://a.example/"], 2),
        ("\n".join(f"https://a.example/{n}" for n in range(301)), None, 1),
    ],
)
def test_addresses_one_a_line(text: str, addresses: list[str] | None, problems: int) -> None:
    found, wrong = intake.read_addresses(text)
    assert len(wrong) == problems
    assert addresses is None or found == addresses
    assert all("secret" not in sentence for sentence in wrong)  # how a line begins is told, but no password


def test_a_draft_survives_the_trip_and_a_forged_one_does_not() -> None:
    draft = Draft(ground="private", addresses="https://a.example/ü", note="zwei\nZeilen")
    sealed = draft.sealed()
    assert Draft.read(sealed) == draft
    for forged in ("", "x", sealed[:-1], sealed + "x", sealed.replace(":", "::", 1)):
        with pytest.raises(BadDraftError):
            Draft.read(forged)


def test_an_old_draft_keeps_its_answers_and_gets_a_new_token(settings: object) -> None:
    draft = Draft(ground="private", addresses="https://a.example/")
    sealed = draft.sealed()
    settings.DRAFT_SECONDS = -1
    read = Draft.read(sealed)
    assert read.expired
    assert read.renewed().addresses == draft.addresses
    assert read.renewed().token != draft.token


def test_a_clock_that_was_wrong_leaves_no_key_behind(
    submit: Submit, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key dated in the future is not sealed with, and is destroyed with the rest."""
    now = today()
    monkeypatch.setattr(sealing, "today", lambda: now + timedelta(days=5))
    sealing.rotate()
    monkeypatch.setattr(sealing, "today", lambda: now)
    assert sealing.seal(PICTURE)[0] == now
    monkeypatch.setattr(sealing, "today", lambda: now + timedelta(days=3650))
    sealing.rotate()
    monkeypatch.setattr(sealing, "today", lambda: now)
    sealing.rotate()
    assert [path.stem for path in Path(settings.INTAKE_PRIVATE_KEYS).glob("*.key")] == [str(now)]


def test_leftovers_of_a_killed_rotation_are_swept_away(settings: object) -> None:
    leftover = Path(settings.INTAKE_PRIVATE_KEYS) / ".2020-01-01.key.new"
    leftover.write_bytes(b"x" * 32)
    sealing.rotate()
    assert not leftover.exists()


def test_a_public_key_without_its_private_half_is_replaced(submit: Submit, settings: object) -> None:
    """After a restore: private halves are never in a backup."""
    (Path(settings.INTAKE_PRIVATE_KEYS) / f"{today()}.key").unlink()
    sealing.rotate()
    item = submit(pictures=(PICTURE,)).items.get()
    assert sealing.unseal(item.sealed.key_day, bytes(item.sealed.box)) == PICTURE


def test_pictures_nobody_can_open_any_more_are_asked_for_again(submit: Submit) -> None:
    stuck, fresh = submit(pictures=(PICTURE,)).items.get(), submit(pictures=(PICTURE,)).items.get()
    Item.objects.filter(pk=stuck.pk).update(state=Item.State.NEEDS_PERSON)
    SealedPicture.objects.filter(item=stuck).update(key_day=today() - timedelta(days=sealing.KEEP_DAYS))
    assert matching.expire_sealed() == 1
    stuck.refresh_from_db()
    fresh.refresh_from_db()
    assert (stuck.state, stuck.problem) == (Item.State.UNREADABLE, "key-gone")
    assert fresh.state == Item.State.SEALED
    assert SealedPicture.objects.get().item == fresh
