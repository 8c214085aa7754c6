"""One address or picture of a submission, and the sealed bytes of a picture on its way to the worker."""

from __future__ import annotations

from typing import Any

from django.db import models

from portal.models.submission import Submission
from portal.models.work import Work
from takedown.fingerprint import Fingerprint


class Item(Work):
    """An address goes ready -> matched; a picture goes sealed -> ready -> matched."""

    class Kind(models.TextChoices):
        URL = "url", "Web address"
        PICTURE = "picture", "Picture"

    class State(models.TextChoices):
        SEALED = "sealed", "Received"
        READY = "ready", "Checking"
        IN_REVIEW = "in-review", "A person is looking at it"
        NOT_FOUND = "not-found", "Not found in the rows we can compare"
        UNREADABLE = "unreadable", "We could not read this picture"
        NEEDS_PERSON = "needs-person", "A person will look into a problem on our side"
        DECIDED = "decided", "Decided"
        WITHDRAWN = "withdrawn", "Withdrawn"

    DUE_STATES = (State.SEALED, State.READY)
    GIVEN_UP = State.NEEDS_PERSON

    submission = models.ForeignKey(Submission, models.CASCADE, related_name="items")
    number = models.PositiveSmallIntegerField(help_text="1, 2, 3 ... under the receipt")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    url = models.TextField(blank=True)
    fingerprint_json = models.TextField(null=True)
    coverage = models.JSONField(
        null=True, help_text="what the open indexes could compare when it was matched"
    )

    class Meta:
        default_permissions = ()
        ordering = ["submission_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["submission", "number"], name="item_number_once"),
            models.CheckConstraint(
                name="item_url_iff_url",
                condition=models.Q(kind="url", fingerprint_json=None) & ~models.Q(url="")
                | models.Q(kind="picture", url=""),
            ),
        ]
        indexes = [models.Index(fields=["state", "lease_until"], name="item_due")]

    def __str__(self) -> str:
        return f"item {self.pk}"

    @property
    def fingerprint(self) -> Fingerprint | None:
        return Fingerprint.from_json(self.fingerprint_json) if self.fingerprint_json else None

    def fingerprint_summary(self) -> dict[str, Any]:
        """What the desk shows of a picture: digests and perceptual hashes, never the picture."""
        found = self.fingerprint
        if not found:
            return {}
        return {
            "size": f"{found.width} × {found.height} {found.format}",
            "sha256": found.sha256,
            "md5": found.md5,
            "pdq": found.pdq,
            "quality": found.pdq_quality,
            "phash": found.phash,
        }


class SealedPicture(models.Model):
    """The bytes of a picture, sealed to a key that the web process cannot open.

    Deleted in the transaction that stores the fingerprint. ``key_day`` names the intake key; when that key is
    destroyed, the bytes are gone even from backups.
    """

    item = models.OneToOneField(Item, models.CASCADE, related_name="sealed")
    key_day = models.DateField()
    box = models.BinaryField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"sealed picture of item {self.item_id}"
