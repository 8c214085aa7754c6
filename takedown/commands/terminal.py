"""What all commands share: declaring one, writing results, progress, and where the state folder is."""

from __future__ import annotations

import argparse
import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from takedown.errors import UsageError

Commands: TypeAlias = "argparse._SubParsersAction[Any]"
Run = Callable[[argparse.Namespace], int]
Progress = Callable[..., None]


#: Columns of the help text.
_WIDTH = 88


class Parser(argparse.ArgumentParser):
    """Argparse, with its complaints as one sentence of ours, and options only by their full names."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **{"allow_abbrev": False, **named})

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.rstrip('.')}; see '{self.prog} --help'.")


def declare(
    commands: Commands, name: str, purpose: str, example: str, run: Run, *, details: str = ""
) -> argparse.ArgumentParser:
    """Add a command with its help text and the options that all have.

    Args:
        purpose: one line, shown in the list of commands too.
        example: a command line.
        details: a paragraph between the two.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=purpose,
        description=f"{purpose}\n\n{textwrap.fill(details, _WIDTH)}".strip(),
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="write the result as JSON, errors included")
    parser.add_argument("--debug", action="store_true", help="show where an unexpected error comes from")
    parser.set_defaults(run=run)
    return parser


def declare_group(parser: argparse.ArgumentParser, **named: Any) -> Commands:
    """Give a parser commands of its own; alone, without one of them, it explains itself with exit code 2."""

    def explain(_: argparse.Namespace) -> int:
        note(parser.format_help().rstrip())
        return UsageError.exit_code

    parser.set_defaults(run=explain)
    return parser.add_subparsers(metavar="COMMAND", **named)


def whole_number(least: int) -> Callable[[str], int]:
    """What reads a whole number of an option, from this one on."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text[:18]):
            raise argparse.ArgumentTypeError(f"give a whole number from {least}")
        return int(text)

    return read


def say(text: str) -> None:
    """A line of the result."""
    sys.stdout.write(f"{text}\n")


def say_json(value: Any) -> None:
    """The result for programs."""
    say(json.dumps(value, indent=2))


def note(text: str) -> None:
    """A line that is not part of the result."""
    sys.stderr.write(f"{text}\n")


def confirmed(question: str) -> bool:
    """Ask on standard error, so that the question is never mistaken for the result; only yes is a yes."""
    sys.stderr.write(f"{question} Type yes: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() == "yes":
        return True
    note("")
    return False


def shown(text: str | None, width: int | None = None) -> str:
    """A cell of a dataset, made safe for a terminal: no control characters, and cut to a width."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text or "")
    return clean if width is None or len(clean) <= width else f"{clean[: width - 1]}…"


@contextmanager
def progress(what: str, unit: str = "rows") -> Iterator[Progress | None]:
    """A bar on standard error, with the rate and the time left; None where nobody is watching.

    It takes (done, total), and as a third the name of what is being done now, where that changes: then it
    begins again.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc=what, unit=f" {unit}", unit_scale=True, leave=False) as bar:

        def tell(done: int, total: int, now: str = what) -> None:
            if bar.desc.removesuffix(": ") != now:
                bar.reset(total)
                bar.set_description(now, refresh=False)
            bar.total = total
            bar.update(done - bar.n)

        yield tell


def state_option(parser: argparse.ArgumentParser) -> None:
    """Declare --state."""
    place = str(default_state()).replace(str(Path.home()), "~", 1).replace("%", "%%")
    parser.add_argument(
        "--state",
        type=Path,
        default=None,
        metavar="DIR",
        help=f"folder that holds the verified list (default: {place})",
    )


def state_folder(arguments: argparse.Namespace, *, create: bool = False) -> Path:
    """The folder of --state, or the default; made for this user alone when asked for.

    Raises:
        UsageError: it cannot be made.
    """
    folder = arguments.state or default_state()
    if create:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise UsageError(
                f"{folder} cannot be made ({error.strerror}); give another folder with --state.",
                slug="state-not-writable",
            ) from error
    return Path(folder)


def default_state() -> Path:
    """The user data folder of the platform: XDG on Linux, Library on macOS."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "dataset-takedown"
    base = os.environ.get("XDG_DATA_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    home = Path(base) if base.startswith("/") else Path.home() / ".local" / "share"
    return home / "dataset-takedown"
