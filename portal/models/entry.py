"""Published keys, what keeps them alive, and in which releases they stand."""

from __future__ import annotations

from django.db import models

from portal.models.decision import Decision
from portal.models.item import Item
from portal.models.release import Release


class Entry(models.Model):
    """One published key. It lives while any support for it does."""

    kind = models.CharField(max_length=12)
    digest = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["kind", "digest"], name="entry_once")]

    def __str__(self) -> str:
        return f"entry {self.pk}"


class Support(models.Model):
    """A confirmed removal keeps an entry alive for one item until that is withdrawn or overturned.

    An item supports the entries of those chosen rows that it matched itself. ``stood`` tells that the entry
    was public before this support came; ``ended_day`` is since when what it no longer supports waits to go.
    """

    entry = models.ForeignKey(Entry, models.CASCADE, related_name="supports")
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="supports")
    item = models.ForeignKey(Item, models.PROTECT, related_name="supports")
    stood = models.BooleanField(default=False)
    ended = models.BooleanField(default=False)
    ended_day = models.DateField(null=True)
    ended_by = models.ForeignKey(Decision, models.PROTECT, null=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["entry", "decision", "item"], name="support_once"),
        ]
        indexes = [models.Index(fields=["ended", "decision"], name="support_live")]

    def __str__(self) -> str:
        return f"support {self.pk}"


class Listing(models.Model):
    """That an entry stands in an edition from one release until another."""

    entry = models.ForeignKey(Entry, models.PROTECT, related_name="listings")
    edition = models.CharField(max_length=40)
    since = models.ForeignKey(Release, models.PROTECT, related_name="added")
    until = models.ForeignKey(Release, models.PROTECT, null=True, related_name="removed")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "edition"], condition=models.Q(until=None), name="listed_once"
            ),
        ]

    def __str__(self) -> str:
        return f"listing {self.pk}"


class Told(models.Model):
    """What a release's part of the receipts log told an item about an entry; the latest is what it knows.

    Written when the release is built and gone when that is discarded: the next one tells it then. A refusal
    is about no entry.
    """

    item = models.ForeignKey(Item, models.CASCADE, related_name="told")
    entry = models.ForeignKey(Entry, models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=12)
    release = models.ForeignKey(Release, models.PROTECT, related_name="told")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["item", "entry", "release"], name="told_once_a_release"),
            models.UniqueConstraint(
                fields=["item", "action"], condition=models.Q(entry=None), name="refusal_told_once"
            ),
        ]

    def __str__(self) -> str:
        return f"told {self.pk}"
