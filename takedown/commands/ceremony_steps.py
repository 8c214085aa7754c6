"""The steps of `takedown ceremony` on separate machines: each holder's own key, and changes many sign."""

from __future__ import annotations

import argparse
from pathlib import Path

from takedown.commands import ceremony_words as words
from takedown.commands.terminal import Commands, Run, confirmed, declare, note, say, say_json
from takedown.errors import Stale, UsageError


def add_steps(steps: Commands) -> None:
    """Declare the steps."""
    for declare_step in (_add_key, _add_propose, _add_show, _add_sign, _add_finish, _add_status):
        declare_step(steps)


def add_profile(parser: argparse.ArgumentParser, name: str = "profile") -> None:
    """Declare --profile."""
    parser.add_argument(
        "--profile", dest=name, metavar="P", help="how many keys: small (for a new one) or strict"
    )


def add_throwaway(parser: argparse.ArgumentParser, name: str = "throwaway") -> None:
    """Declare --throwaway."""
    parser.add_argument(
        "--throwaway",
        dest=name,
        action="store_true",
        help="for a trial: readers warn, and production refuses these keys",
    )


def _add_change(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--change", required=True, type=Path, metavar="DIR", help="folder of the change")


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root", type=Path, metavar="FILE", help="the 1.root.json that you trust; must be where it begins"
    )


def _add_key(steps: Commands) -> None:
    parser = declare(
        steps,
        "key",
        "Make your own key: a private file that you keep, a public file that you hand over.",
        "takedown ceremony key --role root --label a --out /media/usb",
        _step(make_key),
        details="The label stands in the root file, which everyone can read: choose one that does not name "
        "you, unless you want it to.",
    )
    parser.add_argument("--role", required=True, metavar="R", help="root, targets, snapshot or timestamp")
    parser.add_argument("--label", default="", metavar="L", help="what the key is called, such as a or 2027")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for both files")


def _add_propose(steps: Commands) -> None:
    parser = declare(
        steps,
        "propose",
        "Put an unsigned root together: the first one, or one that changes keys.",
        "takedown ceremony propose --repository releases --add root-d.public.json --revoke root-a --out new",
        _step(propose),
        details="With --publisher it is a new repository's first root. With --repository it is that "
        "repository's next one; where nothing is added, revoked or changed, it lasts longer and that is all.",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="new folder for the change")
    parser.add_argument("--publisher", metavar="NAME", help="for a new repository: the name that holders see")
    parser.add_argument("--repository", type=Path, metavar="DIR", help="the repository to change")
    parser.add_argument(
        "--add", nargs="+", default=[], type=Path, metavar="FILE", help="public files of keys that come"
    )
    parser.add_argument(
        "--revoke", nargs="+", default=[], metavar="KEY", help="keys that go: by name, or identifier"
    )
    add_profile(parser)
    parser.add_argument(
        "--targets-only", action="store_true", help="no new root: sign the lists anew, for longer"
    )
    parser.add_argument(
        "--root-of", type=Path, metavar="DIR", help="take the root of an earlier change, with its signatures"
    )
    add_throwaway(parser)


def _add_show(steps: Commands) -> None:
    parser = declare(
        steps,
        "show",
        "Show what a change of keys does, and which signatures it has and needs.",
        "takedown ceremony show --change change --root 1.root.json",
        _step(show),
    )
    _add_change(parser)
    _add_root(parser)


def _add_sign(steps: Commands) -> None:
    parser = declare(
        steps,
        "sign",
        "Show what a change of keys does, ask, and sign it with your key.",
        "takedown ceremony sign --change change --root 1.root.json --key root-a.pem",
        _step(sign),
        details="It writes one small file a signature into the folder's signatures/; only these have to "
        "travel back.",
    )
    _add_change(parser)
    _add_root(parser)
    parser.add_argument("--key", required=True, type=Path, metavar="FILE", help="your private key")
    parser.add_argument("--yes", action="store_true", help="sign without asking")


def _add_finish(steps: Commands) -> None:
    parser = declare(
        steps,
        "finish",
        "Put a signed change of keys into force, or make the new repository.",
        "takedown ceremony finish --change change --repository releases --online-keys keys",
        _step(finish),
        details="Run it where the online keys are. Old and new online keys may lie in one folder. Killed at "
        "any moment, it is run again and completes.",
    )
    _add_change(parser)
    parser.add_argument("--repository", required=True, type=Path, metavar="DIR", help="the repository")
    parser.add_argument(
        "--online-keys", required=True, type=Path, metavar="DIR", help="holds snapshot and timestamp keys"
    )
    parser.add_argument(
        "--old-keys-lost",
        action="store_true",
        help="go on without old online or targets keys: readers may be refused once",
    )


def _add_status(steps: Commands) -> None:
    parser = declare(
        steps,
        "status",
        "Show who can sign what, how many have to, and when it expires; exit 6 when something has.",
        "takedown ceremony status --repository releases",
        _step(status),
    )
    parser.add_argument("--repository", required=True, type=Path, metavar="DIR", help="the repository")


def _step(run: Run) -> Run:
    """A step, which refuses options that stand before its name: they would mean nothing."""

    def checked(arguments: argparse.Namespace) -> int:
        if any(value for name, value in vars(arguments).items() if name.startswith("all_")):
            raise UsageError("Options of a step come after its name; see 'takedown ceremony --help'.")
        return run(arguments)

    return checked


def make_key(arguments: argparse.Namespace) -> int:
    """Make one key."""
    from takedown import publish

    made = publish.make_key(arguments.out, arguments.role, arguments.label)
    if arguments.json:
        say_json({"private": str(made.private), "public": str(made.public), "keyid": made.keyid})
    else:
        online = arguments.role in ("snapshot", "timestamp")
        say(
            f"Leave {made.private} with the server that publishes, readable by it alone."
            if online
            else f"Keep {made.private} to yourself, on an encrypted disk, with a copy in a safe place."
        )
        say(f"Hand over {made.public}, and say its identifier by another way: {words.grouped(made.keyid)}")
    return 0


def propose(arguments: argparse.Namespace) -> int:
    """Write an unsigned change."""
    from takedown import publish

    if bool(arguments.publisher) == bool(arguments.repository):
        raise UsageError("Give --publisher for a new repository, or --repository for one to change.")
    if arguments.publisher:
        if arguments.revoke or arguments.targets_only or arguments.root_of:
            raise UsageError("A new repository has no keys to revoke and no root to take; give --add only.")
        publish.propose_first(
            arguments.out,
            arguments.add,
            publisher=arguments.publisher,
            profile=arguments.profile or "small",
            throwaway=arguments.throwaway,
        )
    else:
        _propose_change(arguments)
    return show(argparse.Namespace(change=arguments.out, root=None, json=arguments.json))


def _propose_change(arguments: argparse.Namespace) -> None:
    from takedown import publish

    keys = bool(arguments.add or arguments.revoke or arguments.profile)
    if arguments.throwaway or [keys, arguments.targets_only, bool(arguments.root_of)].count(True) > 1:
        raise UsageError(
            "Change keys or the profile, or give --targets-only, or --root-of: one of the three. "
            "--throwaway is for a new repository."
        )
    publish.propose_change(
        arguments.out,
        arguments.repository,
        add=arguments.add,
        revoke=arguments.revoke,
        profile=arguments.profile,
        targets_only=arguments.targets_only,
        root_of=arguments.root_of,
    )


def show(arguments: argparse.Namespace) -> int:
    """Show a change and its signatures."""
    from takedown import publish

    review = publish.review_change(arguments.change, trusted=_trusted(arguments))
    if arguments.json:
        say_json(words.change_fields(review))
        return 0
    for line in words.change_lines(review):
        say(line)
    return 0


def sign(arguments: argparse.Namespace) -> int:
    """Show, ask, and sign exactly what was shown."""
    from takedown import publish

    trusted = _trusted(arguments)
    publish.check_change_key(arguments.change, arguments.key)
    review = publish.review_change(arguments.change, trusted=trusted)
    for line in words.change_lines(review):
        if not arguments.json:
            say(line)
        elif not arguments.yes:
            note(line)  # whoever is asked sees what about; the result stays JSON alone
    if not arguments.yes and not confirmed("Sign this change of keys?"):
        raise UsageError("Nothing was signed; answer yes, or use --yes, to sign.", slug="not-confirmed")
    written = publish.sign_change(arguments.change, arguments.key, expected=review.sha256, trusted=trusted)
    now = publish.review_change(arguments.change, trusted=trusted)
    if arguments.json:
        enough = all(need.enough for need in now.needed)
        say_json({"signed": [str(path) for path in written], "sha256": review.sha256, "enough": enough})
        return 0
    say(f"Signed. Hand back {', '.join(map(str, written))}.")
    for line in words.signed_lines(now):
        say(line)
    return 0


def finish(arguments: argparse.Namespace) -> int:
    """Put a change into force."""
    from takedown import publish

    root = publish.finish(
        arguments.change,
        arguments.repository,
        arguments.online_keys,
        old_keys_lost=arguments.old_keys_lost,
    )
    if arguments.json:
        say_json({"root": str(root)})
    else:
        say(words.in_force_line(publish.review_change(arguments.change), root))
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Show who can sign what, and until when."""
    from takedown import publish

    found = publish.key_status(arguments.repository)
    if arguments.json:
        say_json(words.status_fields(found))
    else:
        for line in words.status_lines(found):
            say(line)
    if found.expired:
        note(f"Expired: {', '.join(found.expired)}; readers refuse it until it is signed anew.")
        return Stale.exit_code
    return 0


def _trusted(arguments: argparse.Namespace) -> bytes | None:
    if arguments.root is None:
        return None
    try:
        return Path(arguments.root).read_bytes()
    except OSError as error:
        raise UsageError(f"The root file {arguments.root} cannot be read; name your 1.root.json.") from error
