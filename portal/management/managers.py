"""Who a command acts for, and how it ends when a release does not work out."""

from __future__ import annotations

from django.core.management.base import CommandError, CommandParser

from portal.models import Release, User
from takedown.errors import UsageError


def add_user(parser: CommandParser) -> None:
    """``--user``: commands have no sign-in, and the audit trail names a person."""
    parser.add_argument("--user", required=True, metavar="NAME", help="the release manager who asks for it")


def release_manager(name: str) -> User:
    """The account of a person who may build and publish releases.

    Raises:
        CommandError: exit code 2: there is none of that name, or it may not.
    """
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None or not user.has_perm("portal.manage_release"):
        raise CommandError(
            f"{name} is no release manager here; invite one: manage.py invite NAME 'release manager'",
            returncode=UsageError.exit_code,
        )
    return user


def failed(release: Release) -> CommandError:
    """What a release stumbled over, as the end of a command: exit code 1."""
    return CommandError(f"{release.advice or 'It did not work.'} [{release.problem}]")
