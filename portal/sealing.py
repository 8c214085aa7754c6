"""Uploaded bytes, sealed on arrival to a key that the web process cannot open.

An intake key pair lives for a week: made for its day, used to seal on that day, destroyed KEEP_DAYS later.
The public halves lie in one folder (web), the private halves in another (worker). Destroying the private half
is what makes bytes gone for good, backups included, so private halves are never backed up.
"""

from __future__ import annotations

import fcntl
import os
from datetime import date, timedelta
from pathlib import Path

from django.conf import settings
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from portal.days import today

#: Days after which an intake key is destroyed: people are told that nobody can open a picture after a week.
KEEP_DAYS = 7


class KeyGoneError(Exception):
    """The private key that could open the bytes is not here (destroyed, or not ours to read)."""


class NoIntakeKeyError(Exception):
    """There is no public key to seal with: the worker's key rotation has never run."""


def seal(data: bytes) -> tuple[date, bytes]:
    """Seal bytes to the newest public key that is not dated in the future (a clock may have been wrong).

    Returns:
        The day that names the key, and the sealed box (48 bytes longer than the data).

    Raises:
        NoIntakeKeyError: no key has been made yet.
    """
    days = [day for day in _days(settings.INTAKE_PUBLIC_KEYS) if day <= today()]
    if not days:
        raise NoIntakeKeyError
    key = PublicKey(_file(settings.INTAKE_PUBLIC_KEYS, days[-1]).read_bytes())
    return days[-1], SealedBox(key).encrypt(data)


def unseal(key_day: date, box: bytes) -> bytes:
    """Open sealed bytes; only the worker can.

    Raises:
        KeyGoneError: the key is gone or does not fit.
    """
    try:
        key = PrivateKey(_file(settings.INTAKE_PRIVATE_KEYS, key_day).read_bytes())
        return SealedBox(key).decrypt(box)
    except (OSError, CryptoError):
        raise KeyGoneError from None


def rotate() -> None:
    """Make today's key pair where a half is missing, destroy those past their time. Safe at any moment."""
    private, public = settings.INTAKE_PRIVATE_KEYS, settings.INTAKE_PUBLIC_KEYS
    private.mkdir(mode=0o700, parents=True, exist_ok=True)
    public.mkdir(mode=0o755, parents=True, exist_ok=True)
    with os.fdopen(os.open(private / ".lock", os.O_CREAT | os.O_RDWR, 0o600), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in (*private.glob(".*.new"), *public.glob(".*.new")):
            leftover.unlink()
        if not (_file(public, today()).exists() and _file(private, today()).exists()):
            made = PrivateKey.generate()
            # The private half first: a public half without it would seal bytes that nobody can open.
            write_whole(_file(private, today()), bytes(made), 0o600)
            write_whole(_file(public, today()), bytes(made.public_key), 0o644)
        for folder in (public, private):
            for day in _days(folder):
                if abs(day - today()) >= timedelta(days=KEEP_DAYS):
                    _file(folder, day).unlink()


def write_whole(path: Path, data: bytes, mode: int) -> None:
    """Write a file whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def _file(folder: Path, day: date) -> Path:
    return folder / f"{day.isoformat()}.key"


def _days(folder: Path) -> list[date]:
    return sorted(date.fromisoformat(path.stem) for path in folder.glob("????-??-??.key"))
