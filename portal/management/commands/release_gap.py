"""``manage.py release_gap``: how far the database and the published releases are apart.

Changes nothing. Exit codes: 0 they agree; 1 they do not, and the desk builds no release until they do.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.releasing import gap
from takedown.errors import TakedownError


class Command(BaseCommand):
    help = "Compare the published lists with this database, after a restore from an older copy."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, metavar="FILE", help="write the entries that differ")

    def handle(self, *args: Any, out: Path | None, **options: Any) -> None:
        try:
            found = gap.measure()
        except TakedownError as error:
            raise CommandError(error.sentence, returncode=error.exit_code) from None
        self.stdout.write(f"Published: release {found.published}. This database: release {found.known}.")
        for one in found.editions:
            self.stdout.write(
                f"  {one.name}: {len(one.only_published):,} entries only in the published list, "
                f"{len(one.only_here):,} only in the database"
            )
        if out:
            _write(out, found)
        if not found.closed:
            raise CommandError(
                "They are apart: restore the newest copy of the database. Where there is none, the decisions "
                "behind those entries have to be made again; until then no release is built."
            )


def _write(path: Path, found: gap.Gap) -> None:
    """Tab-separated: published or database, edition, kind, digest. For its owner only."""
    lines = [
        f"{where}\t{one.name}\t{key.kind}\t{key.digest}\n"
        for one in found.editions
        for where, keys in (("published", one.only_published), ("database", one.only_here))
        for key in keys
    ]
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.writelines(lines)
