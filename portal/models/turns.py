"""Writers that must not overtake each other take turns until their transaction ends."""

from __future__ import annotations

from enum import IntEnum

from django.db import connection


class Turn(IntEnum):
    """Keys of PostgreSQL advisory locks; any distinct constants will do."""

    TRAIL = 7_041_776
    DESK = 7_041_777  #: cases, decisions, supports, listings; always taken before any row is touched


def take_turns(turn: Turn) -> None:
    """Wait for the others in line. SQLite has one writer at a time anyway (IMMEDIATE transactions)."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int(turn)])
