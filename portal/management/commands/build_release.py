"""``manage.py build_release --user NAME``: build the next release without the web.

1. Ask for it in that person's name; the audit trail says so.
2. Build it here and now, as the worker would. What does not work is discarded: a worker that built it later
   would surprise whoever was told that it failed.
3. Say what it changes, what each edition covers and what waits, and how to sign it.

Exit codes: 0 it waits for signatures; 2 it cannot be asked for; 1 it cannot be built, with the code of the
problem in brackets.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.management.managers import add_user, failed, release_manager
from portal.models import Release, User
from portal.releasing import publishing


class Command(BaseCommand):
    help = "Build the next release from what is decided, ready to be signed."

    def add_arguments(self, parser: CommandParser) -> None:
        add_user(parser)
        parser.add_argument(
            "--discard", action="store_true", help="first throw away the one that is under way"
        )

    def handle(self, *args: Any, user: str, discard: bool, **options: Any) -> None:
        person = release_manager(user)
        release = self._requested(person, discard)
        if not _build(release, person):
            raise CommandError(f"{failed(release)} This release is discarded; build again when that is done.")
        self._tell(release)

    def _requested(self, person: User, discard: bool) -> Release:
        under_way = Release.objects.exclude(state__in=Release.ENDED).first()
        try:
            if under_way and discard:
                publishing.discard(under_way, person)
            return publishing.request(person)
        except publishing.PublishingError as error:
            raise CommandError(str(error), returncode=2) from None

    def _tell(self, release: Release) -> None:
        self.stdout.write(f"Release {release.seq} waits for signatures.")
        for one in release.changes:
            held = f"; {one['held']:,} more wait for company" if one["held"] else ""
            counts = f"+{one['added']:,} -{one['removed']:,}, {one['rows']:,} entries"
            self.stdout.write(f"  {one['edition']}: {counts}{held}")
            for dataset in one["cover"]["datasets"] if one["cover"] else ():
                self.stdout.write(f"    {_cost(dataset)}")
        self.stdout.write("Sign it where the keys are:")
        self.stdout.write(
            f"  takedown sign --repository {settings.REPOSITORY} --staging {publishing.staging(release)} "
            "--key TARGETS-KEY.pem"
        )


def _build(release: Release, person: User) -> bool:
    """Build a release, once more where something was decided meanwhile; discard one that does not work."""
    built = False
    try:
        for _ in range(settings.MAX_ATTEMPTS):
            publishing.build(release.pk)
            release.refresh_from_db()
            built = release.state == Release.State.STAGED
            if release.problem != "lists-changed":
                break
    finally:
        if not built:
            with suppress(publishing.PublishingError):  # somebody else discarded it
                publishing.discard(release, person)
    return built


def _cost(dataset: dict[str, Any]) -> str:
    rows = f"{dataset['removed']:,} of {dataset['rows']:,} rows of {dataset['name']}"
    least = "" if dataset["smallest"] is None else f", at least {dataset['smallest']:,} to an entry"
    return f"removes up to {rows} ({dataset['percent']:.4f} %){least}"
