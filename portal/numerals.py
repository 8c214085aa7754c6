"""Numbers as people of every language read them."""

from __future__ import annotations


def grouped(number: int) -> str:
    """1234567 -> 1 234 567 with narrow no-break spaces."""
    return f"{number:,}".replace(",", "\u202f")
