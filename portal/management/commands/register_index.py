"""``manage.py register_index DIR``: take a dataset index into use, in place of the one of its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal import tasks
from portal.finding import indexes
from takedown.errors import TakedownError


class Command(BaseCommand):
    help = (
        "Take an index (made with `takedown index build`) into use. One of the same name retires. A worker "
        "looks in it for what is kept and for what was removed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="the index folder; it must stay where it is")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            index = indexes.register(folder)
        except TakedownError as error:
            raise CommandError(error.sentence) from None
        tasks.poke(tasks.look_again, index.pk)
        self.stdout.write(f"{index.name} is in use: {index.rows} rows.")
