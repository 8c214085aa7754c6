"""The app, and its settings as system checks: what is wrong is said at start, in one sentence each."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from portal import celery, policy
from takedown import publish


class PortalConfig(AppConfig):
    name = "portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        celery.app.set_default()  # tasks sent by the web go to our broker
        register(check_policy)
        register(check_production)


def check_policy(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    try:
        policy.read(settings.POLICY_FILE)
    except policy.PolicyError as error:
        return [Error(str(error), id="portal.E001")]
    return []


def check_production(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What is fine for a try-out and wrong for real people."""
    if not settings.PRODUCTION:
        return []
    found: list[CheckMessage] = []
    if "sqlite3" in settings.DATABASES["default"]["ENGINE"]:
        found.append(Error("Production needs PostgreSQL: set DATABASE_URL.", id="portal.E002"))
    if settings.BROKER_URL.startswith("filesystem"):
        found.append(Error("Production needs Redis: set TAKEDOWN_BROKER_URL.", id="portal.E003"))
    root = settings.REPOSITORY / "metadata" / "1.root.json"
    if root.exists() and publish.is_throwaway(root.read_bytes()):
        found.append(
            Error(
                "The release keys are from a throw-away ceremony; hold a real one (takedown ceremony).",
                id="portal.E004",
            )
        )
    return found
