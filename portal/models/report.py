"""Numbers that stay when the rows they were counted from are erased."""

from __future__ import annotations

from django.db import models


class MonthlyReport(models.Model):
    """What was published of a month that has ended; never counted again."""

    month = models.DateField(unique=True, help_text="its first day")
    numbers = models.JSONField()

    class Meta:
        default_permissions = ()
        ordering = ["month"]

    def __str__(self) -> str:
        return f"report {self.pk}"


class ListFetches(models.Model):
    """How often the list was asked for on a day, from this server. Nothing is known of who asked."""

    day = models.DateField(unique=True)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        default_permissions = ()
        ordering = ["day"]

    def __str__(self) -> str:
        return f"fetches {self.pk}"
