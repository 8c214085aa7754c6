"""Keys and an empty repository: `takedown ceremony`. It works by files, on any machine.

In one go, on one machine, for a trial or a very small publisher; or step by step, each holder on a machine of
their own: `key`, `propose`, `show`, `sign`, `finish`, and `status` at any time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from takedown.commands.ceremony_steps import add_profile, add_steps, add_throwaway
from takedown.commands.terminal import Commands, declare, say, say_json
from takedown.errors import UsageError


def add(commands: Commands) -> None:
    """Declare the command and its steps."""
    parser = declare(
        commands,
        "ceremony",
        "Make the publisher's keys and an empty, signed release repository.",
        "takedown ceremony --keys /media/usb/keys --repository releases --publisher 'Example Lab'",
        ceremony,
        details="Without a step, all keys are made here, in one go: give metadata/1.root.json of the "
        "repository to holders by a way that they trust, move the root and targets keys to the people and "
        "machines that hold them, and leave only snapshot and timestamp keys with the server. With the "
        "steps, each holder makes their own key on their own machine, and only small public files travel; so "
        "are keys replaced later.",
    )
    # Names of their own, since a step has options of the same spelling.
    parser.add_argument(
        "--keys",
        dest="all_keys",
        type=Path,
        metavar="DIR",
        help="new folder for private keys, outside the one to publish",
    )
    parser.add_argument(
        "--repository", dest="all_repository", type=Path, metavar="DIR", help="new folder to publish"
    )
    parser.add_argument("--publisher", dest="all_publisher", metavar="NAME", help="the name that holders see")
    add_profile(parser, "all_profile")
    add_throwaway(parser, "all_throwaway")
    add_steps(parser.add_subparsers(metavar="STEP", title="steps on separate machines"))


def ceremony(arguments: argparse.Namespace) -> int:
    """Make keys and repository in one go."""
    from takedown import publish

    names = ("keys", "repository", "publisher")
    missing = [f"--{name}" for name in names if not getattr(arguments, f"all_{name}")]
    if missing:
        raise UsageError(f"Give {', '.join(missing)}, or a step such as key; see 'takedown ceremony --help'.")
    root = publish.ceremony(
        arguments.all_keys,
        arguments.all_repository,
        publisher=arguments.all_publisher,
        profile=arguments.all_profile or "small",
        throwaway=arguments.all_throwaway,
    )
    if arguments.json:
        fields = {"root": str(root), "keys": str(arguments.all_keys)}
        say_json(fields | {"throwaway": arguments.all_throwaway})
    else:
        say(f"The root file for holders is {root}.")
        say(f"The private keys are in {arguments.all_keys}. Keep them apart, and off the public server.")
    return 0
