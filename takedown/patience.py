"""When compiled loops are worth loading: numba takes half a second of every process that uses it.

Who has a compiled loop and a plain way counts what it deals with here, and takes the plain way until a
process has done so much that it would have been better off otherwise. Then all loops are loaded.
"""

from __future__ import annotations

#: Texts that a process hashes one by one before compiled loops are loaded.
PATIENCE = 1 << 19

_done = 0


def expect(texts: int) -> None:
    """Say how much is coming, so that no time is lost with the plain way where it is a lot."""
    worth(texts)


def worth(texts: int) -> bool:
    """Count work that is as much as hashing so many texts. Whether compiled loops pay by now."""
    global _done
    _done += texts
    return _done >= PATIENCE
