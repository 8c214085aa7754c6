"""Small readers of environment variables that fail loudly, with the variable's name."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

#: A version 3 onion address: 35 bytes in base32 (Tor's rend-spec-v3, 6).
_ONION = re.compile(r"http://[a-z2-7]{56}\.onion")

#: Shortest secret that is taken from the environment.
SECRET_CHARACTERS = 32


def text(name: str, default: str) -> str:
    return os.environ.get(name, default).strip() or default


def number(name: str, default: int) -> int:
    value = text(name, str(default))
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from None


def switch(name: str, *, default: bool) -> bool:
    value = text(name, "yes" if default else "no").lower()
    if value in {"1", "yes", "true", "on"}:
        return True
    if value in {"0", "no", "false", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no.")


def words(name: str, default: str) -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def onion(name: str) -> str:
    """``http://`` and the name of a version 3 onion service, or nothing."""
    value = text(name, "").rstrip("/")
    if value and not _ONION.fullmatch(value):
        raise ImproperlyConfigured(f"{name} must be http:// and 56 letters and digits that end in .onion.")
    return value


def secret(name: str, file: Path) -> str:
    """A secret from the environment, else from a file that only its owner can read, made when absent."""
    given = os.environ.get(name, "").strip()
    if 0 < len(given) < SECRET_CHARACTERS:
        raise ImproperlyConfigured(f"{name} must have at least {SECRET_CHARACTERS} characters.")
    if given:
        return given
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = file.with_name(f"{file.name}.{os.getpid()}.new")
    if not file.exists():
        made.touch(mode=0o600)
        made.write_text(secrets.token_hex(32))
        try:
            os.link(made, file)  # of two processes that start at once, the first one's secret stays
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return file.read_text().strip()


def database(url: str, *, sqlite_default: Path) -> dict[str, Any]:
    """Django's settings for ``sqlite:///path`` or ``postgresql://user:password@host:port/name``."""
    parts = urlsplit(url)
    if not url or parts.scheme == "sqlite":
        return _sqlite(Path(unquote(parts.path)) if url else sqlite_default)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must begin with sqlite:// or postgresql://.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def _sqlite(path: Path) -> dict[str, Any]:
    """WAL for readers beside a writer, IMMEDIATE so that a transaction never fails half-way for a lock,
    FULL so that an answered submission survives a power cut, secure_delete so that erased means zeroed."""
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "".join(f"PRAGMA {pragma};" for pragma in pragmas),
        },
    }
