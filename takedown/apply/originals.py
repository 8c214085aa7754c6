"""The promise that originals are never touched, checked before anything is written.

A result replaces the directory entry under its name, so an original is in danger exactly when a result would
go into a folder that holds one, whichever way the two folders are written: with "..", through a link, in
other case on a disk that does not tell. Folders are therefore compared by device and inode.

In place there is no such promise: a source is replaced, by a rename. That changes the directory entry and not
the file, so another hard link to it (from an earlier result, say) keeps the old content, and is never edited
through. A symbolic link is refused: the rename would leave the file that it leads to as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from takedown import disk
from takedown.apply.layout import Layout, targets
from takedown.apply.ledger import SHARDS
from takedown.errors import UsageError

Folder = tuple[int, int]  # device and inode


def check_out(out: Path, sources: Sequence[str | Path], layout: Layout) -> None:
    """Raises UsageError when writing to `out` could touch an original, or two results would meet."""
    if out.exists() and not out.is_dir():
        raise UsageError(
            f"{out} is a file; give a folder for the result with --out.", slug="out-not-a-folder"
        )
    within = _folders(Path(source) for source in sources if os.path.isdir(source))
    beside = _folders(
        entry.parent
        for source in (*sources, *(file for job in layout.jobs for file in job.shard.files()))
        for entry in (Path(source), Path(os.path.realpath(source)))
        if not entry.is_dir()
    )
    paths = targets(out, layout)
    for folder in sorted({out, *(path.parent for path in paths)}):
        chain = _chain(folder)
        if chain[0] in beside or not within.isdisjoint(chain):
            raise UsageError(
                f"The result would go into {folder}, which is the folder of a source or lies inside it; give "
                "another folder with --out, the originals are never overwritten.",
                slug="out-is-source",
            )
    _refuse_meeting(out, paths)


def check_in_place(layout: Layout) -> None:
    """Raises UsageError when replacing a source would not change the file that holds the rows."""
    for job in layout.jobs:
        for file in job.shard.files():
            if file.is_symlink():
                raise UsageError(
                    f"{file} is a link, and replacing it would leave the file it leads to as it is; name "
                    "that file instead, or write to another folder with --out.",
                    slug="in-place-link",
                )


def check_ledger(ledger: Path, sources: Sequence[str | Path]) -> None:
    """Raises UsageError when rows kept aside would be taken for rows of a source, or cannot be written."""
    check_ledger_place(ledger)
    within = _folders(Path(source) for source in sources if os.path.isdir(source))
    if not within.isdisjoint(_chain(ledger)):
        raise UsageError(
            f"The rows that are kept aside would go to {ledger}, inside a source, and be taken for its rows; "
            "name a folder elsewhere with --ledger or --state.",
            slug="ledger-in-source",
        )


def check_ledger_place(ledger: Path) -> None:
    """Raises UsageError when nothing can be written there: else each shard would fail by itself."""
    if (why := disk.refusal(ledger) or disk.refusal(ledger / SHARDS)) is not None:
        raise UsageError(
            f"The rows that are kept aside would go to the ledger {ledger}, which cannot be written ({why}); "
            "name another folder with --ledger.",
            slug="ledger-not-writable",
        )


def _refuse_meeting(out: Path, paths: Sequence[Path]) -> None:
    inside = Path(os.path.abspath(out))
    plain = [Path(os.path.abspath(path)) for path in paths]
    if len(set(plain)) != len(plain) or not all(path.is_relative_to(inside) for path in plain):
        raise UsageError(
            "Two sources would go to the same place in the result; apply them one by one, each to a folder "
            "of its own.",
            slug="out-ambiguous",
        )


def _folders(paths: Iterable[Path]) -> set[Folder]:
    return {folder for path in set(paths) if (folder := _folder(path)) is not None}


def _chain(path: Path) -> list[Folder | None]:
    """The folder and all that it lies in, the innermost first; None for those that are not there yet."""
    real = Path(os.path.realpath(path))
    return [_folder(folder) for folder in (real, *real.parents)]


def _folder(path: Path) -> Folder | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino
