"""All shards of a run, by several processes.

1. Shards that an earlier run finished are counted and passed over (journal.py).
2. Files that are more than their share are scanned in pieces first (pieces.py).
3. One process a core, this one among them, deals with one shard after the other (deal.py). One that fails
   is named, and the others are done.

The processes are started anew and not forked: they end with whoever started them, a fork of a process with
threads may hang, and the list costs each of them nothing, since it lies in files that all of them map.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

from takedown import farm, patience
from takedown.apply import marks, result
from takedown.apply.deal import Scanned, Tell, deal, journal_of, size
from takedown.apply.journal import done, name_of
from takedown.apply.layout import Job
from takedown.apply.ledger import Ledger
from takedown.apply.outcome import Counts, Failure, Outcome
from takedown.apply.pieces import cut, together
from takedown.apply.removed import has_part
from takedown.apply.scan import Removals
from takedown.apply.terms import Terms
from takedown.apply.worker import do, lean, pack, shared, unpack
from takedown.dataset import Piece
from takedown.errors import TakedownError

#: Called with (rows done, rows in all) as a run goes on.
Progress = Callable[[int, int], None]

#: Fewer bytes than this are dealt with before other processes have started.
FEW_BYTES = 32 * 1024 * 1024

_WORKER = "takedown.apply.worker"


@dataclass
class Run:
    """One run.

    Args:
        terms: what to do.
        jobs: the shards.
        outcome: is added to.
        workers: most processes; None for one a core, or this one alone where there is little to do.
        progress: told about rows as they are read.
        keep: descriptors that the processes hold too.
    """

    terms: Terms
    jobs: Sequence[Job]
    outcome: Outcome
    workers: int | None = None
    progress: Progress | None = None
    keep: Sequence[int] = ()
    _results: dict[int, Counts | TakedownError] = field(default_factory=dict)
    _scanned: dict[int, Scanned] = field(default_factory=dict)
    _rows: int = 0

    def work(self) -> list[Job]:
        """Do it; the shards that were dealt with."""
        self._ticker = Ticker(self.jobs, self.progress)
        self._pass_over()
        todo = [number for number in range(len(self.jobs)) if number not in self._results]
        todo = longest_first(todo, [size_of(job) for job in self.jobs])
        workers = self.workers or self._enough(todo)
        if workers == 1:
            self._ask_inventory(todo, workers)
            for number in todo:
                scanned = self._scanned.get(number)
                self._results[number] = _here(self.terms, self.jobs[number], self._ticker, scanned)
        else:
            self._ask_inventory(todo, workers)
            with lean(), shared(self.terms) as descriptor:
                unknown = (number for number in todo if number not in self._scanned)
                self._rows = sum(self.jobs[number].shard.known_rows or 0 for number in unknown) // workers
                patience.expect(self._rows)
                self._in_pieces(todo, workers, descriptor)
                self._whole(todo, workers, descriptor)
        return self._count()

    def _enough(self, todo: Sequence[int]) -> int:
        little = sum(size_of(self.jobs[number]) for number in todo) < FEW_BYTES
        return 1 if little else farm.default_workers()

    def _pass_over(self) -> None:
        """Step 1."""
        if self.terms.planning:
            return
        lines = journal_of(self.terms).read()
        for number, job in enumerate(self.jobs):
            line = lines.get(name_of(job))
            if line is None or (
                self.terms.removed and not self.terms.in_place and not has_part(self.terms, job)
            ):
                continue
            try:
                counts = done(line, job, self.terms.places(job), in_place=self.terms.in_place)
            except (TakedownError, OSError):
                continue
            if counts is not None and self._is_kept(job, counts):
                self._results[number] = counts
                self.outcome.resumed += 1
                self._ticker(counts.rows_in)

    def _is_kept(self, job: Job, counts: Counts) -> bool:
        """Whether rows that were to be kept aside are in this ledger: it may be another one, or be gone."""
        if self.terms.in_place or self.terms.ledger is None or not any(counts.quarantined_by_kind.values()):
            return True
        return Ledger(self.terms.ledger).has(self.terms.targets(job)[0])

    def _ask_inventory(self, todo: Sequence[int], workers: int) -> None:
        """Shards that hold nothing listed for certain are not opened. Reading keys leaves Python's lock."""
        if self.terms.inventory is None:
            return
        with ThreadPoolExecutor(workers) as pool:
            answers = pool.map(self._known, todo)
            for number, found in zip(todo, answers, strict=True):
                if found is not None:
                    self._scanned[number] = found
                    self._ticker(found.removals.rows_in)

    def _known(self, number: int) -> Scanned | None:
        shard, inventory = self.jobs[number].shard, self.terms.inventory
        assert inventory is not None  # noqa: S101 - asked above: for the type checker
        try:
            versions = marks.versions(shard.files())
            none = inventory.none(shard, self.terms.scanner.tables)
        except OSError:  # what became of it is found when it is opened
            return None
        return None if none is None else Scanned(none, versions, known=True)

    def _in_pieces(self, todo: Sequence[int], workers: int, descriptor: int) -> None:
        """Step 2."""
        unknown = [number for number in todo if number not in self._scanned]
        pieces = cut([self.jobs[number] for number in unknown], workers)
        units = [(unknown[at], piece) for at, cuts in pieces.items() for piece in cuts]
        if not units:
            return
        versions = {number: marks.versions(self.jobs[number].shard.files()) for number, _ in units}
        tasks = [self._task(number, descriptor, 1, piece=piece) for number, piece in units]
        parts: dict[int, dict[Piece, Removals]] = {number: {} for number, _ in units}
        for at, answer in self._farm(tasks, workers):
            number, piece = units[at]
            if isinstance(answer, TakedownError):
                self._results.setdefault(number, answer)
            else:
                parts[number][piece] = unpack(answer["removals"])
        for number, found in parts.items():
            if number not in self._results:
                removals = together([found[piece] for piece in sorted(found)])
                self._scanned[number] = Scanned(removals, versions[number])

    def _whole(self, todo: Sequence[int], workers: int, descriptor: int) -> None:
        """Step 3."""
        left = [number for number in todo if number not in self._results]
        threads = max(1, workers // max(1, len(left)))
        tasks = [self._task(number, descriptor, threads) for number in left]
        for at, answer in self._farm(tasks, workers):
            known = answer if isinstance(answer, TakedownError) else Counts(**answer["counts"])
            self._results[left[at]] = known

    def _task(self, number: int, descriptor: int, threads: int, piece: Piece | None = None) -> farm.Task:
        job = pack((self.jobs[number], piece, self._scanned.get(number)))
        return {"terms": descriptor, "threads": threads, "rows": self._rows, "job": job}

    def _farm(
        self, tasks: Sequence[farm.Task], workers: int
    ) -> Iterator[tuple[int, farm.Result | TakedownError]]:
        descriptors = [*self.keep, *{task["terms"] for task in tasks}]
        work = self._own_task
        with closing(farm.run(_WORKER, tasks, workers, self._ticker, keep=descriptors, here=work)) as over:
            yield from over

    def _own_task(self, task: farm.Task, tell: Tell) -> farm.Result:
        """A task that this process does itself. Raises TakedownError."""
        return do(self.terms, task, tell)

    def _count(self) -> list[Job]:
        """In the order of the sources, whoever was done first."""
        fine = []
        for number, job in enumerate(self.jobs):
            counts = self._results[number]
            if isinstance(counts, TakedownError):
                self.outcome.errors.append(Failure.of(job.shard.path, counts))
                self.outcome.errors += self._clear(job)
            else:
                self.outcome.add(counts)
                fine.append(job)
        return fine

    def _clear(self, job: Job) -> list[Failure]:
        """Of a shard that failed nothing from earlier runs stays in a result. In place it is the source."""
        if self.terms.planning or self.terms.out is None:
            return []
        return result.clear(self.terms.out, job.names())


class Ticker:
    """Adds up rows for the progress callback, from several threads."""

    def __init__(self, jobs: Sequence[Job], progress: Progress | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._done = 0
        # Only sidecars and Parquet know their rows for nothing; counting others would read whole tars.
        self._total = sum(job.shard.known_rows or 0 for job in jobs)

    def __call__(self, rows: int) -> None:
        with self._lock:
            self._done += rows
            if self._progress:
                self._progress(self._done, max(self._total, self._done))


def longest_first(numbers: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """What is much longer than others comes first, so that all processes end together; the rest in order."""
    much = 2 * sum(sizes[number] for number in numbers) // max(1, len(numbers))
    return sorted(numbers, key=lambda number: -(sizes[number] // max(1, much)))


def size_of(job: Job) -> int:
    """Bytes of a shard; 0 where a file of it has gone, which is found when it is dealt with."""
    try:
        return size(job)
    except OSError:
        return 0


def _here(terms: Terms, job: Job, tell: Ticker, scanned: Scanned | None) -> Counts | TakedownError:
    try:
        return deal(terms, job, tell, scanned)
    except TakedownError as error:
        return error
