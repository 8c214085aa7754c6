"""Signing a staged release: `takedown sign`. It works by files, on any machine."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from takedown.commands.terminal import Commands, confirmed, declare, note, say, say_json, shown
from takedown.errors import UsageError

if TYPE_CHECKING:
    from takedown.publish import EditionChange, Review


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "sign",
        "Show what a staged release changes, ask, and add one signature to it.",
        "takedown sign --repository releases --staging staged --key targets-1.pem",
        sign,
        details="The changes are worked out anew from the published and the staged lists, not taken "
        "on trust. Signers who each have a copy of the staged release hand back the one file that it "
        "writes, metadata/N.targets.json; --from puts their signatures together.",
    )
    parser.add_argument("--repository", required=True, type=Path, metavar="DIR", help="what is published now")
    parser.add_argument("--staging", required=True, type=Path, metavar="DIR", help="the staged release")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--key", type=Path, metavar="FILE", help="your private targets key")
    how.add_argument(
        "--from", dest="copies", nargs="+", type=Path, metavar="FILE", help="signed targets.json of copies"
    )
    parser.add_argument("--yes", action="store_true", help="sign without asking")


def sign(arguments: argparse.Namespace) -> int:
    """Review, ask, and sign exactly what was shown."""
    from takedown import publish

    if arguments.copies:
        return _join(arguments)
    publish.check_key(arguments.repository, arguments.key)
    review = publish.review(arguments.repository, arguments.staging)
    for line in _lines(review):
        if not arguments.json:
            say(line)
        elif not arguments.yes:
            note(line)  # whoever is asked sees what about; the result stays JSON alone
    if not arguments.yes:
        _confirm(review)
    publish.sign(arguments.repository, arguments.staging, arguments.key, expected=review.sha256)
    if arguments.json:
        release = _release_fields(review)
        say_json({"signed": True, **release, "editions": [_fields(change) for change in review.editions]})
    else:
        say("Signed.")
    return 0


def _join(arguments: argparse.Namespace) -> int:
    """Put the signatures of copies together; nothing is signed here, so nobody is asked."""
    from takedown import publish

    publish.join(arguments.repository, arguments.staging, arguments.copies)
    found = publish.signatures(arguments.repository, arguments.staging)
    if arguments.json:
        say_json({"signatures": found.valid, "needed": found.needed})
    else:
        say(f"The staged release has {found.valid} of {found.needed} signatures.")
    return 0


def _confirm(review: Review) -> None:
    added, removed = sum(c.added for c in review.editions), sum(c.removed for c in review.editions)
    if not confirmed(f"Sign this release (+{added:,}, -{removed:,})?"):
        raise UsageError("Nothing was signed; answer yes, or use --yes, to sign.", slug="not-confirmed")


def _lines(review: Review) -> Iterator[str]:
    """Everything that the signature covers, safe for a terminal: the staging folder is not trusted yet."""
    terms = review.terms
    yield f"Release {review.seq} of {shown(terms.publisher)}, {terms.created}."
    yield f"Datasets: {shown(', '.join(terms.dataset_ids))}."
    yield f"Oldest program that reads it: {shown(terms.min_client)}."
    yield f"Signatures last until {terms.expires:%Y-%m-%d}."
    if terms.audit_head:
        yield f"The publisher's record ends in {terms.audit_head}."
    for change in review.editions:
        yield (
            f"{change.name}: {change.added:,} added, {change.removed:,} removed, {change.rows:,} in all "
            f"({change.disposition}, {change.prefix_hex} hex digits, k_min {change.k_min})"
        )
        for term in change.changed:
            yield f"{change.name}: CHANGED {term.name} from {shown(term.before)} to {shown(term.after)}"
    yield f"The log of receipts grows by {review.leaves:,} leaves, to {review.log.size:,}."


def _release_fields(review: Review) -> dict[str, Any]:
    terms = review.terms
    return {
        "seq": review.seq,
        "publisher": terms.publisher,
        "dataset_ids": list(terms.dataset_ids),
        "min_client": terms.min_client,
        "created": terms.created.isoformat(),
        "audit_head": terms.audit_head,
        "expires": terms.expires.isoformat(),
        "leaves": review.leaves,
        "log_size": review.log.size,
        "sha256": review.sha256,
    }


def _fields(change: EditionChange) -> dict[str, Any]:
    names = ("name", "added", "removed", "rows", "prefix_hex", "k_min", "disposition", "state_sha256")
    changed = [vars(term) for term in change.changed]
    return {name: getattr(change, name) for name in names} | {"changed": changed}
