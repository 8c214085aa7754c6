"""A publisher's desk for tests: makes keys and releases, honest ones and signed dishonest ones."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from factories import covers
from tuf.api.metadata import Metadata, TargetFile, Targets

from takedown.blocklist import canonical, paths
from takedown.keys import Key
from takedown.publish import EditionDraft, Staged, ceremony, publish, sign, stage
from takedown.publish.commit import sign_online
from takedown.publish.keyring import load

DAY = date(2026, 11, 22)


def key(name: object, kind: str = "url_sha256") -> Key:
    """A full key made from any name."""
    algorithm = hashlib.md5 if kind == "img_md5" else hashlib.sha256
    return Key(kind, algorithm(str(name).encode()).hexdigest())


class Desk:
    """One publisher with all its keys."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.repository = folder / "repository"
        self.keys = folder / "keys"
        self.root = ceremony(self.keys, self.repository, publisher="Example", **options).read_bytes()
        self._staged = 0

    @property
    def url(self) -> str:
        return str(self.repository)

    def stage(
        self, names: Iterable[object], *, now: datetime | None = None, **edition: Any
    ) -> tuple[Path, Staged]:
        """Stage one edition, ``research``, that lists a key for each name."""
        keys = [key(name) for name in names]
        if edition.get("prefix_hex", 64) < 64:
            edition.setdefault("cover", covers.cover_of(keys, edition["prefix_hex"]))
        draft = EditionDraft("research", keys, **edition)
        return self.stage_drafts([draft], now=now)

    def stage_drafts(
        self, drafts: list[EditionDraft], *, now: datetime | None = None, **terms: Any
    ) -> tuple[Path, Staged]:
        self._staged += 1
        staging = self.folder / f"staging-{self._staged}"
        settings: dict[str, Any] = {
            "publisher": "Example",
            "dataset_ids": ["example/dataset"],
            "created": DAY,
            "audit_head": "",
            "now": now,
        }
        return staging, stage(self.repository, staging, drafts, **(settings | terms))

    def sign(self, staging: Path, which: str = "targets-1") -> None:
        sign(self.repository, staging, self.keys / f"{which}.pem")

    def publish(self, staging: Path, *, now: datetime | None = None) -> int:
        return publish(self.repository, staging, self.keys, now=now)

    def release(self, names: Iterable[object], *, now: datetime | None = None, **edition: Any) -> int:
        """Stage, sign and publish."""
        staging, _ = self.stage(names, now=now, **edition)
        self.sign(staging)
        return self.publish(staging, now=now)

    def release_drafts(self, drafts: list[EditionDraft], **terms: Any) -> int:
        staging, _ = self.stage_drafts(drafts, **terms)
        self.sign(staging)
        return self.publish(staging)

    def forge(self, names: Iterable[object], change: Callable[[dict[str, Any], Path], None]) -> None:
        """Publish a release that is signed as it must be, and wrong in whatever way ``change`` makes it.

        Args:
            names: the honest list to start from.
            change: gets the manifest as JSON and the staging folder, and alters either.
        """
        staging, staged = self.stage(names)
        path = staging / paths.manifest("research", staged.seq)
        manifest = json.loads(path.read_bytes())
        change(manifest, staging)
        path.write_bytes(canonical.to_bytes(manifest))
        self.sign_anything(staging)

    def sign_anything(self, staging: Path, **about: Any) -> None:
        """Sign and commit a staging folder without any review."""
        found = next((staging / "metadata").glob("*.targets.json"))
        targets: Metadata[Targets] = Metadata.from_bytes(found.read_bytes())
        for name in list(targets.signed.targets):
            targets.signed.targets[name] = TargetFile.from_data(
                name, (staging / name).read_bytes(), ["sha256"]
            )
        for field, value in about.items():
            setattr(targets.signed, field, value)
        targets.sign(load(self.keys / "targets-1.pem"))
        found.write_bytes(targets.to_bytes())
        shutil.copytree(staging, self.repository, dirs_exist_ok=True)
        root: Any = Metadata.from_bytes(self.root)
        head = load_versions(self.repository)
        sign_online(self.repository, self.keys, root.signed, targets, versions=head, now=datetime.now(UTC))


def load_versions(repository: Path) -> tuple[int, int]:
    """Next versions of snapshot and timestamp."""
    timestamp: Any = Metadata.from_bytes((repository / paths.TIMESTAMP).read_bytes())
    return timestamp.signed.snapshot_meta.version + 1, timestamp.signed.version + 1
