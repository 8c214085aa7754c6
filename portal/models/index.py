"""A dataset index that the portal knows. The folder is immutable; swapping means registering another one."""

from __future__ import annotations

from django.db import models


class DatasetIndex(models.Model):
    """``digest`` is the SHA-256 of the index's manifest, in hex: what matches refer to.

    At most one index of a name is in use. One that was replaced stays as long as matches point to it, since
    the desk reads addresses and captions from it.
    """

    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    path = models.TextField()
    rows = models.BigIntegerField()
    coverage = models.JSONField()
    in_use = models.BooleanField(default=True)
    registered = models.DateField()
    looked = models.CharField(
        max_length=64, blank=True, help_text="its digest when what is kept was last looked for in it"
    )

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(in_use=True), name="one_index_of_a_name_in_use"
            ),
        ]

    def __str__(self) -> str:
        return f"index {self.pk}"
