"""Publishing without a portal: `takedown blocklist from-diff`, `takedown publish` and `takedown refresh`.

Between the first two stands `takedown sign`, on the release managers' machines.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from takedown.commands.terminal import Commands, declare, declare_group, note, progress, say, say_json

if TYPE_CHECKING:
    from takedown.publish import Mirrored
    from takedown.publish.from_diff import FromDiff


def add(commands: Commands) -> None:
    """Declare the commands."""
    blocklist = commands.add_parser(
        "blocklist",
        help="Make a removal list from what a publisher has.",
        description="Make a removal list from what a publisher has.",
    )
    _add_from_diff(declare_group(blocklist, title="commands"))
    _add_publish(commands)
    _add_refresh(commands)


def _add_from_diff(commands: Commands) -> None:
    parser = declare(
        commands,
        "from-diff",
        "Stage a first release from two versions of a dataset: what is in OLD and not in NEW.",
        "takedown blocklist from-diff laion-2022/ laion-2026/ --repository releases --staging staged "
        "--edition research --dataset-id laion/laion400m",
        from_diff,
        details="A row whose address is gone is listed by its address; one whose address stays with other "
        "captions, by address and caption. Then sign the staging folder with 'takedown sign' and publish it.",
    )
    parser.add_argument("old", metavar="OLD", help="the version before: a .parquet file, a .tar or a folder")
    parser.add_argument("new", metavar="NEW", help="the version after rows were removed")
    parser.add_argument("--repository", required=True, type=Path, metavar="DIR", help="made by a ceremony")
    parser.add_argument(
        "--staging", required=True, type=Path, metavar="DIR", help="new folder for the release"
    )
    parser.add_argument("--edition", required=True, metavar="E", help="name of the list")
    parser.add_argument(
        "--dataset-id",
        required=True,
        action="append",
        metavar="ID",
        help="what holders call the dataset; may be given again",
    )
    parser.add_argument("--publisher", metavar="NAME", help="default: the name in the root file")
    parser.add_argument(
        "--prefix-hex",
        type=int,
        default=64,
        metavar="N",
        help="digits published of each digest, 4 to 16 (default: 64, all)",
    )
    parser.add_argument(
        "--k-min", type=int, metavar="K", help="with fewer digits: least rows under any entry (default: 300)"
    )
    parser.add_argument(
        "--disposition",
        choices=("quarantine", "purge"),
        default="quarantine",
        help="what holders do with the rows (default: quarantine)",
    )
    parser.add_argument(
        "--min-entries", type=int, default=100, metavar="N", help="refuse a shorter list (default: 100)"
    )
    parser.add_argument(
        "--edited",
        choices=("refuse", "remove", "keep"),
        default="refuse",
        help="rows whose caption was edited: list them as they were, or leave them alone (default: refuse)",
    )


def _add_publish(commands: Commands) -> None:
    parser = declare(
        commands,
        "publish",
        "Publish a staged and signed release, and upload it.",
        "takedown publish --repository releases --staging staged --keys online-keys --to s3://bucket/blocklist",
        publish,
        details="Holders see the old release or the new one, never a mixture; after an interruption run the "
        "same command again.",
    )
    parser.add_argument(
        "--repository", required=True, type=Path, metavar="DIR", help="the release repository"
    )
    parser.add_argument("--staging", required=True, type=Path, metavar="DIR", help="the signed release")
    _add_online(parser)


def _add_refresh(commands: Commands) -> None:
    parser = declare(
        commands,
        "refresh",
        "Sign snapshot and timestamp again, so that holders know the release is still the newest.",
        "takedown refresh --repository releases --keys online-keys --to s3://bucket/blocklist",
        refresh,
        details="Run it every day, or every six hours with the profile strict.",
    )
    parser.add_argument(
        "--repository", required=True, type=Path, metavar="DIR", help="the release repository"
    )
    _add_online(parser)


def _add_online(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keys", required=True, type=Path, metavar="DIR", help="folder with snapshot.pem and timestamp.pem"
    )
    parser.add_argument(
        "--to",
        metavar="URL",
        help="then upload to this address: a folder, s3://..., or any that fsspec knows",
    )


def from_diff(arguments: argparse.Namespace) -> int:
    """Compare, and stage."""
    from takedown.publish.from_diff import Terms, from_diff

    terms = Terms(
        edition=arguments.edition,
        dataset_ids=tuple(arguments.dataset_id),
        publisher=arguments.publisher,
        prefix_hex=arguments.prefix_hex,
        disposition=arguments.disposition,
        k_min=arguments.k_min,
        min_entries=arguments.min_entries,
        edited=arguments.edited,
    )
    with progress("reading OLD") as tell:
        made = from_diff(
            arguments.repository, arguments.staging, arguments.old, arguments.new, terms, progress=tell
        )
    for line in _warnings(made):
        note(line)
    if arguments.json:
        say_json(_fields(made) | {"staging": str(arguments.staging)})
        return 0
    share = made.found.removed / max(1, made.found.rows_old)
    say(f"Release {made.seq} is staged in {arguments.staging}: {sum(made.entries.values()):,} entries.")
    say(f"They name {made.found.removed:,} of {made.found.rows_old:,} rows of OLD ({share:.2%}).")
    if made.cover:
        [counted] = made.cover.datasets
        say(f"Cut to {arguments.prefix_hex} digits they name {counted.removed:,} rows ({counted.share:.2%}).")
    say("Now sign it with 'takedown sign'.")
    return 0


def publish(arguments: argparse.Namespace) -> int:
    """Publish, and upload."""
    from takedown.publish import publish

    _check_address(arguments)
    seq = publish(arguments.repository, arguments.staging, arguments.keys)
    _tell(arguments, seq, f"Release {seq} is published.")
    return 0


def refresh(arguments: argparse.Namespace) -> int:
    """Sign again, and upload."""
    from takedown.publish import head, refresh

    _check_address(arguments)
    refresh(arguments.repository, arguments.keys)
    seq = head(arguments.repository)
    _tell(arguments, seq, f"Release {seq} is signed again.")
    return 0


def _check_address(arguments: argparse.Namespace) -> None:
    """An address that cannot be uploaded to is told before anything is done."""
    from takedown.publish.store import Store

    if arguments.to is not None:
        Store.open(arguments.to)


def _tell(arguments: argparse.Namespace, seq: int, sentence: str) -> None:
    """Say what was done here before the upload, which may fail, and then what that did."""
    if not arguments.json:
        say(sentence)
    sent = _upload(arguments)
    if arguments.json:
        say_json({"seq": seq, "uploaded": vars(sent) if sent else None})
    elif sent:
        say(f"Uploaded {sent.uploaded:,} files, {sent.bytes:,} bytes; {sent.kept:,} were there already.")


def _upload(arguments: argparse.Namespace) -> Mirrored | None:
    from takedown.publish import mirror

    if arguments.to is None:
        return None
    with progress("uploading", "B") as tell:
        return mirror(arguments.repository, arguments.to, progress=tell)


def _warnings(made: FromDiff) -> list[str]:
    """What the list cannot say."""
    found = made.found
    told = [
        (found.edited, "rows of NEW have an edited caption: holders lose or keep the row, as --edited said"),
        (found.copies, "copies of rows were dropped: a list names all copies of a row or none, so they stay"),
        (
            found.nameless,
            "rows that went have neither address nor caption: no list can name them, so they stay",
        ),
    ]
    lines = [f"Warning: {count:,} {what}." for count, what in told if count]
    if found.by_address:
        lines.append("Warning: one of the versions has no captions, so addresses alone were compared.")
    return lines


def _fields(made: FromDiff) -> dict[str, Any]:
    found = vars(made.found) | {"exact": made.found.exact}
    cover = None
    if made.cover:
        [counted] = made.cover.datasets
        cover = {"rows_removed": counted.removed, "smallest": made.cover.smallest}
    return {"seq": made.seq, "entries": made.entries, **found, "cover": cover}
