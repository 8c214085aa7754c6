"""`takedown fingerprint`: what a picture is known by."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from takedown.commands.terminal import Commands, declare, note, say, say_json
from takedown.errors import BadImage, SandboxFailed

if TYPE_CHECKING:
    from takedown.fingerprint import Fingerprint


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "fingerprint",
        "Show the digests and perceptual hashes of pictures.",
        "takedown fingerprint holiday.jpg portrait.png --json",
        fingerprint,
        details="Each picture is read in a confined process. Nothing is stored and nothing is sent. A file "
        "that cannot be read is listed with the reason; the others are done, and the exit code is 3. "
        "Needs the optional part: pip install '.[index]' in the project's folder",
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="JPEG, PNG, GIF, WebP, AVIF or HEIC"
    )


def fingerprint(arguments: argparse.Namespace) -> int:
    """Fingerprint every file; 3 when any was bad."""
    from takedown import sandbox

    results = []
    for file in arguments.files:
        try:
            results.append(_fields(file, sandbox.fingerprint(read_file(file))))
        except (BadImage, SandboxFailed) as error:
            results.append({"file": str(file), "error": error.slug, "message": error.sentence})
            note(f"{file}: {error.sentence}")
    if arguments.json:
        say_json(results)
    else:
        _table([result for result in results if "error" not in result])
    return 3 if any("error" in result for result in results) else 0


def read_file(file: Path) -> bytes:
    """The file's bytes, one more than the limit at most, so that a huge file is never read whole.

    Raises:
        BadImage: it cannot be opened.
    """
    from takedown.images import MAX_BYTES

    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        reason = f"The file cannot be read ({error.strerror}); check the path."
        raise BadImage(reason, slug="image-unreadable") from error


def _fields(file: Path, found: Fingerprint) -> dict[str, Any]:
    return {
        "file": str(file),
        "sha256": found.sha256,
        "md5": found.md5,
        "pdq": found.pdq,
        "pdq_quality": found.pdq_quality,
        "phash": found.phash,
        "width": found.width,
        "height": found.height,
    }


def _table(results: list[dict[str, Any]]) -> None:
    for result in results:
        say(result["file"])
        for name in ("sha256", "md5", "pdq", "phash"):
            say(f"  {name:<8} {result[name]}")
        say(f"  {'size':<8} {result['width']} x {result['height']}, PDQ quality {result['pdq_quality']}")
