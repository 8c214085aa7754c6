"""The note of a request lasts as long as something of the request does: then it is erased."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Exists, OuterRef

from portal.models import Item, Submission

#: Nothing happens any more with an item that was taken back, erased, or could not be read.
ENDED = (Item.State.WITHDRAWN, Item.State.FORGOTTEN, Item.State.UNREADABLE)


def erase_ended(items: Collection[int]) -> None:
    """Erase the notes that came with some items, where nothing of their request is left.

    Args:
        items: primary keys.
    """
    left = Item.objects.filter(submission=OuterRef("pk")).exclude(state__in=ENDED)
    asked = Submission.objects.filter(items__in=items).exclude(note="").filter(~Exists(left))
    pks = list(asked.values_list("pk", flat=True).distinct())
    Submission.objects.filter(pk__in=pks).update(note="")
