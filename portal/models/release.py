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
    changes = models.JSONField(default=list, help_text="per edition: name, added, removed, rows")

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
