"""How an item may stand, in words: a title, one sentence, and where it is counted in the summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise

#: Where items are counted: stage -> what it is called. In the order in which a person wants to know.
STAGES: Mapping[str, Text] = {
    "yours": _("Waiting for you"),
    "waiting": _("Waiting for us"),
    "removed": _("Removed"),
    "stays": _("Not removed"),
    "nothing": _("Not found"),
    "back": _("Taken back"),
}


@dataclass(frozen=True)
class Standing:
    """``tone`` (waiting, done, calm, problem) colours the badge. Texts may hold ``%(seq)s``, ``%(day)s``."""

    stage: str
    tone: str
    title: Text
    sentence: Text


STANDINGS: Mapping[str, Standing] = {
    "received": Standing(
        "waiting",
        "waiting",
        _("Received"),
        _("Your picture waits to be turned into a fingerprint. Then it is deleted."),
    ),
    "checking": Standing(
        "waiting",
        "waiting",
        _("Checking"),
        _("We are comparing it with the dataset. This takes a minute or two."),
    ),
    "slow": Standing(
        "waiting",
        "waiting",
        _("Checking"),
        _("We will compare it with the dataset. Others come first, so this may take some hours."),
    ),
    "found": Standing(
        "waiting", "waiting", _("Found"), _("We found rows that look right. A person is looking at them.")
    ),
    "found-later": Standing(
        "waiting",
        "waiting",
        _("Found"),
        _("We looked again in a newer part of the dataset and found rows. A person is looking at them."),
    ),
    "with-person": Standing(
        "waiting",
        "waiting",
        _("With a person"),
        _("The program found nothing. You asked for a person to look, and one will."),
    ),
    "second-look": Standing(
        "waiting",
        "waiting",
        _("Second look"),
        _("You asked for a second look. Someone who did not decide this the first time will decide."),
    ),
    "question": Standing(
        "yours",
        "problem",
        _("We have a question"),
        _("We need your answer to go on. You can write it on this page."),
    ),
    "proof": Standing(
        "yours",
        "problem",
        _("Waiting for proof"),
        _("Please show that this site is yours. We do not need to know who you are."),
    ),
    "unreadable": Standing(
        "yours",
        "problem",
        _("Please send again"),
        _("We could not read this picture, and it is deleted. Please send it again as JPEG or PNG."),
    ),
    "key-gone": Standing(
        "yours",
        "problem",
        _("Please send again"),
        _("We did not get to this picture in time, and it is deleted. Please send it again."),
    ),
    "our-problem": Standing(
        "waiting",
        "problem",
        _("A problem on our side"),
        _("A person will look into it. You need not do anything."),
    ),
    "withdrawal-asked": Standing(
        "waiting",
        "waiting",
        _("Withdrawal asked"),
        _("It is in a release, so two people will confirm taking it back."),
    ),
    "coming": Standing(
        "removed", "done", _("Decided"), _("We will remove it. It goes into the next release.")
    ),
    "coming-by": Standing(
        "removed",
        "done",
        _("Decided"),
        _(
            "We will remove it. It waits for other removals, so that nobody sees which one you asked for, "
            "and goes into a release by %(day)s at the latest."
        ),
    ),
    "stood": Standing(
        "removed",
        "done",
        _("Already removed"),
        _(
            "It was in our list before you asked. Everyone who holds a copy and applies our list drops these "
            "rows."
        ),
    ),
    "released": Standing(
        "removed",
        "done",
        _("Removed in release %(seq)s"),
        _("Everyone who holds a copy and applies our list drops these rows."),
    ),
    "stays": Standing("stays", "calm", _("Not removed"), ""),
    "not-found": Standing(
        "nothing", "calm", _("Not found"), _("We found no row like it among the rows that we can compare.")
    ),
    "forgotten": Standing(
        "nothing",
        "calm",
        _("Not found, and erased"),
        _("We found no row like it. We have erased what you asked us to look for."),
    ),
    "withdrawn": Standing("back", "calm", _("Withdrawn"), _("You took this back.")),
}
