"""The holder of a dataset copy: `takedown sync`, `verify`, `plan`, `apply`."""

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
)
from takedown.errors import NothingToSync, UsageError

if TYPE_CHECKING:
    from takedown.apply import Outcome
    from takedown.subscribe import LocalBlocklist, SyncResult


def add(commands: Commands) -> None:
    """Declare the commands."""
    _add_sync(commands)
    _add_verify(commands)
    parser = declare(
        commands,
        "plan",
        "Say what applying the list would remove, read and write. Writes nothing.",
        "takedown plan laion/*.parquet",
        plan,
        details="Only the columns that the list speaks about are read, and of img2dataset shards only "
        "the sidecars: whether a tar holds samples that its sidecar does not list is found by apply.",
    )
    _add_sources(parser, out_needed=False)
    parser = declare(
        commands,
        "apply",
        "Write a copy of the data without the rows on the list.",
        "takedown apply laion/*.parquet --out clean/",
        apply,
        details="The originals are never touched. Files without a removal are hard links to the originals "
        "where the file system allows it: replace such a file, do not edit it in place. After an "
        "interruption run the same command again. A file that cannot be dealt with is named and left out, "
        "what an earlier run made of it is set aside under a hidden name, and the exit code is 3. Files of "
        "other kinds are not copied.",
    )
    _add_sources(parser, out_needed=True)


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
        help="the publisher's root file, had by a way that you trust",
    )
    state_option(parser)


def _add_verify(commands: Commands) -> None:
    parser = declare(
        commands,
        "verify",
        "Check the local list again, from the signatures on, without a network.",
        "takedown verify",
        verify,
    )
    state_option(parser)


def _add_sources(parser: argparse.ArgumentParser, *, out_needed: bool) -> None:
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="a .parquet file, a .tar shard or a folder"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=out_needed,
        metavar="DIR",
        help="folder for the result, with the layout of the sources; not inside a source",
    )
    parser.add_argument("--edition", metavar="E", help="which list, where the publisher has several")
    state_option(parser)


def sync(arguments: argparse.Namespace) -> int:
    """Fetch and verify; 5 when no newer list could be had."""
    from takedown import subscribe

    root = _read_root(arguments.root)
    result = subscribe.sync(arguments.url, root, state_folder(arguments, create=True))
    _tell(result, arguments.json)
    return 0 if result.stale is None else NothingToSync.exit_code


def verify(arguments: argparse.Namespace) -> int:
    """Verify what is kept."""
    from takedown import subscribe

    _tell(subscribe.verify(state_folder(arguments)), arguments.json)
    return 0


def plan(arguments: argparse.Namespace) -> int:
    """Count; 3 when a source could not be read."""
    from takedown import apply as applying

    with progress("planning") as tell:
        outcome = applying.plan(_blocklist(arguments), arguments.sources, out=arguments.out, progress=tell)
    return _report(outcome, arguments.json)


def apply(arguments: argparse.Namespace) -> int:
    """Apply; 3 when a source could not be dealt with."""
    from takedown import apply as applying

    with progress("applying") as tell:
        outcome = applying.apply(
            _blocklist(arguments), arguments.sources, arguments.out, progress=tell, waiting=_waiting
        )
    return _report(outcome, arguments.json, arguments.out)


def _waiting() -> None:
    note("Another run of takedown apply writes to this folder; waiting until it ends.")


def _blocklist(arguments: argparse.Namespace) -> LocalBlocklist:
    from takedown.subscribe import open_blocklist

    return open_blocklist(state_folder(arguments), arguments.edition)


def _report(outcome: Outcome, as_json: bool, out: Path | None = None) -> int:
    from takedown import report

    for failure in outcome.errors:
        note(failure.message)
    if as_json:
        say_json(report.to_json(outcome))
    else:
        say(report.to_text(outcome, out=out))
    return 3 if outcome.errors else 0


def _read_root(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}); give the publisher's root file with --root.",
            slug="root-unreadable",
        ) from error


def _tell(result: SyncResult, as_json: bool) -> None:
    for warning in result.warnings:
        note(f"Warning: {warning}")
    editions = {name: {"seq": seq, "entries": rows} for name, (seq, rows) in result.editions.items()}
    if as_json:
        answer: dict[str, Any] = {"seq": result.seq, "editions": editions, "warnings": list(result.warnings)}
        say_json(answer | ({"error": result.stale} if result.stale else {}))
        return
    say(f"Release {result.seq}, verified.")
    for name, (seq, rows) in sorted(result.editions.items()):
        say(f"  {name}: {rows:,} entries (release {seq})")
