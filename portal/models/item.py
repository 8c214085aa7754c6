"""One address, picture, fingerprint or site of a submission, and the sealed bytes of a picture on its way."""

from __future__ import annotations

from typing import Any

from django.db import models

from portal.models.submission import Submission
from portal.models.work import Work
from takedown.fingerprint import Fingerprint


class Item(Work):
    """An address goes ready -> matched; a picture sealed -> ready -> matched; a site waits for proof first.

    ``given`` are the keys of a typed fingerprint, ``[["sha256", "ab..."], ...]``; a fingerprint made on the
    person's device is a picture that was never sent (``on_device``). ``keep_until`` is the day until which
    what was looked for in vain is kept and looked for again in later indexes.
    """

    class Kind(models.TextChoices):
        URL = "url", "Web address"
        PICTURE = "picture", "Picture"
        FINGERPRINT = "fingerprint", "Fingerprint"
        SITE = "site", "Whole site"

    class State(models.TextChoices):
        SEALED = "sealed", "Received"
        READY = "ready", "Checking"
        IN_REVIEW = "in-review", "A person is looking at it"
        NOT_FOUND = "not-found", "Not found in the rows we can compare"
        UNREADABLE = "unreadable", "We could not read this picture"
        NEEDS_PERSON = "needs-person", "A person will look into a problem on our side"
        DECIDED = "decided", "Decided"
        WITHDRAWN = "withdrawn", "Withdrawn"
        WAITS_FOR_PROOF = "waits-for-proof", "Waiting for a proof of control"
        FORGOTTEN = "forgotten", "No longer kept"

    DUE_STATES = (State.SEALED, State.READY)
    GIVEN_UP = State.NEEDS_PERSON

    submission = models.ForeignKey(Submission, models.CASCADE, related_name="items")
    number = models.PositiveSmallIntegerField(help_text="1, 2, 3 ... under the receipt")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    url = models.TextField(blank=True)
    fingerprint_json = models.TextField(null=True)
    given = models.JSONField(null=True, help_text="keys of a typed fingerprint")
    on_device = models.BooleanField(
        default=False, help_text="the fingerprint was made by the person's browser"
    )
    restricted = models.BooleanField(default=False, help_text="as its submission; holds no picture, ever")
    coverage = models.JSONField(
        null=True, help_text="what the open indexes could compare when it was matched"
    )
    answered = models.DateField(
        null=True, help_text="day on which the machine answered that nothing was found"
    )
    keep_until = models.DateField(null=True)
    asked_person = models.BooleanField(default=False, help_text="nothing was found, and a person is to look")
    appealed = models.DateField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["submission_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["submission", "number"], name="item_number_once"),
            models.CheckConstraint(
                name="item_url_iff_url",
                condition=models.Q(kind__in=("url", "site"), fingerprint_json=None) & ~models.Q(url="")
                | models.Q(kind="picture", url="")
                | models.Q(kind="fingerprint", url="", fingerprint_json=None),
            ),
            models.CheckConstraint(
                name="restricted_holds_no_picture",
                condition=models.Q(restricted=False)
                | models.Q(kind__in=("url", "fingerprint"), fingerprint_json=None)
                & ~models.Q(state="sealed"),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "lease_until"], name="item_due"),
            models.Index(fields=["answered"], name="item_answered"),
            models.Index(fields=["appealed"], name="item_appealed"),
            models.Index(
                fields=["keep_until"], name="item_kept", condition=models.Q(keep_until__isnull=False)
            ),
        ]

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
