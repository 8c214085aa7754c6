"""What commands on a copy of a dataset share: the copy they are about, and the list they hold it against."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from takedown.commands.terminal import note, state_folder, state_option, whole_number

if TYPE_CHECKING:
    from takedown.apply.inventory import Inventory
    from takedown.subscribe import LocalBlocklist

#: Folder of the rows kept aside, inside the state folder.
LEDGER = "ledger"


def add_sources(parser: argparse.ArgumentParser, *, needed: bool = True, stores: bool = True) -> None:
    """Declare SOURCE ..., --edition, --dataset and --state.

    Args:
        needed: at least one.
        stores: the command can be given the address of a store.
    """
    remote = "; or the address of a store, such as s3://bucket/laion" if stores else ""
    parser.add_argument(
        "sources",
        nargs="+" if needed else "*",
        metavar="SOURCE",
        help=f"a .parquet file, a .tar shard, an address list or a folder{remote}",
    )
    add_list(parser)


def add_list(parser: argparse.ArgumentParser) -> None:
    """Declare --edition, --dataset and --state."""
    parser.add_argument("--edition", metavar="E", help="which list, where the publisher has several")
    parser.add_argument(
        "--dataset", metavar="ID", help="refuse a list that does not say it is for this dataset"
    )
    state_option(parser)


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Declare --workers."""
    parser.add_argument(
        "--workers",
        type=whole_number(1),
        metavar="N",
        help="processes that work at a time (default: one a core)",
    )


def add_inventory(parser: argparse.ArgumentParser) -> None:
    """Declare --inventory."""
    parser.add_argument(
        "--inventory",
        type=Path,
        metavar="DIR",
        help="an inventory of this copy: only the shards that the list names are opened",
    )


def inventory(arguments: argparse.Namespace) -> Inventory | None:
    """The inventory of --inventory. Raises UsageError, BadDataset."""
    from takedown.apply.inventory import Inventory

    return Inventory.open(arguments.inventory) if arguments.inventory else None


def add_ledger(parser: argparse.ArgumentParser) -> None:
    """Declare --ledger."""
    parser.add_argument(
        "--ledger",
        type=Path,
        metavar="DIR",
        help="folder for rows that are kept aside, readable by you alone (default: in the state folder)",
    )


def blocklist(arguments: argparse.Namespace) -> LocalBlocklist:
    """The verified list that the options name.

    Raises:
        TakedownError: as ``open_blocklist``.
    """
    from takedown.subscribe import open_blocklist

    return open_blocklist(state_folder(arguments), arguments.edition, arguments.dataset)


def warn(listing: LocalBlocklist) -> None:
    """Say what whoever goes on with this list should know about it."""
    for warning in listing.warnings:
        note(f"Warning: {warning}")


def ledger_folder(arguments: argparse.Namespace) -> Path:
    """The folder of --ledger, or the default."""
    return Path(arguments.ledger or state_folder(arguments) / LEDGER)
