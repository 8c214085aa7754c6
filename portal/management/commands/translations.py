"""manage.py translations: bring the catalogues of the public pages up to date and compile them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal import translations


class Command(BaseCommand):
    help = (
        "Collect every sentence of the public pages into portal/locale, keep translations that still fit, "
        "and compile the catalogues. Fill in what is empty in the .po files, then run it once more."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "languages",
            nargs="*",
            metavar="LANGUAGE",
            help=f"only these of {', '.join(translations.LANGUAGES)} (default: all)",
        )

    def handle(self, *args: Any, languages: list[str], **options: Any) -> None:
        for language in languages or translations.LANGUAGES:
            missing = translations.update(language)
            self.stdout.write(f"{language}: {missing} of {len(translations.sentences())} to be translated")
