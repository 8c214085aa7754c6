"""Keeping the list: `takedown sync` and `verify`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from takedown.commands.terminal import (
    Commands,
    declare,
    note,
    progress,
    say,
    say_json,
    state_folder,
    state_option,
    whole_number,
)
from takedown.errors import NothingToSync, UsageError

if TYPE_CHECKING:
    from takedown.subscribe import Comparison, SyncResult


def add(commands: Commands) -> None:
    """Declare the commands."""
    _add_sync(commands)
    _add_verify(commands)


def _add_sync(commands: Commands) -> None:
    parser = declare(
        commands,
        "sync",
        "Fetch the publisher's newest list and verify it.",
        "takedown sync https://publisher.example/blocklist --root root.json",
        sync,
        details="When nothing newer can be had, or what is offered does not verify, the last verified list "
        "stays.",
    )
    parser.add_argument("url", metavar="URL", help="address or folder of the publisher's release repository")
    parser.add_argument(
        "--root",
        required=True,
        type=Path,
        metavar="root.json",
        help="the publisher's root file, had by a way that you trust; the same file each time",
    )
    parser.add_argument(
        "--min-seq",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="refuse releases below this number, which you know to exist",
    )
    state_option(parser)


def _add_verify(commands: Commands) -> None:
    parser = declare(
        commands,
        "verify",
        "Check the local list again, from the signatures on, without a network.",
        "takedown verify",
        verify,
        details="With --compare, also asks whether another place that serves the releases tells the same "
        "story: its signatures and manifests, not the data files. That needs a network.",
    )
    parser.add_argument(
        "--compare",
        metavar="MIRROR",
        help="address or folder of another copy of the release repository, held against the local list",
    )
    state_option(parser)


def sync(arguments: argparse.Namespace) -> int:
    """Fetch and verify; 5 when no newer list could be had."""
    from takedown import subscribe

    root = _read_root(arguments.root)
    state = state_folder(arguments, create=True)
    with progress("syncing", "entries") as bar:
        result = subscribe.sync(arguments.url, root, state, min_seq=arguments.min_seq, progress=bar)
    _tell(result, arguments.json)
    return 0 if result.stale is None else NothingToSync.exit_code


def verify(arguments: argparse.Namespace) -> int:
    """Verify what is kept, and what another place serves beside it."""
    from takedown import subscribe

    state = state_folder(arguments)
    result = subscribe.verify(state)
    other = subscribe.compare(state, arguments.compare) if arguments.compare else None
    _tell(result, arguments.json, other)
    return 0


def _read_root(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}); give the publisher's root file with --root.",
            slug="root-unreadable",
        ) from error


def _tell(result: SyncResult, as_json: bool, other: Comparison | None = None) -> None:
    for warning in result.warnings:
        note(f"Warning: {warning}")
    editions = {name: {"seq": seq, "entries": rows} for name, (seq, rows) in result.editions.items()}
    if as_json:
        answer: dict[str, Any] = {"seq": result.seq, "editions": editions, "warnings": list(result.warnings)}
        answer |= {"error": result.stale} if result.stale else {}
        say_json(answer | ({"other_seq": other.other_seq} if other else {}))
        return
    from takedown.report import counted

    say(f"Release {result.seq}, verified.")
    for name, (seq, rows) in sorted(result.editions.items()):
        say(f"  {name}: {counted(rows, 'entry', 'entries')} (release {seq})")
    if other:
        say(other.sentence)
