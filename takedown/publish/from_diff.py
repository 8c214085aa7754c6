"""A first release from two versions of a dataset, for a publisher who has cleaned one already.

1. Write the rows of OLD and NEW as digests (from_diff_rows.py).
2. Compare them part by part (from_diff_compare.py).
3. Refuse what a removal list cannot say, and a list too short to hide anybody in.
4. Stage a release, to be signed like any other.

Memory stays bounded however long the two are.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from takedown.blocklist import paths
from takedown.blocklist.entry import FULL
from takedown.blocklist.state import State
from takedown.errors import UsageError
from takedown.publish.cover import FEWEST_DIGITS, MOST_DIGITS, Cover, measure
from takedown.publish.from_diff_compare import Entries, Found, compare
from takedown.publish.from_diff_rows import PARTS, Counted, Version, count_rows, write_version
from takedown.publish.keyring import PUBLISHER_FIELD
from takedown.publish.repository import Head, load_head
from takedown.publish.stage import EditionDraft, refuse_used, stage

#: Fewest entries of a public list, as in docs/editions.md.
MIN_ENTRIES = 100
#: Fewest rows under an entry of an edition of short prefixes, unless the publisher says otherwise.
K_MIN = 300

#: Called with (done, in all, what is being done).
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Terms:
    """What the release says of itself.

    Attributes:
        edition: its name.
        dataset_ids: what OLD is called.
        publisher: the name that holders see; the one in the root when None.
        prefix_hex, disposition: as in a manifest.
        k_min: fewest different rows under an entry that is cut; K_MIN when None, where there are any.
        min_entries: a shorter list is refused.
        edited: what becomes of rows whose caption was edited: ``refuse``, ``remove`` or ``keep``.
    """

    edition: str
    dataset_ids: Sequence[str]
    publisher: str | None = None
    prefix_hex: int = FULL
    disposition: str = "quarantine"
    k_min: int | None = None
    min_entries: int = MIN_ENTRIES
    edited: str = "refuse"


@dataclass(frozen=True)
class FromDiff:
    """A staged first release.

    Attributes:
        seq: its number.
        entries: by kind, as published.
        found: what was compared.
        cover: what was counted for short prefixes; None for full digests.
    """

    seq: int
    entries: dict[str, int]
    found: Found
    cover: Cover | None


def from_diff(
    repository: Path,
    staging: Path,
    old: str | Path,
    new: str | Path,
    terms: Terms,
    *,
    created: date | None = None,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> FromDiff:
    """Stage a first release that lists what is in OLD and not in NEW.

    Args:
        repository: of a ceremony, with nothing published yet.
        staging: folder to make; beside it, a folder of the same name is used for the work and deleted.
        old, new: a Parquet file, a tar shard, or a folder of them.
        terms: what the release says of itself.
        created: its day; today when None.
        now: the moment that the signature's expiry counts from; the clock when None.
        progress: told how far it is.

    Raises:
        UsageError: slugs ``not-first``, ``diff-not-subset``, ``diff-edited``, ``diff-too-small``,
            ``cover-too-small``; or as ``stage``.
        BadDataset: one of the versions cannot be read.
        VerificationFailed: the repository does not verify.
    """
    publisher = _check(load_head(repository), staging, terms)
    work = staging.with_name(f".{staging.name}.diff")
    shutil.rmtree(work, ignore_errors=True)
    try:
        versions = _write(old, new, work, progress or (lambda done, total, what: None))
        tell = _Ticker(progress, PARTS, "comparing")
        found, entries = compare(*versions, work, tell, keep_edited=terms.edited == "keep")
        _refuse_other(found, terms)
        counts = State.of(entries, terms.prefix_hex).count_by_kind
        _refuse_small(sum(counts.values()), terms)
        draft = _draft(entries, terms, versions[0])
        _refuse_uncovered(draft)
        staged = stage(
            repository,
            staging,
            [draft],
            publisher=publisher,
            dataset_ids=terms.dataset_ids,
            created=created or datetime.now(UTC).date(),
            audit_head="",
            now=now,
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return FromDiff(staged.seq, counts, found, draft.cover)


class _Ticker:
    """Adds up steps for the progress callback."""

    def __init__(self, progress: Progress | None, total: int, what: str) -> None:
        self._progress, self._total, self._what = progress, total, what
        self._done = 0

    def __call__(self, steps: int) -> None:
        self._done += steps
        if self._progress:
            self._progress(self._done, max(self._done, self._total), self._what)


def _check(head: Head, staging: Path, terms: Terms) -> str:
    """What can be refused before anything is read; the publisher's name."""
    if head.seq:
        raise UsageError(
            "This repository has releases already; a list made from two versions of a dataset can only be "
            "its first.",
            slug="not-first",
        )
    refuse_used(staging)
    paths.check_edition_name(terms.edition)
    _check_digits(terms)
    if terms.prefix_hex < FULL and len(terms.dataset_ids) != 1:
        raise UsageError(
            "What short prefixes cover is counted in OLD alone; give one --dataset-id, its name."
        )
    publisher = terms.publisher or str(head.root.signed.unrecognized_fields.get(PUBLISHER_FIELD, ""))
    if not publisher:
        raise UsageError("The root names no publisher; give the name with --publisher.")
    return publisher


def _check_digits(terms: Terms) -> None:
    if not FEWEST_DIGITS <= terms.prefix_hex <= MOST_DIGITS and terms.prefix_hex != FULL:
        raise UsageError(f"--prefix-hex is {FEWEST_DIGITS} to {MOST_DIGITS}, or {FULL} for whole digests.")
    if terms.k_min and (terms.k_min < 0 or terms.prefix_hex == FULL):
        raise UsageError(
            f"--k-min is 0 or more, and goes with a --prefix-hex of {FEWEST_DIGITS} to {MOST_DIGITS}: whole "
            "digests hide nothing."
        )


def _write(old: str | Path, new: str | Path, work: Path, progress: Progress) -> tuple[Version, Version]:
    sources = [(old, "reading OLD", "old"), (new, "reading NEW", "new")]
    versions = [
        write_version(source, work / name, _Ticker(progress, count_rows(source), what))
        for source, what, name in sources
    ]
    return versions[0], versions[1]


def _refuse_other(found: Found, terms: Terms) -> None:
    if found.new:
        raise UsageError(
            f"NEW has {found.new:,} rows that OLD does not have, so it is not OLD with rows removed; give "
            "two versions of the same dataset, the older one first.",
            slug="diff-not-subset",
        )
    if found.edited and terms.edited == "refuse":
        raise UsageError(
            f"{found.edited:,} rows of NEW have an address of OLD with another caption, and a list cannot "
            "edit. Say with --edited whether to remove the rows as they were in OLD, or to keep them.",
            slug="diff-edited",
        )


def _refuse_small(entries: int, terms: Terms) -> None:
    if entries < terms.min_entries:
        raise UsageError(
            f"The two versions differ by {entries:,} entries; below {terms.min_entries:,} each of them "
            "stands out too much. Publish them together with later removals.",
            slug="diff-too-small",
        )


def _refuse_uncovered(draft: EditionDraft) -> None:
    """As the cover is checked for any release, in the words of the options here."""
    if draft.cover is None or not draft.cover.owed:
        return
    smallest = draft.cover.smallest or 0
    if smallest < draft.k_min:
        raise UsageError(
            f"An entry would be shared by only {smallest:,} digests of OLD, and --k-min is {draft.k_min:,}; "
            f"give a --prefix-hex below {draft.prefix_hex} (at least {FEWEST_DIGITS}), a lower --k-min, or "
            f"--prefix-hex {FULL} to hide nothing. Nothing was staged.",
            slug="cover-too-small",
        )


def _k_min(terms: Terms) -> int:
    if terms.k_min is not None:
        return terms.k_min
    return K_MIN if terms.prefix_hex < FULL else 0


def _draft(entries: Entries, terms: Terms, old: Version) -> EditionDraft:
    cut = terms.prefix_hex < FULL
    counted = measure(entries, terms.prefix_hex, [Counted(terms.dataset_ids[0], old)]) if cut else None
    return EditionDraft(
        name=terms.edition,
        keys=entries,
        prefix_hex=terms.prefix_hex,
        k_min=_k_min(terms),
        disposition=terms.disposition,
        cover=counted,
    )
