"""Messages between the desk and the holder of a receipt, sealed on both sides.

1. A message is text, or a question from answers.py, or both; it is padded, so that its length tells nothing.
2. It is sealed twice: to the public key that came with the receipt, and to the desk's (message_keys.py).
3. Who enters the words of the receipt opens the one, a reviewer the other; the database opens neither.

Only the number, the day and the side that wrote are in clear; never a time of day.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import Max
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from portal.days import today
from portal.deciding import answers
from portal.deciding.answers import QUESTIONS
from portal.letters import message_keys
from portal.models import Event, Item, Message, Submission, User
from portal.models.turns import Turn, take_turns

#: Characters of one message.
MAX_CHARACTERS = 2000
#: Messages under one receipt, and how many of them the person may write: the desk can always answer.
MOST, MOST_OF_PERSON = 50, 40
#: Bytes of which the sealed text is a multiple.
STEP = 512

#: What the ``problem`` of an item begins with that waits for its holder; the name of the question follows.
ASKED = "asked-"

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_LENGTH = struct.Struct(">I")


class MessageError(Exception):
    """The message cannot be taken. ``slug`` is empty, long, or many."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


@dataclass(frozen=True)
class Opened:
    """A message as one side reads it. ``text`` is None where it cannot be opened here."""

    number: int
    day: date
    from_desk: bool
    read: bool
    question: str
    text: str | None

    @property
    def asks(self) -> str:
        """The question in the reader's language; own words follow in the text."""
        return answers.question(self.question) if self.question != "own-words" else ""


def cleaned(text: str) -> str:
    """What was typed, without control characters and spaces around it."""
    return _CONTROL.sub("", text.replace("\r\n", "\n")).strip()


def check(text: str, question: str = "") -> None:
    """Nothing when this can be sent. Raises MessageError."""
    if not text and question not in QUESTIONS:
        raise MessageError("empty")
    if len(text) > MAX_CHARACTERS:
        raise MessageError("long")


def write(submission: Submission, text: str, *, author: User | None = None, question: str = "") -> Message:
    """Seal and store one message; what the person writes answers the questions that were open.

    Args:
        text: cleaned; may be empty beside a question.
        author: the reviewer who writes; None for the person.
        question: name of one of QUESTIONS, or empty.

    Raises:
        MessageError: there is nothing in it, it is too long, or there are too many.
        NoMessageKeyError: the desk has no key to seal to.
    """
    check(text, question)
    plain = _padded(json.dumps([question, text], ensure_ascii=False).encode())
    sealed = {
        "for_person": SealedBox(PublicKey(bytes(submission.message_public_key))).encrypt(plain),
        "for_desk": SealedBox(message_keys.public()).encrypt(plain),
    }
    with transaction.atomic():
        take_turns(Turn.DESK)
        last = submission.messages.aggregate(last=Max("number"))["last"] or 0
        own = submission.messages.filter(from_desk=False).count()
        if last >= MOST or (author is None and own >= MOST_OF_PERSON):
            raise MessageError("many")
        if author is None:
            answered(submission)
        Event.record("message.written", submission, actor=author)
        return Message.objects.create(
            submission=submission,
            number=last + 1,
            day=today(),
            from_desk=author is not None,
            author=author,
            **sealed,
        )


def ask(item: Item, user: User, question: str, text: str) -> Message:
    """Ask the person something about an item; its case waits for the answer, whatever its state.

    Raises:
        MessageError: as ``write``; also when no question was chosen.
    """
    if question not in QUESTIONS or (question == "own-words" and not text):
        raise MessageError("empty")
    with transaction.atomic():
        take_turns(Turn.DESK)
        message = write(item.submission, text, author=user, question=question)
        Item.objects.filter(pk=item.pk, state=Item.State.IN_REVIEW).update(problem=ASKED + question)
        Event.record("question.asked", item, actor=user)
    return message


def asked(item: Item) -> str:
    """The name of the question that an item waits for; empty for none."""
    waits = item.state == Item.State.IN_REVIEW and item.problem.startswith(ASKED)
    return item.problem.removeprefix(ASKED) if waits else ""


def answered(submission: Submission) -> None:
    """The person wrote: no item waits for them any more."""
    submission.items.filter(state=Item.State.IN_REVIEW, problem__startswith=ASKED).update(problem="")


def for_person(messages: Iterable[Message], private_key: bytes) -> list[Opened]:
    """Open messages with the key that the words of the receipt give."""
    box = SealedBox(PrivateKey(private_key))
    return [_opened(message, _unsealed(box, bytes(message.for_person))) for message in messages]


def for_desk(messages: Iterable[Message]) -> list[Opened]:
    """Open messages with the desk's key."""
    try:
        box = SealedBox(message_keys.private())
    except message_keys.NoMessageKeyError:
        return [_opened(message, None) for message in messages]
    return [_opened(message, _unsealed(box, bytes(message.for_desk))) for message in messages]


def mark_read(submission: Submission, *, from_desk: bool) -> None:
    """What one side wrote was read by the other."""
    submission.messages.filter(from_desk=from_desk, read=False).update(read=True)


def _padded(data: bytes) -> bytes:
    """The length, the data, and zeros up to a multiple of STEP."""
    data = _LENGTH.pack(len(data)) + data
    return data + bytes(-len(data) % STEP)


def _unsealed(box: SealedBox, sealed: bytes) -> bytes | None:
    try:
        data = box.decrypt(sealed)
    except CryptoError:
        return None
    (length,) = _LENGTH.unpack_from(data)
    return data[_LENGTH.size : _LENGTH.size + length]


def _opened(message: Message, data: bytes | None) -> Opened:
    question, text = json.loads(data) if data is not None else ("", None)
    return Opened(message.number, message.day, message.from_desk, message.read, question, text)
