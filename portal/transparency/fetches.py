"""How often the list was asked for: a day and a number, and nothing else.

Every holder's program asks for ``metadata/timestamp.json`` first. The count is kept in memory and added to
the day's row at most once a minute or at 100, so that asking costs no write. What a process has not yet
written when it is killed is lost: it is a count of interest, not of people.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import Counter
from datetime import date

from django.db import DatabaseError, transaction
from django.db.models import F

from portal.days import today
from portal.models import ListFetches

#: What a holder asks for first.
COUNTED = "metadata/timestamp.json"

#: A count is written when it has grown to this, or after as many seconds.
MOST = 100
SECONDS = 60.0

log = logging.getLogger(__name__)


class Counted:
    """Counts of one process, by day. Threads may count at the same time."""

    def __init__(self) -> None:
        self._counts: Counter[date] = Counter()
        self._lock = threading.Lock()
        self._written = time.monotonic()

    def count(self) -> None:
        """One more today."""
        with self._lock:
            self._counts[today()] += 1
            due = self._counts.total() >= MOST or time.monotonic() - self._written >= SECONDS
            taken = self._take() if due else Counter()
        self._write(taken)

    def flush(self) -> None:
        """Write what is not written yet."""
        with self._lock:
            taken = self._take()
        self._write(taken)

    def _take(self) -> Counter[date]:
        taken, self._counts = self._counts, Counter()
        self._written = time.monotonic()
        return taken

    def _write(self, counts: Counter[date]) -> None:
        """A holder gets the list also while the database cannot be written to; the count waits then."""
        if not counts:
            return
        try:
            with transaction.atomic():
                for day, count in counts.items():
                    _add(day, count)
        except DatabaseError:
            log.warning("fetches.not-written", extra={"count": counts.total()})
            with self._lock:
                self._counts.update(counts)


def _add(day: date, count: int) -> None:
    ListFetches.objects.bulk_create([ListFetches(day=day)], ignore_conflicts=True)
    ListFetches.objects.filter(day=day).update(count=F("count") + count)


here = Counted()
atexit.register(here.flush)
