"""A desk to try out: throw-away keys, a sample dataset with its index, and three people.

Every step is skipped when its result is there, so a second start takes seconds and keeps everything.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Group

from portal.finding import indexes
from portal.models import DatasetIndex, User
from portal.policy import current
from portal.sample import write_sample
from takedown.index import build_index
from takedown.publish import ceremony

#: Name -> roles of the people made for a trial.
PEOPLE = {
    "ada": ("reviewer", "child safety"),
    "ben": ("reviewer", "child safety"),
    "mara": ("release manager",),
}

Say = Callable[[str], None]


def prepare(say: Say) -> None:
    """Make whatever is missing, telling each step in one line."""
    hold_ceremony(say)
    sample(say)
    people(say)


def release_keys() -> Path:
    """Where the throw-away root and targets keys lie. A real desk never has this folder."""
    return settings.VAR / "keys" / "release"


def hold_ceremony(say: Say) -> None:
    """Throw-away keys and an empty, signed repository; only the two online keys go where the desk reads."""
    if not (settings.REPOSITORY / "metadata" / "timestamp.json").exists():
        say("Holding a throw-away key ceremony")
        ceremony(release_keys(), settings.REPOSITORY, publisher=current().publisher, throwaway=True)
    settings.ONLINE_KEYS.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("snapshot.pem", "timestamp.pem"):
        if (release_keys() / name).exists():
            (release_keys() / name).rename(settings.ONLINE_KEYS / name)


def sample(say: Say) -> None:
    """A small dataset in img2dataset layout, its index, and edited copies to try."""
    if DatasetIndex.objects.exists():
        return
    folder, index = settings.VAR / "sample", settings.VAR / "index" / "sample-pictures"
    if not folder.exists():
        say("Drawing a sample dataset")
        fresh = folder.with_name("sample.new")
        write_sample(fresh)
        fresh.rename(folder)
    if not index.exists():
        say("Indexing it")
        index.parent.mkdir(parents=True, exist_ok=True)
        build_index(index, [folder / "pictures"], name="sample-pictures")
    indexes.register(index)


def people(say: Say) -> None:
    """Two reviewers and a release manager, with passwords that are kept for the next start."""
    words = logins() or {name: secrets.token_urlsafe(9) for name in PEOPLE}
    missing = [name for name in PEOPLE if not User.objects.filter(username=name).exists()]
    if missing:
        say("Inviting two reviewers and a release manager")
    for name in missing:
        User.objects.create_user(name, words[name]).groups.set(Group.objects.filter(name__in=PEOPLE[name]))
    file = _logins_file()
    file.touch(mode=0o600)
    file.write_text(json.dumps(words, indent=2))


def logins() -> dict[str, str]:
    """Name -> password of the people made for a trial; empty before they are made."""
    file = _logins_file()
    return json.loads(file.read_text()) if file.exists() else {}


def _logins_file() -> Path:
    return settings.VAR / "demo-logins.json"
