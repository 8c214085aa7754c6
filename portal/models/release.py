"""One signed publication of all editions, with a sequence number."""

from __future__ import annotations

from django.db import models

from portal.models.work import Work


class Release(Work):
    """requested -> staged (waits for signatures, made on another machine) -> publishing -> published."""

    class State(models.TextChoices):
        REQUESTED = "requested", "Being built"
        STAGED = "staged", "Waiting for signatures"
        PUBLISHING = "publishing", "Being published"
        PUBLISHED = "published", "Published"
        DISCARDED = "discarded", "Discarded"
        NEEDS_PERSON = "needs-person", "Needs a person"

    DUE_STATES = (State.REQUESTED, State.PUBLISHING)
    GIVEN_UP = State.NEEDS_PERSON
    LEASES = 10
    ENDED = (State.PUBLISHED, State.DISCARDED)

    folder = models.CharField(max_length=60, blank=True, help_text="its folder under the staging folder")
    seq = models.PositiveIntegerField(null=True)
    created = models.DateField()
    changes = models.JSONField(default=list, help_text="per edition: its name, grounds, counts, cover, wait")
    advice = models.TextField(blank=True, help_text="what to do about the last problem, in one sentence")

    class Meta:
        default_permissions = ()
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["seq"], condition=models.Q(state="published"), name="release_seq_once"
            ),
            models.UniqueConstraint(
                models.Value(1),
                condition=~models.Q(state__in=("published", "discarded")),
                name="one_release_under_way",
            ),
        ]

    def __str__(self) -> str:
        return f"release row {self.pk}"


class WaitingCount(models.Model):
    """One row: what waited for the next release when the worker last counted (waiting.py)."""

    day = models.DateField()
    policy = models.CharField(max_length=64, help_text="SHA-256 of the policy it was counted for")
    mark = models.JSONField(help_text="the moment of the count")
    waiting = models.JSONField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"count {self.pk}"


class Mirror(models.Model):
    """A place that releases are uploaded to as well, and how far that went.

    ``problem`` stands from before an upload begins until it is done, so an upload that nobody lived to finish
    is seen too. ``since`` is the day of the first of the failures that are not made good.
    """

    url = models.CharField(max_length=500, unique=True)
    seq = models.PositiveIntegerField(null=True, help_text="the release that was there after the last upload")
    confirmed = models.DateField(null=True, help_text="day of the last upload that was done")
    problem = models.CharField(max_length=60, blank=True)
    advice = models.TextField(blank=True)
    since = models.DateField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["url"]

    def __str__(self) -> str:
        return f"mirror {self.pk}"
