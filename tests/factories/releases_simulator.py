"""A release repository in memory, behind the interface through which python-tuf fetches.

It starts as a copy of a repository that the publishing code wrote, so that what it serves is what a server
would. Whatever may go wrong on the way, or on the publisher's side, is done to ``files``, or by signing again
with keys that are right, wrong or missing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.api.metadata import Metadata, MetaFile, TargetFile
from tuf.ngclient import FetcherInterface

from takedown.blocklist import canonical, paths
from takedown.publish.keyring import load

#: Never looked up: the simulator is the network.
URL = "https://releases.test/list/"

Files = dict[str, bytes]


class Simulator(FetcherInterface):
    """Serves ``files``.

    Args:
        repository: folder to copy.
        keys: folder of the publisher's keys, for signing again.

    Attributes:
        files: path -> content.
        asked: paths in the order they were asked for.
        sent: bytes of all bodies.
        broken: path -> what to raise instead, while sending.
        own: the key that signs again for every role, instead of the publisher's.
    """

    def __init__(self, repository: Path, keys: Path) -> None:
        self.files: Files = {
            str(path.relative_to(repository)): path.read_bytes()
            for path in repository.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }
        self.keys = keys
        self.asked: list[str] = []
        self.sent = 0
        self.broken: dict[str, DownloadError] = {}
        self.own: Signer | None = None

    def _fetch(self, url: str) -> Iterator[bytes]:
        assert url.startswith(URL)
        path = unquote(urlsplit(url).path).removeprefix("/list/")
        self.asked.append(path)
        if path not in self.files:
            raise DownloadHTTPError("no such file", 404)
        return self._send(path, self.files[path])

    def _send(self, path: str, data: bytes) -> Iterator[bytes]:
        half = len(data) // 2
        for part in (data[:half], data[half:]):
            self.sent += len(part)
            yield part
            if path in self.broken:
                raise self.broken[path]

    def path_of(self, role: str) -> str:
        """Where the newest metadata of a role stands."""
        if role == "timestamp":
            return paths.TIMESTAMP
        if role == "root":
            return max(path for path in self.files if path.endswith(".root.json"))
        above, name = {"snapshot": ("timestamp", "snapshot.json"), "targets": ("snapshot", "targets.json")}[
            role
        ]
        signed = self.metadata(above).signed
        about = signed.snapshot_meta if role == "snapshot" else signed.meta[name]
        return paths.metadata(about.version, role)

    def metadata(self, role: str) -> Metadata[Any]:
        """The newest metadata of a role."""
        return Metadata.from_bytes(self.files[self.path_of(role)])

    def signer(self, role: str) -> Signer:
        """The publisher's own (first) key of a role."""
        if self.own is not None:
            return self.own
        return load(self.keys / f"{role if role in ('snapshot', 'timestamp') else f'{role}-1'}.pem")

    def sign_again(
        self, role: str, change: Callable[[Any], object], signers: Sequence[Signer] | None = None
    ) -> None:
        """Change the newest metadata of a role in its place and sign it, by the right key unless told."""
        path, metadata = self.path_of(role), self.metadata(role)
        change(metadata.signed)
        metadata.signatures.clear()
        for signer in [self.signer(role)] if signers is None else signers:
            metadata.sign(signer, append=True)
        self.files[path] = metadata.to_bytes()

    def commit(self, role: str) -> None:
        """Sign what stands above a role's metadata, so that it names what is there now."""
        if role == "targets":
            about = self._about(role)
            self.sign_again("snapshot", lambda signed: signed.meta.update({"targets.json": about}))
        if role in ("targets", "snapshot"):
            about = self._about("snapshot")
            self.sign_again("timestamp", lambda signed: setattr(signed, "snapshot_meta", about))

    def forge(self, change: Callable[[dict[str, Any], Files], object], edition: str = "research") -> None:
        """Change an edition's newest manifest (as JSON) or any file, and sign all of it as it must be."""
        path = next(p for p in self.metadata("targets").signed.targets if f"/{edition}/manifest-" in p)
        manifest = json.loads(self.files[path])
        change(manifest, self.files)
        self.files[path] = canonical.to_bytes(manifest)
        self.sign_targets()

    def sign_targets(self) -> None:
        """Make the signed targets name the manifests and checkpoint that are there now."""

        def name_them(signed: Any) -> None:
            for path in signed.targets:
                signed.targets[path] = TargetFile.from_data(path, self.files[path], ["sha256"])

        self.sign_again("targets", name_them)
        self.commit("targets")

    def _about(self, role: str) -> MetaFile:
        data = self.files[self.path_of(role)]
        version = self.metadata(role).signed.version
        return MetaFile(version, len(data), {"sha256": hashlib.sha256(data).hexdigest()})


def stranger() -> Signer:
    """A key that no root knows."""
    return CryptoSigner.generate_ed25519()


def described(data: bytes) -> dict[str, Any]:
    """Length and SHA-256 of a file, as a manifest has them."""
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
