"""What commands on a copy of a dataset share: the copy they are about, and the list they hold it against."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from takedown.commands.terminal import state_folder, state_option

if TYPE_CHECKING:
    from takedown.subscribe import LocalBlocklist


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Declare SOURCE ..., --edition and --state."""
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="a .parquet file, a .tar shard or a folder"
    )
    parser.add_argument("--edition", metavar="E", help="which list, where the publisher has several")
    state_option(parser)


def blocklist(arguments: argparse.Namespace) -> LocalBlocklist:
    """The verified list that the options name.

    Raises:
        TakedownError: as ``open_blocklist``.
    """
    from takedown.subscribe import open_blocklist

    return open_blocklist(state_folder(arguments), arguments.edition)
