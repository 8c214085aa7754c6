"""Canary tokens: what they look like in a file, and where a desk may have written one."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from desk import Desk

#: Every place that a database is found in, whatever it is made of.
DATABASE = "database"


def spellings(token: str) -> list[bytes]:
    """A token as it may stand in a file: text, UTF-16, hex, base64 at three offsets, escaped, reversed; of a
    token that is hex itself, the bytes too."""
    raw = token.encode()
    inner = [base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)]
    found = [
        raw,
        raw.upper(),
        raw[::-1],
        token.encode("utf-16-le"),
        token.encode("utf-16-be"),
        raw.hex().encode(),
        raw.hex().upper().encode(),
        *inner,
        quote("/" + token, safe="").encode(),
    ]
    with suppress(ValueError):
        found.append(bytes.fromhex(token))
    return found


def holding(desk: Desk, tokens: Collection[str]) -> dict[str, set[str]]:
    """Token -> the places that hold it in any spelling; tokens found nowhere are left out."""
    wanted = {token: spellings(token) for token in tokens}
    found: dict[str, set[str]] = {}
    for place, content in everything(desk):
        for token, spelled in wanted.items():
            if any(one in content for one in spelled):
                found.setdefault(token, set()).add(place)
    return found


def everything(desk: Desk) -> Iterator[tuple[str, bytes]]:
    """Each place with what it holds: files and their names, a dump of PostgreSQL, what Redis holds of us."""
    yield from _files(desk.folder)
    if url := desk.environment.get("DATABASE_URL"):
        yield DATABASE, _dump(url)
    if prefix := desk.environment.get("TAKEDOWN_BROKER_PREFIX"):
        with redis.Redis.from_url(desk.environment["TAKEDOWN_BROKER_URL"]) as server:
            for key in server.scan_iter(f"{prefix}*"):
                yield "Redis", key + b" " + b" ".join(_values(server, key))


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Links are not followed: the sample is not ours."""
    for parent, _, names in os.walk(folder):
        for name in names:
            file = Path(parent, name)
            if file.is_file() and not file.is_symlink():
                place = DATABASE if name.startswith("portal.sqlite3") else str(file.relative_to(folder))
                yield place, file.read_bytes() + str(file.relative_to(folder)).encode()


def _dump(url: str) -> bytes:
    """Every row, with bytes as hex, and everything else that the database keeps of what was written."""
    program = shutil.which("pg_dump")
    if program is None:
        pytest.skip("pg_dump is not installed, and so what PostgreSQL holds cannot be read")
    return subprocess.run([program, url], check=True, capture_output=True).stdout


def _values(server: redis.Redis, key: bytes) -> Iterable[bytes]:
    """What stands under a key; as text, since a dump of Redis may be compressed."""
    match server.type(key):
        case b"string":
            return [server.get(key) or b""]
        case b"list":
            return list(server.lrange(key, 0, -1))
        case b"set":
            return list(server.smembers(key))
        case b"hash":
            return [part for pair in server.hgetall(key).items() for part in pair]
        case b"zset":
            return list(server.zrange(key, 0, -1))
        case other:
            raise AssertionError(f"nobody looked into a {other!r} of Redis")
