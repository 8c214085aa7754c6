"""Signing a staged release of the portal, as a release manager does on another machine."""

from __future__ import annotations

from typing import Any

from portal import demo, publishing
from portal.models import Release
from takedown import publish as tuf


def sign_release(release: Release, settings: Any) -> None:
    """Add one targets signature, with the throw-away key of a trial."""
    tuf.sign(settings.REPOSITORY, publishing.staging(release), demo.release_keys() / "targets-1.pem")
