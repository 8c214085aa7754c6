"""What reviewers decide. Rows are added and confirmed, never edited or deleted."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from portal.models.case import Case
from portal.models.item import Item
from portal.models.match import Match


class Decision(models.Model):
    """One outcome for a case.

    A removal, and the un-blocking of something published, is confirmed only by a second person. The
    constraint names both columns as NOT NULL: ``approver <> proposer`` alone is unknown, and so passes, when
    one of them is NULL.
    """

    class Outcome(models.TextChoices):
        REMOVE = "remove", "Remove the rows"
        REFUSE = "refuse", "Do not remove"
        UNBLOCK = "unblock", "Take back after a withdrawal"

    class State(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        CONFIRMED = "confirmed", "Confirmed"
        DECLINED = "declined", "Sent back"

    class Scope(models.TextChoices):
        ADDRESS = "address", "These addresses only"
        FILE = "file", "All copies of these files"
        CAPTION = "caption", "These captions with their addresses"

    case = models.ForeignKey(Case, models.PROTECT, related_name="decisions")
    item = models.ForeignKey(
        Item, models.PROTECT, null=True, related_name="+", help_text="whose withdrawal an un-blocking follows"
    )
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    scope = models.CharField(max_length=10, choices=Scope.choices, blank=True)
    ground = models.CharField(max_length=40)
    policy_version = models.CharField(max_length=20)
    reason = models.TextField(blank=True, help_text="for colleagues")
    answer = models.CharField(max_length=40, blank=True, help_text="what the person is told (answers.py)")
    answer_parameters = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PROPOSED)
    proposer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    proposed = models.DateField()
    confirmed = models.DateField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="decision_two_people",
                condition=~Q(state="confirmed")
                | Q(outcome="refuse", proposer__isnull=False)
                | Q(proposer__isnull=False, approver__isnull=False) & ~Q(approver=F("proposer")),
            ),
            models.UniqueConstraint(
                fields=["case"], condition=Q(state="proposed"), name="one_open_proposal_a_case"
            ),
        ]
        indexes = [models.Index(fields=["confirmed"], name="decision_confirmed")]

    def __str__(self) -> str:
        return f"decision {self.pk}"


class DecisionMatch(models.Model):
    """A match, and so a row, that a removal names."""

    decision = models.ForeignKey(Decision, models.CASCADE, related_name="chosen")
    match = models.ForeignKey(Match, models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["decision", "match"], name="chosen_once")]

    def __str__(self) -> str:
        return f"match {self.match_id} in decision {self.decision_id}"
