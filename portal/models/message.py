"""What the desk and the holder of a receipt write to each other, sealed on both sides."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from portal.models.submission import Submission


class Message(models.Model):
    """One message, twice: sealed to the receipt's key and to the desk's. The database alone opens neither."""

    submission = models.ForeignKey(Submission, models.CASCADE, related_name="messages")
    number = models.PositiveSmallIntegerField(help_text="1, 2, 3 ... under the receipt")
    day = models.DateField()
    from_desk = models.BooleanField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    for_person = models.BinaryField()
    for_desk = models.BinaryField()
    read = models.BooleanField(default=False, help_text="by whom it was written to")

    class Meta:
        default_permissions = ()
        ordering = ["submission_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["submission", "number"], name="message_number_once"),
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"
