"""A submission: one notice from the public under one receipt."""

from __future__ import annotations

from django.db import models


class Submission(models.Model):
    """Holds no name, no address and no time of day.

    ``lookup`` is HMAC(pepper, the receipt's look-up key): unique, so a form that is sent again meets its own
    submission instead of making another. ``proof_key`` and ``message_public_key`` come from the receipt and
    cannot be made later; they do not give it back.
    """

    lookup = models.BinaryField(max_length=32, unique=True)
    proof_key = models.BinaryField(max_length=32, null=True)
    message_public_key = models.BinaryField(max_length=32)
    ground = models.CharField(max_length=40)
    policy_version = models.CharField(max_length=20)
    note = models.TextField(blank=True)
    received = models.DateField()
    due = models.DateField(help_text="the day by which an answer is owed")
    restricted = models.BooleanField(default=False, help_text="of a ground that takes no picture")
    slow = models.BooleanField(default=False, help_text="worked on after the others: it came with many")
    keep = models.BooleanField(default=False, help_text="look again in later indexes if nothing is found")

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["received"], name="submission_received")]

    def __str__(self) -> str:
        return f"submission {self.pk}"
