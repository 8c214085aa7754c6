"""What the leaves of a receipt mean, held against the lists: pure rules, and the sentences for a person.

1. Leaves are put in order of release and number. Of several about one entry the latest counts; the others
   are told as overtaken. A refusal is about a request and never overtakes anything.
2. ``added``, ``stands`` and ``still-listed`` must be named by a list; ``withdrawn`` must not be.
3. A list of shortened entries cannot tell an entry from its neighbours: one that was withdrawn and whose
   beginning is still listed there is told as such, and is no fault.
4. A leaf without an entry (child safety) proves that the release says so, and nothing about a list.

``prove.html`` follows the same rules with the same sentences (``SENTENCES``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from takedown.blocklist.leaves import UNREADABLE, Opened

#: Outcomes that are not as they should be, and the slug of the error that each is.
FAULTS = {
    "missing": "entry-missing",
    "present": "entry-present",
}

SENTENCES = {
    "added": "Release {seq} added your entry{entry}.",
    "stands": "Release {seq} says that your entry{entry} was listed already.",
    "withdrawn": "Release {seq} took your entry{entry} back.",
    "still-listed": "Release {seq} took your request back; the entry{entry} stays, as another decision "
    "supports it.",
    "refused": "Release {seq} says that your request{entry} was refused.",
    "url_sha256": " for an address ({digest}…)",
    "row_sha256": " for an address with its caption ({digest}…)",
    "img_sha256": " for a picture file ({digest}…)",
    "img_md5": " for a picture file ({digest}…)",
    "listed": "The verified list names it ({editions}).",
    "gone": "No verified list names it any more.",
    "shared": "A shortened entry that it shares with others is still listed ({editions}); "
    "whether it stands for this one cannot be told.",
    "overtaken": "A later release says otherwise about it.",
    "unnamed": "The log does not name the entry, so no list was searched for it.",
    "nothing": "Nothing was listed because of it.",
    "missing": "The verified list does not name it: this is not as it should be.",
    "present": "The verified list still names it ({editions}): this is not as it should be.",
    "proven": "{count} of the {size} leaves of the signed log (release {seq}) belong to this receipt, and "
    "the lists agree with them.",
    "in-log": "{count} of the {size} leaves of the signed log (release {seq}) belong to this receipt. They "
    "name no entry that a list could be searched for.",
    "not-proven": "{count} of the {size} leaves of the signed log (release {seq}) belong to this receipt, "
    "and the lists do not agree with them.",
    "no-leaf": "No release up to number {seq} has a leaf of this receipt; compare the words with your note, "
    "or look again after the next release.",
    "log-differs": "The log that is served is not the one that was signed with the list: it was altered, or "
    "somebody is shown another one than you. Nothing is proven; tell the publisher.",
    "leaf-unreadable": UNREADABLE,
    "leaf-repeated": "The log has a leaf of this receipt twice, so none of them counts; tell the publisher.",
    "leaf-not-in-log": "A leaf of this receipt is not in the log that was signed; tell the publisher.",
    "entry-missing": "The log says that an entry of this receipt is listed, and the verified list does not "
    "name it; tell the publisher.",
    "entry-present": "The log says that an entry of this receipt was taken back, and the verified list names "
    "it: it was asked for again, or never taken out. Ask the publisher.",
}


@dataclass(frozen=True)
class OwnLeaf:
    """A leaf that a receipt opened. ``index`` is its number in the whole log, from 0."""

    seq: int
    i: int
    index: int
    says: Opened


@dataclass(frozen=True)
class Found:
    """An edition whose list names an entry; ``whole`` is False where only its shortened form is listed."""

    edition: str
    whole: bool


@dataclass(frozen=True)
class Verdict:
    """One leaf and what the lists say to it.

    Attributes:
        leaf: what was opened.
        outcome: ``listed``, ``gone``, ``shared``, ``overtaken``, ``unnamed`` or ``nothing``, which are as
            they should be; ``missing`` or ``present``, which are not.
        editions: names of the editions that list the entry now.
    """

    leaf: OwnLeaf
    outcome: str
    editions: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """For a person."""
        says = self.leaf.says
        entry = SENTENCES[says.kind].format(digest=says.digest[:12]) if says.kind and says.digest else ""
        text = f"{SENTENCES[says.action]} {SENTENCES[self.outcome]}"
        return text.format(seq=self.leaf.seq, entry=entry, editions=", ".join(self.editions))


#: Outcomes of leaves for which no list was searched.
UNSEARCHED = ("unnamed", "nothing")

#: Which editions list the full entry (kind, digest), whole or shortened.
Search = Callable[[str, str], Sequence[Found]]


def judge(leaves: Sequence[OwnLeaf], search: Search) -> tuple[Verdict, ...]:
    """Hold the leaves of one receipt against the lists.

    Args:
        leaves: all that were found, in any order.
        search: looks an entry up in the verified lists.

    Returns:
        One verdict a leaf, by release and number.
    """
    ordered = sorted(leaves, key=lambda leaf: (leaf.seq, leaf.i))
    latest = {_entry(leaf): leaf for leaf in ordered if leaf.says.action != "refused"}
    return tuple(_judge(leaf, latest.get(_entry(leaf)), search) for leaf in ordered)


def _entry(leaf: OwnLeaf) -> tuple[str | None, str | None]:
    return leaf.says.kind, leaf.says.digest


def _judge(leaf: OwnLeaf, latest: OwnLeaf | None, search: Search) -> Verdict:
    says = leaf.says
    if says.action == "refused":
        return Verdict(leaf, "nothing")
    if says.kind is None or says.digest is None:
        return Verdict(leaf, "unnamed")
    found = search(says.kind, says.digest)
    editions = tuple(one.edition for one in found)
    if leaf is not latest:
        return Verdict(leaf, "overtaken", editions)
    if says.action != "withdrawn":
        return Verdict(leaf, "listed" if found else "missing", editions)
    if not found:
        return Verdict(leaf, "gone")
    return Verdict(leaf, "present" if any(one.whole for one in found) else "shared", editions)
