"""Signing a staged release of the portal, as a release manager does on another machine."""

from __future__ import annotations

from typing import Any

from portal import demo
from portal.models import Release, User
from portal.releasing import publishing
from takedown import publish as tuf


def sign_release(release: Release, settings: Any) -> None:
    """Add one targets signature, with the throw-away key of a trial."""
    tuf.sign(settings.REPOSITORY, publishing.staging(release), demo.release_keys() / "targets-1.pem")


def release_now(user: User, settings: Any) -> Release:
    """Build, sign and publish a release, as its manager does."""
    release = publishing.request(user)
    assert publishing.build(release.pk)
    release.refresh_from_db()
    sign_release(release, settings)
    publishing.ask_to_publish(release, user)
    assert publishing.publish(release.pk)
    return release
