"""What an edition of short prefixes covers, counted on the indexes of the datasets that releases are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portal.finding import indexes
from portal.models import Listing
from portal.policy import Edition, Policy
from portal.releasing.book import MANY, Entries, Mask
from portal.releasing.plans import Plan
from takedown.errors import UsageError
from takedown.index import Index
from takedown.publish import Cover, measure
from takedown.publish.cover import Counts

#: Published kind -> the keys by which an index finds such rows. ``row_sha256`` has none: no index knows it.
_KEYS = {"url_sha256": "url_sha256", "img_sha256": "sha256", "img_md5": "md5"}


@dataclass(frozen=True)
class Counted:
    """An open index as takedown.publish.cover counts it."""

    name: str
    index: Index

    @property
    def rows(self) -> int:
        return self.index.info.rows

    def count(self, kind: str, prefixes: Sequence[str]) -> Counts | None:
        if kind not in _KEYS:
            return None
        found = self.index.count_prefixes(_KEYS[kind], prefixes)
        return None if found is None else Counts(*found)


def cover(policy: Policy, edition: Edition, listed: Entries, bare: Mask) -> Cover | None:
    """Count what an edition covers; None for one that lists whole digests.

    Args:
        listed: what it would list.
        bare: what has no cover to lose, as from ``in_full``.

    Raises:
        UsageError: slug ``cover-no-index``: a dataset of the policy has no index in use.
        BadIndex: an index cannot be opened.
    """
    if edition.full:
        return None
    return measure(listed.state(), edition.prefix_hex, _datasets(policy, edition), listed.book.keys(bare))


def in_full(policy: Policy, plan: Plan) -> Mask:
    """The entries that an edition of whole digests lists in a release, or listed in one before."""
    names = [one.name for one in policy.editions.values() if one.full]
    ended = Listing.objects.filter(edition__in=names, until__isnull=False, since__state="published")
    found = plan.book.mask(ended.values_list("entry", flat=True).iterator(chunk_size=MANY))
    for name in names:
        found |= plan.listed[name] | plan.lists[name].mask
    return found


def to_json(found: Cover | None) -> dict[str, Any] | None:
    """What the release page shows of a cover."""
    if found is None:
        return None
    return {
        "smallest": found.smallest,
        "owed": found.owed,
        "datasets": [
            {
                "name": one.name,
                "rows": one.rows,
                "removed": one.removed,
                "percent": 100 * one.share,
                "smallest": one.smallest,
                "uncounted": list(one.uncounted),
            }
            for one in found.datasets
        ],
    }


def _datasets(policy: Policy, edition: Edition) -> list[Counted]:
    opened = {index.name: one for index, one in indexes.in_use()}
    for name in policy.dataset_ids:
        if name not in opened:
            raise UsageError(
                f"Edition {edition.name} cuts its digests, and what they cover in {name} cannot be counted: "
                "no index of that name is in use. Register one (manage.py register_index), or take it out "
                "of dataset_ids.",
                slug="cover-no-index",
            )
    return [Counted(name, opened[name]) for name in policy.dataset_ids]
