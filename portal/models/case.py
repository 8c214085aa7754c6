"""The unit of review: items about the same picture, from whoever sent them, with their matches."""

from __future__ import annotations

from django.db import models

from portal.models.item import Item


class Case(models.Model):
    class State(models.TextChoices):
        OPEN = "open", "Waiting for a reviewer"
        PROPOSED = "proposed", "Waiting for a second person"
        REMOVED = "removed", "Removal confirmed"
        REFUSED = "refused", "Not removed"
        WITHDRAWN = "withdrawn", "Withdrawn"

    LIVE = (State.OPEN, State.PROPOSED)

    state = models.CharField(max_length=20, choices=State.choices, default=State.OPEN)
    ground = models.CharField(max_length=40)
    target = models.DateField(help_text="the day the ground's target hours end")
    due = models.DateField(help_text="the legal deadline")
    appeal_of = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="appeals", help_text="decided again by someone new"
    )

    class Meta:
        default_permissions = ()
        ordering = ["target", "due", "id"]
        indexes = [models.Index(fields=["state", "target", "due", "id"], name="case_queue")]

    def __str__(self) -> str:
        return f"case {self.pk}"


class CaseItem(models.Model):
    """An item stands in one case at most. ``withdrawal`` is asked for by the receipt's holder."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="case_items")
    item = models.OneToOneField(Item, models.CASCADE, related_name="case_item")
    withdrawal_asked = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()
        ordering = ["id"]

    def __str__(self) -> str:
        return f"item {self.item_id} in case {self.case_id}"
