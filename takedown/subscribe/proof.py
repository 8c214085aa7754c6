"""Proving, with a receipt, what the published releases did about it.

1. The local list is proven again from the root file on; its manifests say size and root of the log.
2. All leaves of the log are fetched and compared with that root. Nothing about the receipt is sent: the
   requests are the same whoever asks.
3. The receipt's own leaves are found by tag, opened, and their inclusion verified.
4. What they say is held against the verified lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuf.ngclient import FetcherInterface

from takedown.blocklist.entry import digest_hex
from takedown.blocklist.manifest import Log
from takedown.blocklist.verdict import FAULTS, SENTENCES, UNSEARCHED, Found, Verdict, judge
from takedown.errors import VerificationFailed
from takedown.subscribe import store
from takedown.subscribe.binding import bound_to
from takedown.subscribe.fetch import Fetcher
from takedown.subscribe.local import LocalBlocklist, open_blocklist
from takedown.subscribe.proof_log import Progress, fetch_log
from takedown.subscribe.store import Current
from takedown.subscribe.verify import prove as prove_list


@dataclass(frozen=True)
class Proof:
    """What a receipt's leaves say, and what the verified lists say to it.

    Attributes:
        seq: number of the release that the local list is of.
        log: size and root of its log.
        verdicts: one for each leaf of the receipt, at least one.
        warnings: plain sentences for a person.
    """

    seq: int
    log: Log
    verdicts: tuple[Verdict, ...]
    warnings: tuple[str, ...] = ()

    @property
    def fault(self) -> VerificationFailed | None:
        """The first thing that is not as it should be; None when everything is proven."""
        found = (FAULTS[verdict.outcome] for verdict in self.verdicts if verdict.outcome in FAULTS)
        slug = next(found, None)
        return VerificationFailed(SENTENCES[slug], slug=slug) if slug else None

    @property
    def lines(self) -> tuple[str, ...]:
        """For a person: a line for each leaf, and one that sums up."""
        title, closing = ("Not proven", "not-proven") if self.fault else ("Proven", "proven")
        if all(verdict.outcome in UNSEARCHED for verdict in self.verdicts):
            closing = "in-log"
        count = len(self.verdicts)
        summary = SENTENCES[closing].format(seq=self.seq, size=self.log.size, count=count)
        return (*(verdict.line for verdict in self.verdicts), f"{title}: {summary}")


def prove_receipt(
    proof_key: bytes,
    state_dir: Path,
    *,
    edition: str | None = None,
    fetcher: FetcherInterface | None = None,
    progress: Progress | None = None,
) -> Proof:
    """Find what the releases did about a receipt, and hold it against the verified lists.

    Args:
        proof_key: ``Receipt.proof_key``; it does not leave this process.
        state_dir: as given to ``sync``; the log is fetched from the address it was synced from.
        edition: look in the list of this edition only; in those of all when None.
        fetcher: how bytes are had; http(s) and files when None.
        progress: told (files of the log fetched, files in all).

    Raises:
        NothingToSync: slug ``no-list``: nothing was synced yet; ``log-unreachable``: try again later.
        UsageError: the edition is not kept here.
        VerificationFailed: slugs ``no-leaf``, ``log-differs``, ``log-incomplete``, ``leaf-unreadable``,
            ``leaf-repeated``, ``leaf-not-in-log``, or something on this disk was altered.
    """
    current = store.need_current(state_dir)
    prove_list(state_dir, current)
    names = sorted(current.editions) if edition is None else [edition]
    lists = [open_blocklist(state_dir, name) for name in names]
    if any(one.manifest.log != current.editions[one.edition].manifest.log for one in lists):
        sentence = "A newer list was synced while this one was in use; run the command again."
        raise VerificationFailed(sentence, slug="list-replaced")
    log = _log(current)
    fetched = fetch_log(fetcher or Fetcher(), _address(state_dir), current.seq, log, state_dir, progress)
    own = tuple(fetched.own(proof_key, current.seq))
    if not own:
        raise VerificationFailed(SENTENCES["no-leaf"].format(seq=current.seq), slug="no-leaf")
    return Proof(
        current.seq, log, judge(own, lambda kind, digest: _search(lists, kind, digest)), lists[0].warnings
    )


def _log(current: Current) -> Log:
    """What every manifest of the release says of the log."""
    found = {kept.manifest.log for kept in current.editions.values()}
    if len(found) != 1:
        raise store.altered()
    return found.pop()


def _address(state_dir: Path) -> str:
    found = bound_to(state_dir)
    if found is None:
        raise store.altered()
    return found[0]


def _search(lists: Sequence[LocalBlocklist], kind: str, digest: str) -> list[Found]:
    """The editions that list an entry, whole or cut to their length."""
    found = []
    for one in lists:
        table = one.table(kind)
        if table is not None and bytes.fromhex(digest) in table:
            found.append(Found(one.edition, digest_hex(kind, one.prefix_hex) == len(digest)))
    return found
