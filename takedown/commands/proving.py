"""Proof for people who asked for a removal: `takedown prove`. The receipt is never on the command line."""

from __future__ import annotations

import argparse
import getpass
import sys
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
from takedown.errors import UsageError

if TYPE_CHECKING:
    from takedown.blocklist.verdict import Verdict
    from takedown.subscribe.proof import Proof

#: Most bytes read of a file or of standard input: a receipt takes less than 120.
_MOST = 10_000


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "prove",
        "Show, with the eight words of a receipt, what the releases did about it.",
        "takedown prove",
        prove,
        details="Run 'takedown sync' first. The words are asked for, or read from standard input or a file; "
        "they stay on this computer. The whole log of receipts is fetched, so nothing tells whose it is.",
    )
    parser.add_argument(
        "--receipt-file", type=Path, metavar="FILE", help="read the words from a file instead of asking"
    )
    parser.add_argument("--edition", metavar="NAME", help="look in the list of this edition only")
    # Caught here, so that no complaint repeats them.
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    state_option(parser)


def prove(arguments: argparse.Namespace) -> int:
    """Read the receipt, find its leaves, compare; 4 when anything is not as it should be."""
    if arguments.words:
        raise UsageError(
            "Words on a command line can be seen by others and are kept in its history; leave them out, and "
            "type them when asked.",
            slug="receipt-on-command-line",
        )
    from takedown import receipt
    from takedown.subscribe.proof import prove_receipt

    key = receipt.parse(_read(arguments.receipt_file)).proof_key
    with progress("log", "files") as tell:
        found = prove_receipt(key, state_folder(arguments), edition=arguments.edition, progress=tell)
    _tell(found, arguments.json)
    return found.fault.exit_code if found.fault else 0


def _read(path: Path | None) -> str:
    """The words as text; asked for without showing them where a person sits there."""
    if path is None and sys.stdin.isatty():
        return getpass.getpass("The eight words of your receipt (they are not shown): ")
    try:
        if path is None:
            return sys.stdin.buffer.read(_MOST).decode("utf-8", "replace")
        with open(path, "rb") as file:
            return file.read(_MOST).decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}); give the file that has the words.",
            slug="receipt-unreadable",
        ) from error


def _tell(proof: Proof, as_json: bool) -> None:
    for warning in proof.warnings:
        note(f"Warning: {warning}")
    if not as_json:
        for line in proof.lines:
            say(line)
        if proof.fault:
            note(proof.fault.sentence)
        return
    answer: dict[str, Any] = {
        "proven": proof.fault is None,
        "seq": proof.seq,
        "log": vars(proof.log),
        "leaves": [_fields(verdict) for verdict in proof.verdicts],
        "warnings": list(proof.warnings),
    }
    fault = {"error": proof.fault.slug, "message": proof.fault.sentence} if proof.fault else {}
    say_json(answer | fault)


def _fields(verdict: Verdict) -> dict[str, Any]:
    leaf = verdict.leaf
    place = {"seq": leaf.seq, "i": leaf.i, "index": leaf.index}
    return place | vars(leaf.says) | {"outcome": verdict.outcome, "editions": list(verdict.editions)}
