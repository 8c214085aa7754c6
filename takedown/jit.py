"""Compiles the few hot loops. Only the modules whose names end in ``_kernels`` use it.

numba is an optional part: a module that has a kernel imports it with ``try`` / ``except ImportError`` and
keeps a plain NumPy way beside it, whose answers are the same to the bit.

Kernels release the interpreter's lock and start no threads of their own. numba's parallel loops are not
used: its default thread pool ends the process when two threads of a server call it at once, and does not
survive the fork of a task worker. Who wants all cores cuts the work and calls kernels from several threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile a function at its first call, and keep the machine code on disk where that is possible.

    Division by zero and integer overflow behave as in NumPy; indexes are not checked. Floating-point
    operations stay in the order in which they are written, so that results are the same everywhere.
    """
    try:
        return cast("F", njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError:  # no folder for the machine code: neither beside the source nor in the user's home
        return cast("F", njit(nogil=True, error_model="numpy")(function))
