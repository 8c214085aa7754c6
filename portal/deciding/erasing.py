"""What a person sent goes when nothing more is to be done with it: taken back, or looked for in vain.

The item itself stays as a number with a state, so that the receipt's holder reads what became of it and the
counts stay right. The note of a request goes with the last item that it could be about.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Exists, OuterRef

from portal.models import DecisionMatch, Item, Match, SealedPicture, SiteControl, Submission

#: Stands in the place of an address that was erased.
ERASED = "-"

#: Nothing happens any more with an item that was taken back, erased, or could not be read.
ENDED = (Item.State.WITHDRAWN, Item.State.FORGOTTEN, Item.State.UNREADABLE)


def erase(items: Collection[int], state: str) -> None:
    """End some items, and erase what they were about; inside a transaction.

    Args:
        items: primary keys.
        state: what they come to, one of ENDED.
    """
    these = Item.objects.filter(pk__in=items)
    SiteControl.objects.filter(item__in=items).delete()
    SealedPicture.objects.filter(item__in=items).delete()
    # What people chose stays with their decision; it names rows, and by then nothing that was sent.
    Match.objects.filter(item__in=items).exclude(pk__in=DecisionMatch.objects.values("match")).delete()
    these.exclude(url="").update(url=ERASED)
    these.update(
        state=state,
        fingerprint_json=None,
        given=None,
        keep_until=None,
        lease_token=None,
        lease_until=None,
    )
    _erase_notes(items)


def _erase_notes(items: Collection[int]) -> None:
    """Erase the notes that came with some items, where nothing of their request is left."""
    left = Item.objects.filter(submission=OuterRef("pk")).exclude(state__in=ENDED)
    asked = Submission.objects.filter(items__in=items).exclude(note="").filter(~Exists(left))
    pks = list(asked.values_list("pk", flat=True).distinct())
    Submission.objects.filter(pk__in=pks).update(note="")
