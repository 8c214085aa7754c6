"""What a browser is told about static files; settings.py hands this to whitenoise."""

from __future__ import annotations

from collections.abc import MutableMapping

#: A worker obeys the policy that came with its own script, not that of the page: it may load scripts of ours
#: and nothing else, so that a picture it reads can go nowhere.
POLICY_OF_SCRIPTS = "default-src 'none'; script-src 'self'"


def confine_scripts(headers: MutableMapping[str, str], path: str, url: str) -> None:
    """Add the policy to a script (whitenoise's WHITENOISE_ADD_HEADERS_FUNCTION)."""
    if url.endswith(".js"):
        headers["Content-Security-Policy"] = POLICY_OF_SCRIPTS
