"""Proof that whoever asks for a whole site controls it; nothing else about them is asked."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from portal.models.item import Item


class SiteControl(models.Model):
    """``token`` is what the person puts on the site. It is looked for only when a reviewer says so."""

    class State(models.TextChoices):
        ASKED = "asked", "Waiting for a look"
        PROVEN = "proven", "Proven"
        FAILED = "failed", "Not found there"

    class Method(models.TextChoices):
        FILE = "file", "By a file on the site"
        DNS = "dns", "By a DNS record"

    item = models.OneToOneField(Item, models.CASCADE, related_name="control")
    token = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASKED)
    method = models.CharField(max_length=10, choices=Method.choices, blank=True)
    checked = models.DateField(null=True)
    checked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    problem = models.CharField(
        max_length=60, blank=True, help_text="slug of what went wrong at the last look"
    )

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"control of item {self.item_id}"
