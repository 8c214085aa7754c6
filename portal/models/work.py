"""A row that says what is due about itself: the database is the queue.

1. ``due`` finds rows in a state that a task handles, unclaimed or with a claim that ran out.
2. ``claim`` is one short transaction: state, lease and a fresh token by compare-and-set.
3. The work happens outside any transaction.
4. ``finish`` is one short transaction around the result; it changes nothing for a worker whose token is no
   longer the row's, so one that was thought dead and comes back does no harm.

A broker message is only a poke that carries a row id; lost, doubled or reordered ones are all the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from portal.models.turns import Turn, take_turns


class StaleLeaseError(Exception):
    """Someone else holds the row now; what this worker found is thrown away."""


class Work(models.Model):
    """Abstract: a row with a state, a lease, a fencing token and a count of attempts.

    ``lease_until`` is a time of day, so it is emptied whenever the work is done: only days are kept.
    """

    State: ClassVar[type[models.TextChoices]]
    #: States in which a task has something to do.
    DUE_STATES: ClassVar[tuple[str, ...]] = ()
    #: How many times ``LEASE_SECONDS`` one piece of work may take.
    LEASES: ClassVar[int] = 1
    #: The state of a row that failed MAX_ATTEMPTS times.
    GIVEN_UP: ClassVar[str] = ""

    state = models.CharField(max_length=20)
    lease_until = models.DateTimeField(null=True, editable=False)
    lease_token = models.UUIDField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    problem = models.CharField(max_length=60, blank=True, help_text="slug of the last error")

    class Meta:
        abstract = True

    @property
    def state_label(self) -> str:
        """The state in words for people."""
        return str(self.State(self.state).label)

    @classmethod
    def due(cls) -> models.QuerySet[Self]:
        """Rows that want a task now."""
        return cls._default_manager.filter(cls._unclaimed(), state__in=cls.DUE_STATES)

    @classmethod
    def claim(cls, pk: int, state: str) -> Self | None:
        """Take a row for its lease; None when it is not in that state, someone else
        holds it, or its workers died so often that a person has to look."""
        token = uuid.uuid4()
        seconds = settings.LEASE_SECONDS * cls.LEASES
        taken = cls._default_manager.filter(cls._unclaimed(), pk=pk, state=state).update(
            lease_token=token,
            lease_until=timezone.now() + timedelta(seconds=seconds),
            attempts=F("attempts") + 1,
        )
        if not taken:
            return None
        row = cls._default_manager.get(pk=pk, lease_token=token)
        if row.attempts > settings.MAX_ATTEMPTS:
            row.fail("worker-died")  # so often that nobody lived to count it as a failure
            return None
        return row

    @contextmanager
    def finish(self, state: str, *, turn: Turn | None = None, **values: Any) -> Iterator[None]:
        """Store a result and move the state on, in one transaction; ``turn`` is taken before anything else.

        Raises:
            StaleLeaseError: the lease went to someone else; everything inside the block is rolled back.
        """
        released = {"lease_token": None, "lease_until": None, "attempts": 0, "problem": ""}
        with transaction.atomic():
            if turn is not None:
                take_turns(turn)
            held = type(self)._default_manager.filter(pk=self.pk, lease_token=self.lease_token)
            if not held.update(**{**released, **values, "state": state}):
                raise StaleLeaseError
            self.state = state
            yield

    def fail(self, slug: str) -> None:
        """Give the row back after a failure; at the last attempt it goes to a person."""
        last = self.attempts >= settings.MAX_ATTEMPTS
        type(self)._default_manager.filter(pk=self.pk, lease_token=self.lease_token).update(
            state=self.GIVEN_UP if last else F("state"),
            problem=slug[:60],
            lease_token=None,
            lease_until=None,
        )

    @staticmethod
    def _unclaimed() -> Q:
        return Q(lease_until=None) | Q(lease_until__lt=timezone.now())
