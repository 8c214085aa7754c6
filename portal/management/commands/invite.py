"""``manage.py invite NAME ROLE ...``: make an account for the desk and print its first password once."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.models import User
from portal.models.user import ROLES


class Command(BaseCommand):
    help = "Make an account for the desk and print its first password, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the name to sign in with; no e-mail address is needed")
        parser.add_argument("role", nargs="+", choices=sorted(ROLES), help="what the person may do")

    def handle(self, *args: Any, name: str, role: list[str], **options: Any) -> None:
        if User.objects.filter(username=name).exists():
            raise CommandError("This name is taken; choose another.")
        password = secrets.token_urlsafe(12)
        User.objects.create_user(name, password).groups.set(Group.objects.filter(name__in=role))
        self.stdout.write(f"{name} may sign in as {' and '.join(role)} with: {password}")
