"""The release manager: `takedown ceremony` and `takedown sign`. Both work by files, on any machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from takedown.commands.terminal import Commands, declare, note, say, say_json
from takedown.errors import UsageError

if TYPE_CHECKING:
    from takedown.publish import EditionChange


def add(commands: Commands) -> None:
    """Declare the commands."""
    parser = declare(
        commands,
        "ceremony",
        "Make the publisher's keys and an empty, signed release repository.",
        "takedown ceremony --keys /media/usb/keys --repository releases --publisher 'Example Lab'",
        ceremony,
        details="Give root.json to holders by a way that they trust. Move the root and targets keys to the "
        "people and machines that hold them; only snapshot and timestamp keys stay with the server.",
    )
    parser.add_argument("--keys", required=True, type=Path, metavar="DIR", help="new folder for private keys")
    parser.add_argument("--repository", required=True, type=Path, metavar="DIR", help="new folder to publish")
    parser.add_argument("--publisher", required=True, metavar="NAME", help="the name that holders see")
    parser.add_argument("--profile", default="small", metavar="P", help="how many keys: small or strict")
    parser.add_argument(
        "--throwaway",
        action="store_true",
        help="for a trial: readers warn, and production refuses these keys",
    )
    parser = declare(
        commands,
        "sign",
        "Show what a staged release changes, ask, and add one signature to it.",
        "takedown sign --repository releases --staging staged --key targets-1.pem",
        sign,
        details="The changes are worked out anew from the published and the staged lists, not taken "
        "on trust.",
    )
    parser.add_argument("--repository", required=True, type=Path, metavar="DIR", help="what is published now")
    parser.add_argument("--staging", required=True, type=Path, metavar="DIR", help="the staged release")
    parser.add_argument("--key", required=True, type=Path, metavar="FILE", help="your private targets key")
    parser.add_argument("--yes", action="store_true", help="sign without asking")


def ceremony(arguments: argparse.Namespace) -> int:
    """Make keys and repository."""
    from takedown import publish

    root = publish.ceremony(
        arguments.keys,
        arguments.repository,
        publisher=arguments.publisher,
        profile=arguments.profile,
        throwaway=arguments.throwaway,
    )
    if arguments.json:
        say_json({"root": str(root), "keys": str(arguments.keys), "throwaway": arguments.throwaway})
    else:
        say(f"The root file for holders is {root}.")
        say(f"The private keys are in {arguments.keys}. Keep them apart, and off the public server.")
    return 0


def sign(arguments: argparse.Namespace) -> int:
    """Review, ask, sign."""
    from takedown import publish

    changes = publish.review(arguments.repository, arguments.staging)
    if not arguments.json:
        for change in changes:
            say(_line(change))
    if not arguments.yes:
        _confirm(changes)
    publish.sign(arguments.repository, arguments.staging, arguments.key)
    if arguments.json:
        say_json({"signed": True, "editions": [_fields(change) for change in changes]})
    else:
        say("Signed.")
    return 0


def _confirm(changes: Sequence[EditionChange]) -> None:
    """Ask on standard error, so that the question is never mistaken for the result."""
    added, removed = sum(c.added for c in changes), sum(c.removed for c in changes)
    sys.stderr.write(f"Sign this release (+{added:,}, -{removed:,})? Type yes: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() != "yes":
        note("")
        raise UsageError("Nothing was signed; answer yes, or use --yes, to sign.", slug="not-confirmed")


def _line(change: EditionChange) -> str:
    return (
        f"{change.name}: {change.added:,} added, {change.removed:,} removed, {change.rows:,} in all "
        f"({change.disposition}, {change.prefix_hex} hex digits)"
    )


def _fields(change: EditionChange) -> dict[str, Any]:
    names = ("name", "added", "removed", "rows", "prefix_hex", "disposition", "state_sha256")
    return {name: getattr(change, name) for name in names}
