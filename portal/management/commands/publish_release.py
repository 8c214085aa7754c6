"""``manage.py publish_release --user NAME``: publish the signed release without the web.

1. The release that is under way must be signed; that person's approval goes into the audit trail.
2. Publish it here and now, as the worker would. One that got stuck is tried again from where it stopped.
3. Upload it to the mirrors. One that fails is named, and the worker tries it again.

Exit codes: 0 it is public, whatever its mirrors do; 2 there is none to publish, or it is not signed; 1 it
cannot be published, with the code of the problem in brackets, and what was public before still is.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.management.managers import add_user, failed, release_manager
from portal.models import Release, User
from portal.releasing import mirrors, publishing
from takedown.errors import TakedownError


class Command(BaseCommand):
    help = "Publish the release that is staged and signed."

    def add_arguments(self, parser: CommandParser) -> None:
        add_user(parser)

    def handle(self, *args: Any, user: str, **options: Any) -> None:
        person = release_manager(user)
        release = Release.objects.exclude(state__in=Release.ENDED).exclude(seq=None).first()
        if release is None:
            raise CommandError("No release waits to be published; build one first.", returncode=2)
        self._approve(release, person)
        published = publishing.publish(release.pk)
        release.refresh_from_db()
        if not published:
            raise failed(release)
        self.stdout.write(f"Release {release.seq} is public.")
        for mirror in mirrors.push():
            self.stderr.write(f"{mirror.url} is behind: {mirror.advice} [{mirror.problem}]")

    def _approve(self, release: Release, person: User) -> None:
        try:
            if release.state == Release.State.NEEDS_PERSON:
                publishing.retry(release, person)
            elif release.state == Release.State.STAGED:
                publishing.ask_to_publish(release, person)
        except publishing.PublishingError as error:
            raise CommandError(str(error), returncode=2) from None
        except TakedownError as error:
            raise CommandError(error.sentence, returncode=error.exit_code) from None
