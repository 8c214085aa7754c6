"""Keys and an empty repository: `takedown ceremony`. It works by files, on any machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from takedown.commands.terminal import Commands, declare, say, say_json


def add(commands: Commands) -> None:
    """Declare the command."""
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
