"""Messages: sealed on both sides, read by the holder of the words and by reviewers, and by nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from holders import Holder, holds, text_of
from hypothesis import given
from hypothesis import strategies as st

from portal.letters import message_keys, messages
from portal.models import Case, DatasetIndex, Item, Message, User

SignIn = Callable[[User], Client]


@pytest.fixture
def holder(client: Client, index: DatasetIndex, sample: object) -> Holder:
    return holds(client, sample.rows[3].url).work()


@pytest.mark.django_db
def test_both_sides_read_what_was_written(holder: Holder, signed_in: SignIn, alice: User) -> None:
    holder.post("message/", text="It is my garden.\r\nPlease hurry – 急いで")
    desk = signed_in(alice)
    assert f"Request {holder.submission.pk}" in text_of(desk.get("/desk/cases/"))
    for page in (f"/desk/case/{Case.objects.get().pk}/", f"/desk/request/{holder.submission.pk}/"):
        assert "It is my garden. Please hurry – 急いで" in text_of(desk.get(page))
    desk.post(f"/desk/request/{holder.submission.pk}/write/", {"text": "We do."})
    seen = holder.sees()
    assert "You have 1 new message" in seen
    assert "It is my garden." in seen
    assert "We do." in seen
    assert "new message" not in holder.sees()


@pytest.mark.django_db
def test_a_message_stays_to_be_read_until_a_reviewer_says_so(
    holder: Holder, signed_in: SignIn, alice: User
) -> None:
    holder.post("message/", text="Hello")
    desk, page = signed_in(alice), f"/desk/request/{holder.submission.pk}/"
    desk.get(page)
    assert "Messages to read" in text_of(desk.get("/desk/cases/"))
    desk.post(f"{page}read/")
    assert "Messages to read" not in text_of(desk.get("/desk/cases/"))


@pytest.mark.django_db
def test_nothing_of_a_message_is_in_the_database_but_its_number_its_day_and_who_wrote(
    holder: Holder,
) -> None:
    holder.post("message/", text="canary in a coal mine")
    holder.post("message/", text="x")
    (first, second) = Message.objects.order_by("number")
    assert [first.number, second.number] == [1, 2]
    assert len(first.for_desk) == len(second.for_desk) == messages.STEP + 48
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM portal_message")
        stored = b"".join(repr(cell).encode() for row in cursor for cell in row)
    assert b"canary" not in stored
    assert not any("T" in str(cell) for cell in (first.day, second.day))


@pytest.mark.django_db
def test_neither_key_opens_what_is_sealed_to_the_other_or_to_another_receipt(
    client: Client, holder: Holder, settings: object, tmp_path: Path
) -> None:
    other = holds(client, "https://elsewhere.example/x.jpg")
    holder.post("message/", text="Hello")
    message = Message.objects.get()
    from takedown import receipt

    wrong = receipt.parse(other.words).message_private_key
    assert messages.for_person([message], wrong)[0].text is None
    assert messages.for_person([message], bytes(message_keys.private()))[0].text is None
    settings.MESSAGE_KEYS = tmp_path / "another"
    assert messages.for_desk([message])[0].text is None
    message_keys.make()
    assert messages.for_desk([message])[0].text is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Write your message first"),
        (" \r\n\t", "Write your message first"),
        ("\x00\x07", "Write your message first"),
        ("x" * 2001, "The message has 2001 characters; please shorten it to 2000."),
    ],
)
def test_a_message_that_cannot_be_taken(holder: Holder, text: str, said: str) -> None:
    page = holder.post("message/", text=text)
    assert page.status_code == 422
    assert said in text_of(page)
    assert 'id="text-wrong"' in page.content.decode()
    assert "x" * 2001 in page.content.decode() or "x" not in text
    assert not Message.objects.exists()


@pytest.mark.django_db
def test_the_longest_message_is_taken(holder: Holder, signed_in: SignIn, alice: User) -> None:
    text = "ü🙂" * 1000
    assert text in holder.post("message/", text=text).content.decode()
    assert text in signed_in(alice).get(f"/desk/request/{holder.submission.pk}/").content.decode()


@pytest.mark.django_db
def test_a_form_that_is_sent_again_writes_one_message(holder: Holder, alice: User) -> None:
    for _ in range(2):
        assert "We have your message" in holder.sees("message/", text="Hello")
    assert Message.objects.count() == 1
    messages.write(holder.submission, "Yes?", author=alice)
    holder.post("message/", text="Hello")
    assert Message.objects.count() == 3


@pytest.mark.django_db
def test_the_person_cannot_take_the_desk_the_last_word(holder: Holder, alice: User) -> None:
    for number in range(messages.MOST_OF_PERSON):
        messages.write(holder.submission, f"number {number}")
    page = holder.post("message/", text="one more")
    assert (page.status_code, Message.objects.count()) == (422, messages.MOST_OF_PERSON)
    assert "as many messages as we can take" in text_of(page)
    assert "one more" in page.content.decode()
    for _ in range(messages.MOST - messages.MOST_OF_PERSON):
        messages.write(holder.submission, "still here", author=alice)
    with pytest.raises(messages.MessageError):
        messages.write(holder.submission, "too many", author=alice)


@pytest.mark.django_db
def test_many_messages_come_some_at_a_time(holder: Holder) -> None:
    for number in range(1, 13):
        messages.write(holder.submission, f"number {number}.")
    newest = holder.sees()
    assert "number 12." in newest
    assert "number 7." not in newest
    assert "number 7." in holder.sees(before="8")
    assert "Earlier messages" not in holder.sees(before="3")
    for odd in ("", "x", "-1", "0", "99999"):
        assert holder.post(before=odd).status_code == 200


@pytest.mark.django_db
def test_without_a_key_of_the_desk_no_message_is_taken_and_the_text_stays(
    holder: Holder, settings: object, tmp_path: Path, signed_in: SignIn, alice: User
) -> None:
    settings.MESSAGE_KEYS = tmp_path / "none"
    page = holder.post("message/", text="Hello")
    assert page.status_code == 503
    assert "We cannot take messages at this moment" in text_of(page)
    assert ">\nHello</textarea>" in page.content.decode()
    desk = signed_in(alice).post(f"/desk/request/{holder.submission.pk}/write/", {"text": "Hello"})
    assert (desk.status_code, Message.objects.count()) == (409, 0)
    assert "manage.py prepare" in text_of(desk)


@pytest.mark.django_db
def test_a_question_is_told_in_the_readers_language_and_the_case_waits_until_it_is_answered(
    holder: Holder, signed_in: SignIn, alice: User
) -> None:
    desk, case = signed_in(alice), Case.objects.get()
    page = f"/desk/request/{holder.submission.pk}/write/"
    assert desk.post(page, {"question": "which-picture", "item": "1"}).status_code == 302
    assert "Waiting for the person" in text_of(desk.get("/desk/cases/"))
    assert "Waiting for the person" in text_of(desk.get(f"/desk/case/{case.pk}/"))
    seen = holder.sees()
    assert "We have a question" in seen
    assert seen.count("Which one do you mean?") == 2  # beside the item, and among the messages
    case.refresh_from_db()
    assert case.state == Case.State.OPEN
    assert "We have a question" not in holder.sees("message/", text="The red one.")
    assert "Waiting for the person" not in text_of(desk.get(f"/desk/case/{case.pk}/"))
    assert Item.objects.get().problem == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"text": "  "},
        {"question": "which-picture"},
        {"question": "which-picture", "item": "9"},
        {"question": "which-picture", "item": "²"},
        {"question": "made up", "item": "1"},
        {"question": "own-words", "item": "1"},
        {"text": "x" * 2001},
    ],
)
def test_a_reviewer_is_told_what_is_missing(
    holder: Holder, signed_in: SignIn, alice: User, sent: dict[str, str]
) -> None:
    page = signed_in(alice).post(f"/desk/request/{holder.submission.pk}/write/", sent)
    assert page.status_code == 409
    assert "There is a problem" in text_of(page)
    assert not Message.objects.exists()
    assert Item.objects.get().problem == ""


@given(st.text(max_size=messages.MAX_CHARACTERS))
def test_what_is_sealed_is_padded_to_whole_steps_and_read_back(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    padded = messages._padded(data)
    assert len(padded) % messages.STEP == 0
    assert len(padded) - len(data) <= messages.STEP + 4
    (length,) = messages._LENGTH.unpack_from(padded)
    assert padded[4 : 4 + length] == data


def test_an_open_question_is_not_taken_for_an_error() -> None:
    folders = [Path(settings.BASE_DIR) / name for name in ("takedown", "portal")]
    sources = [path.read_text() for folder in folders for path in folder.rglob("*.py")]
    slugs = {slug for source in sources for slug in re.findall(r'slug="([a-z0-9-]+)"', source)}
    assert len(slugs) > 20
    assert not [slug for slug in slugs if slug.startswith(messages.ASKED)]


@pytest.mark.django_db
def test_a_worker_that_comes_late_leaves_an_open_question(holder: Holder, alice: User) -> None:
    late = holder.item
    late.lease_token = uuid4()  # of a lease that has gone to someone else
    messages.ask(late, alice, next(iter(messages.QUESTIONS)), "Which?")
    late.fail("sandbox-failed")
    assert Item.claim(late.pk, Item.State.READY) is None
    assert messages.asked(holder.item) == next(iter(messages.QUESTIONS))
