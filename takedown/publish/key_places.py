"""Where private keys may lie: apart from what is served, and only where there is room for them.

1. A folder of private keys and a repository never hold each other: a repository is served as it is.
2. A folder is tried before keys are made, so that a refusal leaves nothing behind.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from takedown.blocklist import paths
from takedown.errors import UsageError


def refuse_together(keys: Path, repository: Path) -> None:
    """Nothing when private keys would not be served with the repository.

    Raises:
        UsageError: slug ``keys-in-repository``: either folder is the other, or lies inside it.
    """
    one, other = keys.resolve(), repository.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise UsageError(
            f"Private keys in {keys} would lie together with {repository}, which is served to everyone; "
            "choose two folders, neither inside the other.",
            slug="keys-in-repository",
        )


def refuse_served(keys: Path) -> None:
    """Nothing when a folder for private keys is no release repository, and lies in none.

    Raises:
        UsageError: slug ``keys-in-repository``.
    """
    place = keys.resolve()
    for folder in (place, *place.parents):
        if (folder / paths.metadata(1, "root")).exists() or (folder / paths.TIMESTAMP).exists():
            refuse_together(keys, folder)


def refuse_unwritable(folder: Path) -> None:
    """Nothing when files can be written to a folder; it is made where it is missing.

    Raises:
        UsageError: slug ``not-writable``.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written ({error.strerror}), so no key was made; name another folder.",
            slug="not-writable",
        ) from error
