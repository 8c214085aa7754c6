"""What takes seconds to make and is only read, made once though several processes share the tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from takedown import disk


class Once:
    """Folders that the processes of one run of the tests have in common.

    Attributes:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def made(self, name: str, fill: Callable[[Path], object]) -> Path:
        """The folder of this name. Whoever asks first makes and fills it, the others wait for that."""
        made, whole = self.folder / name, self.folder / f"{name}.whole"
        with disk.locked(self.folder / f"{name}.lock"):
            if not whole.exists():
                shutil.rmtree(made, ignore_errors=True)  # what a process left that failed at it
                made.mkdir()
                fill(made)
                whole.touch()
        return made
