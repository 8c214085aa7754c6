"""``manage.py prepare``: bring database, roles and keys to what this version needs. Safe to repeat."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from portal import demo, sealing
from portal.letters import message_keys
from portal.models.user import ROLES
from takedown.publish import refresh


class Command(BaseCommand):
    help = "Prepare the database, the roles, the keys and the static files. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--demo",
            action="store_true",
            help="also make throw-away release keys, a sample dataset with its index, and three people",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        settings.VAR.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.check()
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        for role, permissions in ROLES.items():
            group, _ = Group.objects.get_or_create(name=role)
            group.permissions.set(Permission.objects.filter(codename__in=permissions))
        sealing.rotate()
        message_keys.make()
        if options["demo"]:
            demo.prepare(self.stdout.write)
        if (settings.REPOSITORY / "metadata" / "timestamp.json").exists():
            refresh(settings.REPOSITORY, settings.ONLINE_KEYS)  # it may have run out while nothing ran
