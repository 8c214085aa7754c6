"""Refusing, with a word to the person: the decision and the sealed messages in one transaction."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from portal.deciding import review, supports
from portal.deciding.answers import ANSWERS
from portal.letters import message_keys, messages
from portal.models import Case, Decision, Submission, User

#: Why a message of the desk cannot be sent, for reviewers.
PROBLEMS = {
    "empty": "Choose a question, and write one if it is in your own words.",
    "long": f"The message has more than {messages.MAX_CHARACTERS:,} characters; please shorten it.",
    "many": f"This request has {messages.MOST} messages already; no more can be written.",
}
NO_KEY = "The desk has no message key yet; run manage.py prepare, then try again."


def refuse(
    case: Case, user: User, answer: str, seen: Collection[int], reason: str = "", message: str = ""
) -> Decision:
    """As ``review.refuse``, and a message in own words to everyone whose item the case holds.

    Raises:
        ReviewError: as there; or the answer needs own words and has none, or they cannot be sent.
    """
    if answer in ANSWERS and ANSWERS[answer].own_words and not message:
        raise review.ReviewError("This answer says no more than “read our message”: write the message too.")
    with transaction.atomic():
        decision = review.refuse(case, user, answer, seen, reason)
        if message:
            for submission in Submission.objects.filter(items__in=supports.standing_items(case)).distinct():
                write(submission, user, message)
    return decision


def write(submission: Submission, user: User, message: str) -> None:
    """A message of the desk. Raises ReviewError where it cannot be sent."""
    try:
        messages.write(submission, message, author=user)
    except messages.MessageError as error:
        raise review.ReviewError(PROBLEMS[error.slug]) from None
    except message_keys.NoMessageKeyError:
        raise review.ReviewError(NO_KEY) from None
