"""Which files make up the committed release and what led to it, in the order in which they are uploaded.

1. Data: what the newest manifests name, and what older ones brought as far as it is kept; then the leaves.
2. Manifests and checkpoints, older ones first.
3. N.targets.json, N.snapshot.json, and every root.

Only what is committed is named here: files of a release that was staged and given up stay at home.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from takedown import disk
from takedown.blocklist import paths
from takedown.blocklist.manifest import Manifest
from takedown.publish.history import manifests, needed_files, new_files
from takedown.publish.repository import Head


@dataclass(frozen=True)
class LocalFile:
    """A file that never changes.

    Attributes:
        path: in the repository.
        source: on this disk.
        size: in bytes.
        sha256: in hex where the release says it; None for what it does not name.
        newest: belongs to the newest release itself, and is small.
    """

    path: str
    source: Path
    size: int
    sha256: str | None = None
    newest: bool = False

    def check(self) -> None:
        """Nothing when the file on this disk is what the release says. Raises VerificationFailed."""
        if self.sha256 is not None:
            disk.check(self.source, self.size, self.sha256)


def files_of(repository: Path, head: Head) -> list[LocalFile]:
    """Every file but timestamp.json and those for people, in the order of their upload.

    Raises:
        VerificationFailed: slug ``file-missing``: what the newest release names is not here.
    """
    chains = [list(manifests(repository, newest)) for newest, _ in head.manifests.values()]
    return [
        *_data(repository, chains),
        *_numbered(repository, head, paths.leaves),
        *_manifests(repository, head, chains),
        *_numbered(repository, head, paths.checkpoint, newest=head.seq),
        _small(repository, paths.metadata(head.targets.signed.version, "targets")),
        _small(repository, paths.metadata(head.snapshot.signed.version, "snapshot")),
        *(
            _small(repository, paths.metadata(version, "root"))
            for version in range(1, head.root.signed.version + 1)
        ),
    ]


def _data(repository: Path, chains: list[list[Manifest]]) -> Iterator[LocalFile]:
    needed = {path: (size, sha256) for chain in chains for path, size, sha256 in needed_files(chain[0])}
    older = {
        path: (size, sha256)
        for chain in chains
        for manifest in chain
        for path, size, sha256 in new_files(manifest)
        if path not in needed and (repository / path).is_file()
    }
    for path, (size, sha256) in sorted((needed | older).items()):
        yield LocalFile(path, repository / path, size, sha256)


def _manifests(repository: Path, head: Head, chains: list[list[Manifest]]) -> Iterator[LocalFile]:
    for chain in chains:
        following = [None, *chain]  # each says what the one before it is
        for after, manifest in reversed(list(zip(following, chain, strict=False))):
            path = paths.manifest(manifest.edition, manifest.seq)
            sha256 = after.prev_manifest_sha256 if after else head.manifests[manifest.edition][1]
            source = repository / path
            yield LocalFile(path, source, source.stat().st_size, sha256, newest=after is None)


def _numbered(
    repository: Path, head: Head, name: Callable[[int], str], newest: int | None = None
) -> Iterator[LocalFile]:
    for seq in range(1, head.seq + 1):
        path = name(seq)
        source = repository / path
        if source.is_file():
            yield LocalFile(path, source, source.stat().st_size, newest=seq == newest)


def _small(repository: Path, path: str) -> LocalFile:
    source = repository / path
    return LocalFile(path, source, source.stat().st_size, newest=True)
