"""A place that fsspec can write to, as a shelf of whole files: read, list, and put in place at once.

Object stores show an object when its upload is complete, and not before. Everywhere else a file is written
under a name of its own and renamed, so that a reader meets the old content or the new.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.registry import known_implementations

from takedown import disk
from takedown.errors import MissingExtra, TakedownError, UsageError, from_system

#: Protocols under which an upload is seen whole or not at all, without a rename.
OBJECT_STORES = frozenset(
    {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "hf", "oss", "oci", "ocilake", "tos", "memory"}
)

_BLOCK = 1 << 20
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')


@dataclass(frozen=True)
class Object:
    """A file as the store lists it. ``md5``, in hex, is of something else where a store encrypts."""

    size: int
    md5: str | None


class Store:
    """Files below one address.

    Args:
        fs: an fsspec file system.
        root: path of the folder in it.
        whole: uploads are seen whole or not at all.
    """

    def __init__(self, fs: Any, root: str, *, whole: bool) -> None:
        self._fs = fs
        self._root = root.rstrip("/")
        self._whole = whole

    @classmethod
    def open(cls, url: str, options: Mapping[str, Any] | None = None) -> Store:
        """The store at an address.

        Args:
            url: ``s3://bucket/folder``, ``file:///folder``, ``memory://...`` or any other that fsspec knows;
                without a scheme, the path of a folder.
            options: for the file system, as fsspec takes them.

        Raises:
            MissingExtra: the package for this kind of store is not installed.
            UsageError: no such kind of store, or nothing can be written there.
        """
        protocol = url.split("://", 1)[0] if "://" in url else "file"
        if "::" in url or protocol in ("http", "https"):
            raise UsageError("Nothing can be written to that address; give a folder or an object store.")
        try:
            fs, root = fsspec.core.url_to_fs(
                url, skip_instance_cache=True, use_listings_cache=False, **(options or {})
            )
        except ImportError as error:
            raise _missing(protocol) from error
        except ValueError as error:
            raise UsageError(
                "That address is of no kind of store known here; check what stands before ://."
            ) from error
        return cls(fs, root, whole=protocol in OBJECT_STORES)

    def list(self) -> dict[str, Object]:
        """Every file, by its path below the root."""
        with _failures():
            self._fs.invalidate_cache()
            try:
                found = self._fs.find(self._root, detail=True)
            except FileNotFoundError:
                return {}
        head = f"{self._root}/"
        return {path[len(head) :]: _object(info) for path, info in found.items() if path.startswith(head)}

    def read(self, path: str) -> bytes | None:
        """A small file; None when it is not there."""
        with _failures():
            try:
                return bytes(self._fs.cat_file(self._at(path)))
            except FileNotFoundError:
                return None

    def sha256(self, path: str, size: int | None = None) -> str:
        """SHA-256 in hex of a file's first ``size`` bytes, read in blocks; of all where None."""
        digest, left = hashlib.sha256(), size
        with _failures(), self._fs.open(self._at(path), "rb") as file:
            while block := file.read(_BLOCK if left is None else min(_BLOCK, left)):
                digest.update(block)
                left = None if left is None else left - len(block)
        return digest.hexdigest()

    def put(self, source: Path, path: str) -> None:
        """Upload a file of this disk, of any length."""
        with _failures(), self._in_place(path) as place:
            self._fs.put_file(str(source), place)

    def write(self, path: str, data: bytes) -> None:
        """Upload a small file."""
        with _failures(), self._in_place(path) as place:
            self._fs.pipe_file(place, data)

    @contextmanager
    def _in_place(self, path: str) -> Iterator[str]:
        """The name to write under; the file gets its own name at the end."""
        place = self._at(path)
        if self._whole:
            yield place
            return
        folder, _, name = place.rpartition("/")
        self._fs.makedirs(folder, exist_ok=True)
        part = f"{folder}/.{name}.part"
        yield part
        local = isinstance(self._fs, LocalFileSystem)
        if local:  # only a disk of our own can be told to write now, before what leads here is written
            with open(part, "rb") as file:
                disk.sync_file(file.fileno())
        self._fs.mv(part, place)
        if local:
            disk.sync_folder(Path(folder))

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"


def _object(info: Mapping[str, Any]) -> Object:
    return Object(int(info.get("size") or 0), _md5(info))


def _md5(info: Mapping[str, Any]) -> str | None:
    """What the store says of the content, under the names that S3, Google and Azure give it."""
    plain = _MD5.fullmatch(str(info.get("ETag") or info.get("md5") or ""))
    if plain:
        return plain[1]
    coded = info.get("md5Hash") or dict(info.get("content_settings") or {}).get("content_md5")
    if not coded:
        return None
    try:
        return bytes(coded).hex() if not isinstance(coded, str) else base64.b64decode(coded).hex()
    except (binascii.Error, ValueError):
        return None


def _missing(protocol: str) -> MissingExtra:
    known = known_implementations.get(protocol, {}).get("class", "")
    package = {"sftp": "paramiko", "ssh": "paramiko", "smb": "smbprotocol"}.get(
        protocol, known.split(".")[0].replace("_", "-")
    )
    return MissingExtra(f"A store of that kind needs one more package; run 'pip install {package}'.")


@contextmanager
def _failures() -> Iterator[None]:
    """Whatever a store's client raises becomes one sentence: each has errors of its own."""
    try:
        yield
    except TakedownError:
        raise
    except ImportError as error:
        raise MissingExtra(f"This store needs one more package ({error.name}); install it.") from error
    except Exception as error:
        if (known := from_system(error)) is not None:
            raise known from error
        raise TakedownError(
            f"The store did not do what was asked ({type(error).__name__}); check address, rights and "
            "connection, and run the same command again: it goes on where it stopped.",
            slug="store-failed",
        ) from error
