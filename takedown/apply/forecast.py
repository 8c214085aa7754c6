"""What a run is going to read, said before it begins: terabytes should not come as a surprise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from takedown.apply.deal import scan_bytes, size
from takedown.apply.layout import Layout
from takedown.apply.terms import Terms


@dataclass(frozen=True)
class Forecast:
    """What is known from footers and sizes alone.

    Attributes:
        files: shards.
        scan_bytes: what finding the listed rows reads.
        total_bytes: of all files of all shards: more is never read, nor written.
    """

    files: int
    scan_bytes: int
    total_bytes: int


Announce = Callable[[Forecast], None]


def announced(announce: Announce | None, terms: Terms, layout: Layout) -> None:
    """Tell it, where somebody wants to hear it."""
    if announce is None:
        return
    try:
        scans = sum(scan_bytes(terms, job) for job in layout.jobs)
        total = sum(size(job) for job in layout.jobs)
    except OSError:
        return  # a file went away just now; the run says so
    announce(Forecast(len(layout.jobs), scans, total))
