"""The `takedown` command: read the options, run one command, turn errors into sentences and exit codes.

    0 done                     3 bad input, each file named       130 interrupted
    1 unexpected               4 verification failed              141 nobody reads the output any more
    2 the call is wrong        5 nothing usable to sync from
                               6 the list is too old
                               7 listed rows remain (check)

An error is one plain sentence on standard error. With --json a result, or {"error": slug, "message":
sentence}, stands on standard output besides.
"""

from __future__ import annotations

import os
import sys
import traceback
from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence

from takedown import __version__
from takedown.commands import (
    applying,
    ceremony,
    checking,
    hashing,
    index,
    lookup,
    pictures,
    proving,
    publishing,
    reporting,
    signing,
    syncing,
)
from takedown.commands.terminal import Parser, declare_group, note, say_json
from takedown.errors import TakedownError, from_system

_DESCRIPTION = """\
Keep a copy of an image dataset clean: fetch a publisher's signed removal list, and apply it.

  takedown sync https://publisher.example/blocklist --root root.json
  takedown plan  laion/*.parquet
  takedown apply laion/*.parquet --out clean/
"""
_EPILOG = """\
exit codes: 0 done, 1 unexpected, 2 the call is wrong, 3 bad input, 4 verification failed,
5 nothing usable to sync from, 6 the list is too old, 7 listed rows remain (check).
'takedown COMMAND --help' explains each option.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: without the program's name; the process's own when None.

    Returns:
        The exit code.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(given)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _drop_output()
        return 141


def run() -> None:
    """Entry point of the installed command."""
    sys.exit(main())


def parser() -> Parser:
    """The parser of all commands."""
    top = Parser(
        prog="takedown", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=RawDescriptionHelpFormatter
    )
    top.add_argument("--version", action="version", version=f"takedown {__version__}")
    commands = declare_group(top, title="commands")
    for module in (
        syncing,
        applying,
        reporting,
        checking,
        pictures,
        hashing,
        index,
        lookup,
        proving,
        ceremony,
        signing,
        publishing,
    ):
        module.add(commands)
    return top


def _run(argv: list[str]) -> int:
    try:
        arguments = parser().parse_args(argv)
        return int(arguments.run(arguments))
    except SystemExit as stop:  # --help and --version
        return int(stop.code or 0)
    except TakedownError as error:
        return _fail(argv, error.exit_code, error.slug, error.sentence)
    except KeyboardInterrupt:
        return _fail(argv, 130, "interrupted", "Interrupted; run the same command again to finish.")
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the edge: anything else becomes one sentence
        if "--debug" in argv:
            traceback.print_exc()
        if (known := from_system(error)) is not None:
            return _fail(argv, known.exit_code, known.slug, known.sentence)
        sentence = (
            f"Something unexpected happened ({type(error).__name__}); run it again with --debug to see "
            "where, and report it."
        )
        return _fail(argv, 1, "unexpected", sentence)


def _fail(argv: list[str], code: int, slug: str, sentence: str) -> int:
    if "--json" in argv:
        say_json({"error": slug, "message": sentence})
        sys.stdout.flush()  # a reader that has gone is noticed before anything else is said
    note(sentence)
    return code


def _drop_output() -> None:
    """Let Python's own flush at exit go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
