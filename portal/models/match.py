"""The stored link from an item to a dataset row."""

from __future__ import annotations

from django.db import models

from portal.models.index import DatasetIndex
from portal.models.item import Item
from takedown.keys import Key


class Match(models.Model):
    """Never an address or caption: the desk reads those from the index.

    ``keys`` are the published keys computed from the verified row, by scope:
    ``{"address": [["url_sha256", "ab..."]], "file": [...], "caption": [...]}``. They are what a decision
    publishes, so swapping the index between match and decision changes nothing.
    """

    #: ``via`` of what was found when a later index was looked through.
    LOOKED_AGAIN = "looked-again"

    item = models.ForeignKey(Item, models.CASCADE, related_name="matches")
    index = models.ForeignKey(DatasetIndex, models.PROTECT, related_name="matches")
    row = models.BigIntegerField()
    how = models.CharField(max_length=20)
    distance = models.PositiveSmallIntegerField(null=True)
    variant = models.CharField(max_length=40, blank=True)
    via = models.CharField(max_length=20, blank=True, help_text="how a second hop came here")
    by = models.CharField(
        max_length=64, blank=True, help_text="who attached the fingerprint that was near; empty: the source"
    )
    keys = models.JSONField()

    class Meta:
        default_permissions = ()
        ordering = ["item_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["item", "index", "row"], name="match_once"),
        ]
        indexes = [models.Index(fields=["index", "row"], name="match_row")]

    def __str__(self) -> str:
        return f"match {self.pk}"

    def keys_of(self, scope: str) -> list[Key]:
        return [Key(*pair) for pair in self.keys[scope]]
