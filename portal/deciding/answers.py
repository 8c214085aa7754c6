"""What a person is told when something is not removed, and what a reviewer may ask.

A decision stores the name of an answer, its parameters and the version of the policy. The words are here, and
are said in the reader's language when the status is opened. Another answer is another line in ``ANSWERS``;
one that was ever given keeps its line, or people would no longer be told why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as said_now
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True)
class Answer:
    """Why something stays.

    Attributes:
        name: what a decision stores.
        label: for reviewers, in English.
        text: for the person; may hold ``%(name)s`` for parameters of the decision.
        own_words: whether the reviewer has to write to the person too.
        routes: names of ROUTES that are open to the person.
    """

    name: str
    label: str
    text: Text
    own_words: bool = False
    routes: tuple[str, ...] = ("appeal", "authority", "court")


#: Where a person may turn to. The appeal is ours, and costs nothing (DSA Art. 20); complaint and court are
#: owed to whoever is told no (GDPR Art. 12(4)).
ROUTES: Mapping[str, Text] = {
    "appeal": _("You can ask for a second look. Someone who did not decide this the first time will decide."),
    "authority": _("You can complain to the data protection authority of your country. It costs nothing."),
    "court": _("You can also go to court."),
}

_ALL = (
    Answer(
        "not-same-picture",
        "Not the same picture",
        _("The pictures that we found are not the one that you asked about."),
    ),
    Answer(
        "address-gone",
        "The address is not in our dataset any more",
        _("This address is not in our dataset any more, so there is nothing to remove."),
    ),
    Answer(
        "nothing-there",
        "A person looked too and found nothing",
        _("A person has looked too, and found nothing like it in the rows that we can compare."),
    ),
    Answer(
        "public-interest",
        "Public interest outweighs",
        _("Many people need to be able to see this, for example in the news. That weighs more here."),
    ),
    Answer(
        "unclear",
        "We could not see why; tell us more",
        _("We could not see why it should be removed. You can ask for a second look and tell us more."),
    ),
    Answer(
        "not-a-picture",
        "Not about a picture in the dataset",
        _("Your request is not about a picture or its description. We can remove only those."),
    ),
    Answer(
        "other",
        "Something else: write to the person",
        _("We wrote you a message that says why. You can read it on this page."),
        own_words=True,
    ),
)

#: Name -> answer, in the order in which reviewers see them.
ANSWERS: Mapping[str, Answer] = {answer.name: answer for answer in _ALL}

#: What a reviewer may ask, beside own words: name -> (for reviewers, for the person).
QUESTIONS: Mapping[str, tuple[str, Text]] = {
    "which-picture": (
        "Which of several pictures is meant?",
        _("We found several pictures at this address. Which one do you mean? Please tell us what it shows."),
    ),
    "which-address": (
        "Where did you see the picture?",
        _("Where did you see the picture? The address of the page helps us to find it."),
    ),
    "why-remove": (
        "Why should it be removed?",
        _("Please tell us more about why it should be removed. You need not say who you are."),
    ),
    "own-words": (
        "Something else: in your own words",
        _("We have a question. Please read our message and answer it."),
    ),
}


def told(name: str, parameters: Mapping[str, Any]) -> str:
    """Why it stays, in the reader's language; a general sentence where no answer was chosen."""
    answer = ANSWERS.get(name)
    if answer is None:
        return said_now("A reviewer decided that it stays in the dataset.")
    return str(answer.text) % parameters


def routes(name: str) -> list[str]:
    """Where the person may turn to after an answer, one sentence each. The first look may be followed by one
    more, so the appeal is left out here: the status offers it where it is open."""
    answer = ANSWERS.get(name)
    names = answer.routes if answer else tuple(ROUTES)
    return [str(ROUTES[route]) for route in names if route != "appeal"]


def can_appeal(name: str) -> bool:
    """Whether someone new may be asked to decide again."""
    answer = ANSWERS.get(name)
    return answer is None or "appeal" in answer.routes


def question(name: str) -> str:
    """A question in the reader's language; empty for none that we know."""
    return str(QUESTIONS[name][1]) if name in QUESTIONS else ""
