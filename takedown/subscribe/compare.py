"""Two places that should serve the same releases: do they tell the same story? A split view is told apart
from a place that is merely behind.

1. The other place's metadata is verified from the same root file on, in a cache of its own.
2. Metadata of one role with one version must be the same, signature order aside.
3. Files whose names carry a release's number never change: targets of one name must be the same.
4. Where one is ahead, its history must lead through the other's list: the deltas name each list they start
   from, so that a fork shows even between releases of different numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.api.metadata import Metadata, Targets
from tuf.ngclient import FetcherInterface

from takedown.blocklist.manifest import MAX_BYTES, Manifest
from takedown.errors import NothingToSync, VerificationFailed
from takedown.subscribe import store
from takedown.subscribe.fetch import Fetcher, base_address
from takedown.subscribe.store import Current
from takedown.subscribe.trust import Release, download_target, fetch_release, read_release

_ROLES = ("timestamp", "snapshot", "targets")


@dataclass(frozen=True)
class Comparison:
    """What another place serves, beside the list kept here. A split view is an error and never gets here.

    Attributes:
        seq: number of the release kept here.
        other_seq: number of the release served there.
    """

    seq: int
    other_seq: int

    @property
    def sentence(self) -> str:
        """The answer for a person."""
        if self.other_seq < self.seq:
            return (
                f"That place is behind: it has release {self.other_seq}, which does not contradict the list "
                "kept here."
            )
        if self.other_seq > self.seq:
            return (
                f"That place is ahead: it has release {self.other_seq}, which does not contradict the list "
                "kept here; run 'takedown sync'."
            )
        return (
            f"That place serves the same release {self.seq}. Compared were the signed metadata and the "
            "manifests; data files are checked when they are fetched."
        )


def compare(state_dir: Path, mirror: str, *, fetcher: FetcherInterface | None = None) -> Comparison:
    """Hold what another place serves against what is kept here.

    Args:
        state_dir: as given to ``sync``, verified.
        mirror: http(s) or file address, or the path, of the other place.
        fetcher: how bytes are had; the default speaks http(s) and file.

    Raises:
        NothingToSync: nothing is kept here, or nothing could be had from there.
        Stale: what is served there has expired: it is behind, or held back.
        VerificationFailed: slug ``split-view``: two different things were signed as one; or what is served
            there does not verify.
    """
    current = store.need_current(state_dir)
    url, fetcher = base_address(mirror), fetcher or Fetcher()
    with TemporaryDirectory(prefix="takedown-") as folder:
        cache = Path(folder)
        other = fetch_release(url, _root(state_dir), cache, fetcher)
        _compare_metadata(state_dir / store.METADATA, cache)
        _compare_targets(_kept_release(current), other)
        for edition, target in sorted(other.manifests.items()):
            try:
                data = download_target(fetcher, url, target, MAX_BYTES)
            except DownloadError as error:
                raise NothingToSync(
                    "A manifest could not be had from there; try again later.", slug="data-unreachable"
                ) from error
            if edition in current.editions:
                _compare_histories(current.editions[edition].manifest, Manifest.from_bytes(data))
    return Comparison(current.seq, other.seq)


def _root(state_dir: Path) -> bytes:
    try:
        return (state_dir / store.ROOT).read_bytes()
    except OSError as error:
        raise store.altered(error) from error


def _kept_release(current: Current) -> Release:
    try:
        data = (current.folder / store.TARGETS).read_bytes()
        targets: Metadata[Targets] = Metadata.from_bytes(data)
        return read_release(data, targets.signed, current.root_version)
    except (OSError, RepositoryError) as error:
        raise store.altered(error) from error


def _compare_metadata(ours: Path, theirs: Path) -> None:
    """Every role of which both places were seen with one version, each version of the root included."""
    for role in _ROLES:
        _compare_signed(role, ours / f"{role}.json", theirs / f"{role}.json")
    for path in (theirs / store.ROOT_HISTORY).iterdir():
        _compare_signed("root", ours / store.ROOT_HISTORY / path.name, path)


def _compare_signed(role: str, ours: Path, theirs: Path) -> None:
    if not ours.is_file() or not theirs.is_file():
        return
    try:
        one, two = (Metadata.from_bytes(path.read_bytes()) for path in (ours, theirs))
    except RepositoryError as error:
        raise store.altered(error) from error
    if one.signed.version == two.signed.version and one.signed_bytes != two.signed_bytes:
        raise _split(f"version {one.signed.version} of its {role} metadata")


def _compare_targets(ours: Release, theirs: Release) -> None:
    named = {target.path: target.hashes for target in (*ours.manifests.values(), ours.checkpoint) if target}
    for target in (*theirs.manifests.values(), theirs.checkpoint):
        if target and named.get(target.path, target.hashes) != target.hashes:
            raise _split(f"the file {target.path}")


def _compare_histories(ours: Manifest, theirs: Manifest) -> None:
    """The newer of two manifests must have come past the list of the older, as far back as it tells."""
    older, newer = sorted((ours, theirs), key=lambda manifest: manifest.seq)
    passed = {delta.start: delta.from_state for delta in newer.deltas}
    if passed.get(older.seq, older.state_sha256) != older.state_sha256:
        raise _split(f"release {older.seq} of edition {older.edition}")


def _split(what: str) -> VerificationFailed:
    return VerificationFailed(
        f"A split view: {what} is signed with one content here and another there. Keep both, do not sync, "
        "and tell the publisher and other holders.",
        slug="split-view",
    )
