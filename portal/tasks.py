"""Every Celery task: take an id, call one stage, poke the next. No rules live here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from celery import shared_task
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from kombu.exceptions import OperationalError

from portal import sealing
from portal.days import today
from portal.finding import keeping, matching
from portal.models import Item, Release
from portal.models.work import Work
from portal.releasing import freshness, mirrors, publishing, waiting
from portal.transparency import report

log = logging.getLogger(__name__)

#: Items that one sweep pokes; and how many of the slow lane at least, however many others wait.
SWEPT, SWEPT_SLOW = 500, 25

#: Until when (monotonic seconds) this process sends no pokes.
_silent_until = 0.0


@shared_task(name="portal.take_in")
def take_in(submission: int) -> None:
    """Poke what has just come in. The slow lane waits for the sweeper."""
    for item in Item.due().filter(submission=submission, submission__slow=False):
        poke_row(item)


@shared_task(name="portal.fingerprint_item")
def fingerprint_item(pk: int) -> None:
    if matching.fingerprint_item(pk):
        poke(match_item, pk)


@shared_task(name="portal.match_item")
def match_item(pk: int) -> None:
    matching.match_item(pk)


@shared_task(name="portal.build_release")
def build_release(pk: int) -> None:
    publishing.build(pk)


@shared_task(name="portal.publish_release")
def publish_release(pk: int) -> None:
    if publishing.publish(pk):
        mirrors.push()


@shared_task(name="portal.count_waiting")
def count_waiting() -> None:
    waiting.count(today())


@shared_task(name="portal.sweep")
def sweep() -> None:
    """Poke whatever is due and unclaimed: lost messages, dead workers, failures that want another try.

    Items of the slow lane come after all others, but some of them always do: they are owed an answer, too.
    """
    due = Item.due().order_by("pk")
    others = list(due.filter(submission__slow=False)[: SWEPT - SWEPT_SLOW])
    slow = due.filter(submission__slow=True)[: SWEPT - len(others)]
    for row in (*others, *slow, *Release.due().order_by("pk")[:500]):
        poke_row(row)


@shared_task(name="portal.look_again")
def look_again(index: int, after: int = 0) -> None:
    """Look for what is kept and what was removed in an index, some items at a time."""
    further = keeping.look_again(index, after)
    if further is not None:
        poke(look_again, index, further)


@shared_task(name="portal.tidy")
def tidy() -> None:
    """Make and destroy intake keys, ask again for what nobody can open, erase what is kept no longer, look
    again where an index has grown, count the month that has ended."""
    sealing.rotate()
    matching.expire_sealed()
    keeping.forget()
    for index in keeping.to_look_through():
        poke(look_again, index.pk)
    publishing.tidy()
    report.freeze()
    call_command("clearsessions", verbosity=0)


@shared_task(name="portal.refresh_timestamp")
def refresh_timestamp() -> None:
    if freshness.renew():
        mirrors.push()


@shared_task(name="portal.retry_mirrors")
def retry_mirrors() -> None:
    mirrors.retry()


#: Which task serves a row in which state.
_TASKS: dict[str, Callable[..., Any]] = {
    Item.State.SEALED: fingerprint_item,
    Item.State.READY: match_item,
    Release.State.REQUESTED: build_release,
    Release.State.PUBLISHING: publish_release,
}


def poke_row(row: Work) -> None:
    """Wake a worker for a row, once its transaction is committed."""
    transaction.on_commit(partial(poke, _TASKS[row.state], row.pk))


def poke(task: Callable[..., Any], *pks: int) -> None:
    """Send one message. A broker that is down costs time, not work: the sweeper looks again.

    After a lost poke this process sends none for as long as the sweeper takes, so that people do not wait
    for a dead broker one after the other.
    """
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        task.delay(*pks)  # type: ignore[attr-defined]
    except (OperationalError, OSError):
        _silent_until = time.monotonic() + settings.SWEEP_SECONDS
        log.warning("poke.lost")
