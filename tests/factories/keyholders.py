"""A publisher whose keys are made one by one, each in a folder that stands for a machine of its own."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from takedown import publish as writer
from takedown.keys import Key
from takedown.publish.keyring import PROFILES

DAY = date(2026, 11, 22)


def labels(count: int) -> str:
    """``abc`` for three."""
    return "abcdefgh"[:count]


class Publisher:
    """A repository made by files; ``root`` is what holders were given at the start."""

    def __init__(self, folder: Path, profile: str = "small", *, now: datetime | None = None) -> None:
        self.folder, self.repository, self.online = folder, folder / "repository", folder / "online"
        self._count = 0
        made = [
            self.make(role, label if rule.keys > 1 else "")
            for role, rule in PROFILES[profile].items()
            for label in labels(rule.keys)
        ]
        change = self.new_folder("change")
        writer.propose_first(change, made, publisher="Example Lab", profile=profile, now=now)
        signers = {role: labels(PROFILES[profile][role].threshold) for role in ("root", "targets")}
        self.sign(change, *(f"{role}-{label}" for role in signers for label in signers[role]), now=now)
        self.root = writer.finish(change, self.repository, self.online, now=now).read_bytes()
        self.targets_threshold = PROFILES[profile]["targets"].threshold

    @property
    def url(self) -> str:
        return str(self.repository)

    def new_folder(self, name: str) -> Path:
        self._count += 1
        return self.folder / f"{name}-{self._count}"

    def make(self, role: str, label: str) -> Path:
        """Make a key on its holder's machine; the public file."""
        home = self.online if role in ("snapshot", "timestamp") else self.folder / f"{role}-{label}"
        return writer.make_key(home, role, label).public

    def key(self, name: str) -> Path:
        """The private key ``targets-a``."""
        return self.folder / name / f"{name}.pem"

    def sign(self, change: Path, *names: str, now: datetime | None = None) -> None:
        """Each of them signs a copy of the change, and hands back the signature files alone."""
        for name in names:
            away = self.new_folder(name) / "change"
            shutil.copytree(change, away)
            (change / "signatures").mkdir(exist_ok=True)
            for path in writer.sign_change(away, self.key(name), now=now):
                shutil.copy(path, change / "signatures" / path.name)

    def propose(self, **what: Any) -> Path:
        change = self.new_folder("change")
        writer.propose_change(change, self.repository, **what)
        return change

    def finish(self, change: Path, **options: Any) -> Path:
        return writer.finish(change, self.repository, self.online, **options)

    def stage(self, names: Iterable[object]) -> Path:
        staging = self.new_folder("staging")
        keys = [Key("url_sha256", hashlib.sha256(str(name).encode()).hexdigest()) for name in names]
        draft = writer.EditionDraft("research", keys)
        about: dict[str, Any] = {"publisher": "Example Lab", "dataset_ids": ["example/dataset"]}
        writer.stage(self.repository, staging, [draft], created=DAY, audit_head="", **about)
        return staging

    def release(self, names: Iterable[object], *signers: str) -> int:
        """Stage, sign and publish."""
        staging = self.stage(names)
        for name in signers or [f"targets-{label}" for label in labels(self.targets_threshold)]:
            writer.sign(self.repository, staging, self.key(name))
        return writer.publish(self.repository, staging, self.online)
