"""How long what was looked for is kept, and looking for it again in later indexes.

* Nothing found: it is erased ``not_found_days`` after the answer, unless the person chose that we keep it,
  and look again, until a day that they are shown (``keep_until``, inclusive).
* An index was added or has grown: what is kept goes through matching once more; what was removed is looked
  for as well, and rows that nobody decided about yet go to people as an item and a case of their own
  (stay-down). The item that was decided stays as it is.

``DatasetIndex.looked`` says for which state of an index all of that is done.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import models
from django.db.models import Max, Q

from portal import terms
from portal.days import today
from portal.deciding import erasing
from portal.deciding.review import move
from portal.finding import indexes, matching
from portal.models import Case, DatasetIndex, Event, Item, Match
from portal.policy import current
from takedown.errors import TakedownError
from takedown.keys import keys

log = logging.getLogger(__name__)

#: Decided items that are looked for in one go, and items that are erased at once.
BATCH, ERASED_AT_ONCE = 200, 5000


def keep(item: Item) -> bool:
    """Keep what was looked for in vain and look again, until ``terms.kept_until``. True when it is kept."""
    with move():
        return bool(_not_found(item).update(keep_until=terms.kept_until()))


def stop_keeping(item: Item) -> bool:
    """Look no more; it is erased when it would have been without the choice. True when that is so now."""
    with move():
        return bool(_not_found(item).update(keep_until=None))


def forget() -> int:
    """Erase what was looked for in vain and is kept no longer, at last the note. How many items that were."""
    last = today() - timedelta(days=current().not_found_days)
    answered = Q(answered__lt=last) | Q(answered=None, submission__received__lt=last)
    over = Q(keep_until=None) | Q(keep_until__lt=today())
    gone = Item.objects.filter(answered & over, state=Item.State.NOT_FOUND)
    with move():
        pks = list(gone.values_list("pk", flat=True)[:ERASED_AT_ONCE])
        erasing.erase(pks, Item.State.FORGOTTEN)
    return len(pks)


def to_look_through() -> list[DatasetIndex]:
    """Indexes in use that are not what they were when everything was last looked for in them."""
    return [index for index in DatasetIndex.objects.filter(in_use=True) if index.looked != _digest(index)]


def look_again(pk: int, after: int = 0) -> int | None:
    """Look for what is kept, and what was removed, in an index that is new or has grown. Safe to repeat.

    Args:
        pk: of the index.
        after: primary key of the decided item up to which that is done.

    Returns:
        Where to go on from; None when all is done.
    """
    index = DatasetIndex.objects.filter(pk=pk, in_use=True).first()
    if index is None:
        return None
    digest = _digest(index)
    if after == 0:
        with move():
            kept = Item.objects.filter(state=Item.State.NOT_FOUND, keep_until__gte=today())
            kept.update(state=Item.State.READY)
    removed = Item.objects.filter(state=Item.State.DECIDED, case_item__case__state=Case.State.REMOVED)
    items = list(removed.filter(pk__gt=after).order_by("pk").select_related("submission")[:BATCH])
    for item in items:
        _stay_down(item, index)
    if len(items) == BATCH:
        return items[-1].pk
    if digest:
        DatasetIndex.objects.filter(pk=pk).update(looked=digest)
    return None


def _stay_down(item: Item, index: DatasetIndex) -> None:
    """Rows of an index for what was removed, as far as nobody decided about them, go to people."""
    try:
        found = matching.search(item, [(index, indexes.opened(index))])
    except TakedownError as error:
        log.warning("item.not-looked-for", extra={"item": item.pk, "index": index.pk, "slug": error.slug})
        return
    sure = [one for one in found if one.hit.how not in matching.GUESSES]
    with move():
        known = _known_keys(item)
        new = [one for one in sure if not set(keys(one.row, "address")) <= known]
        if new:
            again = _copy(item)
            matching.store(again, new, since=today(), via=Match.LOOKED_AGAIN)
            Event.record("item.found-again", again)


def _known_keys(item: Item) -> set[tuple[str, str]]:
    """The keys of all rows that were found for the submission: about those people decide, or have decided."""
    told = Match.objects.filter(item__submission=item.submission_id).values_list("keys", flat=True)
    return {(kind, digest) for scopes in told for pairs in scopes.values() for kind, digest in pairs}


def _copy(item: Item) -> Item:
    """The same thing to look for, as a new item under the same receipt."""
    last = item.submission.items.aggregate(last=Max("number"))["last"]
    same = ("submission", "kind", "url", "fingerprint_json", "given", "on_device", "restricted")
    return Item.objects.create(
        number=last + 1,
        state=Item.State.IN_REVIEW,
        coverage=indexes.coverage(),
        **{name: getattr(item, name) for name in same},
    )


def _not_found(item: Item) -> models.QuerySet[Item]:
    return Item.objects.filter(pk=item.pk, state=Item.State.NOT_FOUND)


def _digest(index: DatasetIndex) -> str:
    """What an index is now; empty where it cannot be opened."""
    try:
        return indexes.opened(index).info.digest
    except TakedownError:
        return ""
