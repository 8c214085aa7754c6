"""The audit trail: who did what to which row, by day, each event bound to the one before it."""

from __future__ import annotations

import hashlib
import json

from django.conf import settings
from django.db import models, transaction

from portal.days import today
from portal.models.turns import Turn, take_turns

#: The head of an empty trail.
GENESIS = "0" * 64


class Event(models.Model):
    """``digest`` is SHA-256 over the previous digest and this event as canonical JSON."""

    seq = models.PositiveBigIntegerField(unique=True)
    day = models.DateField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=60)
    digest = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()
        ordering = ["seq"]
        indexes = [models.Index(fields=["action", "day"], name="event_action_day")]

    def __str__(self) -> str:
        return f"event {self.seq}"

    @classmethod
    def record(cls, action: str, subject: models.Model, *, actor: models.Model | None = None) -> Event:
        """Append one event; call it inside the transaction that does what it tells."""
        with transaction.atomic():
            take_turns(Turn.TRAIL)
            last = cls.objects.order_by("-seq").first()
            event = cls(
                seq=last.seq + 1 if last else 1,
                day=today(),
                actor_id=actor.pk if actor else None,
                action=action,
                subject=str(subject),
            )
            event.digest = event.computed(last.digest if last else GENESIS)
            event.save(force_insert=True)
        return event

    def computed(self, previous: str) -> str:
        """The digest this event must have after ``previous``."""
        told = [previous, self.seq, self.day.isoformat(), self.actor_id, self.action, self.subject]
        return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()

    @classmethod
    def head(cls) -> str:
        last = cls.objects.order_by("-seq").first()
        return last.digest if last else GENESIS

    @classmethod
    def first_broken(cls) -> int | None:
        """Sequence number of the first event that does not follow from those before it; None if all do."""
        previous, expected = GENESIS, 1
        for event in cls.objects.order_by("seq").iterator():
            if event.seq != expected or event.digest != event.computed(previous):
                return expected
            previous, expected = event.digest, expected + 1
        return None
