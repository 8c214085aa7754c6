"""Which optional services answer here, and fresh databases on them."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest


def postgresql() -> str:
    """URL of a PostgreSQL server to test on; skips the test when there is none."""
    return _answering("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres", "PostgreSQL")


def redis() -> str:
    """URL of a Redis server to test on; skips the test when there is none."""
    return _answering("TEST_BROKER_URL", "redis://127.0.0.1:6379/15", "Redis")


@contextmanager
def fresh_database() -> Iterator[str]:
    """URL of an empty PostgreSQL database that is dropped afterwards."""
    import psycopg

    server = postgresql()
    name = f"takedown_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _answering(variable: str, usual: str, name: str) -> str:
    url = os.environ.get(variable, "") or usual
    place = urlsplit(url)
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((place.hostname or "127.0.0.1", place.port or 0)) != 0:
            pytest.skip(f"no {name} answers at {place.hostname}:{place.port}; set {variable} to test on one")
    return url
