"""What was compared, in one sentence. An answer is only as good as that, so it stands beside every answer."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import ngettext_lazy

from portal.models import Item
from portal.numerals import grouped

_PICTURE = ngettext_lazy(
    "We can compare pictures for %(known)s of %(rows)s row; for the rest we hold only addresses.",
    "We can compare pictures for %(known)s of %(rows)s rows; for the rest we hold only addresses.",
    "count",
)
_FINGERPRINT = ngettext_lazy(
    "We can compare fingerprints of this kind for %(known)s of %(rows)s row.",
    "We can compare fingerprints of this kind for %(known)s of %(rows)s rows.",
    "count",
)
_ADDRESS = ngettext_lazy(
    "Compared with %(known)s of %(rows)s row.", "Compared with %(known)s of %(rows)s rows.", "count"
)
_SENTENCES = {Item.Kind.PICTURE: _PICTURE, Item.Kind.FINGERPRINT: _FINGERPRINT}


def sentence(item: Item) -> str:
    """How many rows an item was compared with when it was matched; empty where it was not yet."""
    if not item.coverage:
        return ""
    rows, known = item.coverage.get("rows", 0), _known(item, item.coverage)
    numbers = {"known": grouped(known), "rows": grouped(rows), "count": rows}
    kind = Item.Kind.URL if known == rows else Item.Kind(item.kind)  # then there is no rest
    return str(_SENTENCES.get(kind, _ADDRESS) % numbers)


def _known(item: Item, coverage: Mapping[str, int]) -> int:
    """The rows that have what the item is compared by; of several kinds the one that most rows have."""
    if item.kind == Item.Kind.PICTURE:
        return coverage.get("pdq", 0)
    if item.kind == Item.Kind.FINGERPRINT:
        kinds = {"url" if kind == "url_sha256" else kind for kind, _ in item.given or []}
        return max((coverage.get(kind, 0) for kind in kinds), default=0)
    return coverage.get("url", 0)
