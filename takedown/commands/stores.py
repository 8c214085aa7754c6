"""The same for shards in an object store: what `plan`, `apply` and `restore` do with addresses."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from takedown.commands.sources import blocklist, ledger_folder, warn
from takedown.commands.terminal import progress, state_folder
from takedown.errors import UsageError

if TYPE_CHECKING:
    from takedown.apply import Outcome
    from takedown.apply.restore import Restored
    from takedown.subscribe import LocalBlocklist

#: Folder of shards under way, inside the state folder.
WORK = "remote"


def place(text: str) -> Path | str:
    """What --out names: a path on this disk, or the address of a store."""
    return text if "://" in text else Path(text)


def wanted(arguments: argparse.Namespace) -> bool:
    """Whether the command is about a store.

    Raises:
        UsageError: a path and an address in one call, or an option that stores do not have.
    """
    addresses = ["://" in str(source) for source in arguments.sources]
    out = arguments.out
    if not any(addresses) and not isinstance(out, str):
        return False
    if not all(addresses) or not addresses or (out is not None and not isinstance(out, str)):
        raise UsageError(
            "Paths on this disk and addresses of a store cannot be dealt with in one run; name them apart.",
            slug="sources-mixed",
        )
    for option in ("removed", "inventory"):
        if getattr(arguments, option, None) is not None:
            raise UsageError(f"--{option} is for copies on this disk; leave it out.", slug="not-for-stores")
    return True


def run(arguments: argparse.Namespace, *, planning: bool) -> tuple[Outcome, LocalBlocklist]:
    """Plan or apply."""
    from takedown.apply import remote

    listing = blocklist(arguments)
    warn(listing)
    with progress("planning" if planning else "applying", "shards") as tell:
        outcome = remote.run(
            listing,
            arguments.sources,
            work=work_folder(arguments),
            out=arguments.out,
            planning=planning,
            ledger=None if planning else ledger_folder(arguments),
            progress=tell,
        )
    return outcome, listing


def restore(arguments: argparse.Namespace, listing: LocalBlocklist) -> Restored:
    """Put rows back."""
    from takedown.apply import remote_restore

    if arguments.out is not None:
        raise UsageError(
            "Name what to restore as the source, without --out: the address that apply wrote to.",
            slug="not-for-stores",
        )
    with progress("restoring", "shards") as tell:
        return remote_restore.restore(
            listing,
            arguments.sources,
            work=work_folder(arguments),
            ledger=ledger_folder(arguments),
            progress=tell,
        )


def work_folder(arguments: argparse.Namespace) -> Path:
    """Where shards are while they are dealt with."""
    return state_folder(arguments) / WORK
