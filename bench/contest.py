"""Near codes beside the indexes others have made (peers.py), all holding the same codes.

1. Make codes with planted neighbours, once, in a file that everyone maps; build ours from it.
2. Each peer in a process of its own, so that its memory is its own and gone afterwards: build it, see that
   it and ours find what was planted and nothing else, time the two in turn; again after reading it back.
3. Print ours, with the median of all those times, and each peer with its ratio to ours beside it.
"""

from __future__ import annotations

import gc
import multiprocessing
import resource
import shutil
import signal
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench import codes, peers
from bench.report import agree, at_least, at_most, folder_bytes, goals, once, ratio, say, table
from takedown.index import PDQ_RADIUS, mih

#: Queries in one call: of ours, and of a peer (more than 100, from where on multi-hash uses all cores).
MANY, PEER_MANY = 20_000, 256

#: Calls of one query each in a round, of ours and of a peer; and rounds, after one that does not count.
ONE, PEER_ONE = 500, 40
ROUNDS = 3

OURS = "takedown mih"

#: Codes for which the goal is set.
GOAL_ROWS = 10_000_000


@dataclass(frozen=True)
class Side:
    """One of a pair that is timed in turn: seconds a look-up.

    Attributes:
        many: with many in one call, the best of the rounds, which was disturbed least.
        cores: processor time over time meanwhile; far below the number of cores, something else ran.
        one, slow: with one in a call, median and 95th percentile of the calls.
    """

    many: float
    cores: float
    one: float
    slow: float


@dataclass(frozen=True)
class Outcome:
    """A peer and ours, in one process.

    Attributes:
        built: seconds to build the peer, None where it was read back.
        memory: bytes that the peer holds.
        recall: share of the planted neighbours within the radius that it found.
        others: how many it found that were not planted.
    """

    peer: Side
    ours: Side
    built: float | None
    memory: int
    recall: float
    others: int


def measure(folder: Path, rows: int) -> None:
    """Print how ours and each peer do with so many codes, or what is missing to find out."""
    try:
        say(f"\n{peers.versions()}")
    except peers.MissingPeerError as error:
        say(f"\nNear codes are not compared with other indexes: {error}")
        return
    planted, out = codes.write(folder, rows, MANY), folder / f"mih-{rows}"
    mih.build(planted.codes[:50_000], folder / "compile")  # or read what was compiled before
    built = once(partial(mih.build, planted.codes, out)).median
    outcomes: dict[str, Outcome] = {}
    for label in peers.PEERS:
        found = _apart(label, folder, rows)
        outcomes |= found
        if not found:
            say(f"{label}: there was too little memory for it")
    sides = [_figures(outcome.ours) for outcome in outcomes.values()]
    ours = Side(*(statistics.median(figures) for figures in zip(*sides, strict=True)))
    _print(rows, outcomes, Outcome(ours, ours, built, folder_bytes(out), 1.0, 0))
    shutil.rmtree(out)


def _print(rows: int, outcomes: dict[str, Outcome], ours: Outcome) -> None:
    lines = {OURS: ours, **outcomes}
    kept = [
        (label, rows / got.built if got.built else "", got.memory / rows, f"{got.recall:.3f}", got.others)
        for label, got in lines.items()
    ]
    head: tuple[str, ...] = ("", "build rows/s", "bytes/row", "recall", "others found")
    table(f"{rows:,} PDQ codes, radius {PDQ_RADIUS}: ours in files, the others in memory", head, kept)
    asked = [
        (label, 1 / got.peer.many, got.peer.cores, ratio(got.peer.many, got.ours.many), *_one(got))
        for label, got in lines.items()
    ]
    head = ("", "look-ups/s, many a call", "cores", "time, x ours", "ms, one a call", "p95", "time, x ours")
    table(f"{rows:,} PDQ codes, radius {PDQ_RADIUS}: asked", head, asked)
    if rows == GOAL_ROWS:
        _goals(rows, ours, outcomes)


def _one(got: Outcome) -> tuple[object, ...]:
    return got.peer.one * 1e3, got.peer.slow * 1e3, ratio(got.peer.one, got.ours.one)


def _goals(rows: int, ours: Outcome, outcomes: dict[str, Outcome]) -> None:
    lines = [
        at_least("look-ups/s, many a call", 1 / ours.ours.many, 25_000),
        at_most("ms, one a call", ours.ours.one * 1e3, 0.2),
        at_least("build rows/s", rows / (ours.built or 0), 1_000_000),
        at_most("bytes/row", ours.memory / rows, 130),
    ]
    for label, got in outcomes.items():
        if label.startswith(peers.THREATEXCHANGE):
            lines.append(at_least(f"x {label}, its query()", got.peer.one / got.ours.many, 250))
            lines.append(
                at_least(f"x {label}, many a call of its matcher", got.peer.many / got.ours.many, 250)
            )
    goals(*lines)


def _figures(side: Side) -> tuple[float, ...]:
    return side.many, side.cores, side.one, side.slow


def _apart(label: str, folder: Path, rows: int) -> dict[str, Outcome]:
    """What a process of its own measures; nothing when it was ended for taking too much memory."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sending, label, folder, rows), daemon=True)
    process.start()
    sending.close()
    try:
        outcomes: dict[str, Outcome] = receiving.recv()
    except EOFError:
        process.join()
        agree(f"{label} ended before it was measured", process.exitcode == -signal.SIGKILL)
        return {}
    process.join()
    return outcomes


def _work(sending: Connection, label: str, folder: Path, rows: int) -> None:
    planted, ours = codes.load(folder, rows), mih.open(folder / f"mih-{rows}")
    peer = peers.PEERS[label]()
    before = _memory()
    built = once(partial(peer.add, planted.codes)).median
    outcomes = {label: _measured(peer, ours, planted, built, before)}
    file = folder / "peer"
    if peer.read_back(file):
        outcomes[f"{label}, read back"] = _measured(peer, ours, planted, None, before)
        file.unlink()
    sending.send(outcomes)


def _measured(
    peer: peers.Peer, ours: mih.Mih, planted: codes.Planted, built: float | None, before: int
) -> Outcome:
    memory = _memory() - before
    asked = peer.prepared(planted.queries[:PEER_MANY])
    recall, others = _found(peer, asked, planted)
    hits = ours.search(planted.queries, PDQ_RADIUS)
    pairs = set(zip(hits.query.tolist(), hits.row.tolist(), strict=True))
    agree("our index found other rows than those planted", pairs == planted.within(PDQ_RADIUS))
    many, one = partial(peer.many, radius=PDQ_RADIUS), partial(peer.one, radius=PDQ_RADIUS)
    theirs = _Timed(many, one, asked, PEER_ONE)
    search = partial(ours.search, radius=PDQ_RADIUS)
    mine = _Timed(search, search, planted.queries, ONE)
    for _ in range(1 + ROUNDS):
        theirs.round()
        mine.round()
    return Outcome(theirs.side(), mine.side(), built, memory, recall, others)


def _found(peer: peers.Peer, asked: Any, planted: codes.Planted) -> tuple[float, int]:
    """Share of the planted neighbours that the peer finds, and how many others."""
    near = planted.within(PDQ_RADIUS, PEER_MANY)
    found = peer.pairs(peer.many(asked, PDQ_RADIUS))
    return len(found & near) / len(near), len(found - near)


class _Timed:
    """Times one side: a round is one call with all queries, then some calls with one.

    Args:
        many, one: the two ways to ask.
        queries: something to cut slices from.
        alone: calls with one query in a round.
    """

    def __init__(
        self, many: Callable[[Any], object], one: Callable[[Any], object], queries: Any, alone: int
    ) -> None:
        self._many, self._one, self._queries, self._alone = many, one, queries, alone
        self._rounds: list[tuple[float, float]] = []
        self._calls: list[list[float]] = []

    def round(self) -> None:
        busy = _busy()
        seconds = once(partial(self._many, self._queries)).median
        self._rounds.append((seconds / len(self._queries), (_busy() - busy) / seconds))
        with peers.one_thread():
            places = range(min(self._alone, len(self._queries)))
            self._calls.append([once(partial(self._one, self._queries[n : n + 1])).median for n in places])

    def side(self) -> Side:
        """The best of all rounds but the first, and the median of their calls with one query."""
        many, cores = min(self._rounds[1:])
        calls = sorted(second for calls in self._calls[1:] for second in calls)
        return Side(many, cores, statistics.median(calls), calls[len(calls) * 95 // 100])


def _busy() -> float:
    """Processor seconds of this process so far, of all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory() -> int:
    """Bytes this process holds, without the pages of mapped files."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024
