"""Sources of rows: open a file or a folder, and find out how it is laid out.

X.parquet                          one Parquet shard (with its tar, when X.tar stands beside it)
X.tar                              one img2dataset shard
folder with .tar                   img2dataset: each tar with its sidecars
folder with .parquet               Parquet shards, at any depth
folder with pictures               one shard, a row a file
Parquet with url_sha256 and pdq    a fingerprint table: no rows of its own
"""

from __future__ import annotations

from pathlib import Path

from takedown.dataset.columns import locate
from takedown.dataset.interface import COLUMNS, Dataset, Kind, RowBatch, Shard, Stamp
from takedown.dataset.parquet import ParquetShard, open_parquet
from takedown.dataset.pictures import PictureFolder, is_picture
from takedown.dataset.webdataset import Img2datasetShard
from takedown.errors import BadDataset

__all__ = ["COLUMNS", "Dataset", "Kind", "RowBatch", "Shard", "Stamp", "open_source"]

#: Files beside shards that hold neither rows nor pictures.
_BYSTANDERS = frozenset({".json", ".md", ".yaml", ".yml", ".idx", ".crc", ".lock"})
_BYSTANDER_NAMES = ("README", "LICENSE", "LICENCE", "NOTICE", "_", ".")


def open_source(path: str | Path, *, strict: bool = True) -> Dataset:
    """Look at a file or folder and return its shards.

    Args:
        path: a .parquet file, a .tar, or a folder of them or of pictures.
        strict: raise for the first bad shard of a folder; otherwise list those in `Dataset.failed`.

    Raises:
        BadDataset: nothing there, of no known layout, damaged, or without an address column.
    """
    source = Path(path)
    if "://" in str(path):
        raise BadDataset("Only local files and folders can be read; copy or mount the data first.")
    if source.is_file():
        shard = _file(source)
        return Dataset(source, shard.kind, (shard,))
    if not source.is_dir():
        raise BadDataset(f"{source} does not exist; check the path.", slug="dataset-not-found")
    return _folder(source, strict)


def _file(path: Path) -> Shard:
    """The shard that a single file stands for; a sidecar stands for its tar."""
    suffix = path.suffix.lower()
    if suffix not in (".parquet", ".tar"):
        raise BadDataset(
            f"{path} is neither Parquet nor a tar shard; give .parquet files, .tar shards or a folder.",
            slug="dataset-kind-unknown",
        )
    return _shard(path.with_suffix(".tar") if path.with_suffix(".tar").is_file() else path, path.parent)


def _folder(folder: Path, strict: bool) -> Dataset:
    files = _walk(folder)
    tars = {file for file in files if file.suffix.lower() == ".tar"}
    tables = [
        file for file in files if file.suffix.lower() == ".parquet" and file.with_suffix(".tar") not in tars
    ]
    pictures = [file for file in files if is_picture(file)]
    other = [file for file in files if file.suffix.lower() not in (".tar", ".parquet")]
    if not tars and not tables and pictures:
        names = sorted(file.relative_to(folder).as_posix() for file in pictures)
        return Dataset(folder, "images", (PictureFolder(folder, names),))
    shards, failed = _shards(sorted([*tars, *tables]), folder, strict)
    if not shards and not failed:
        raise BadDataset(
            f"{folder} holds no Parquet files, tar shards or pictures; check the path.",
            slug="dataset-empty",
        )
    unread = tuple(file for file in other if not _bystander(file))
    return Dataset(folder, "img2dataset" if tars else "parquet", shards, unread, failed)


def _shards(
    files: list[Path], folder: Path, strict: bool
) -> tuple[tuple[Shard, ...], tuple[tuple[Path, BadDataset], ...]]:
    shards, failed = [], []
    for file in files:
        try:
            shards.append(_shard(file, folder))
        except BadDataset as error:
            if strict:
                raise
            failed.append((file, error))
    return tuple(shards), tuple(failed)


def _shard(path: Path, folder: Path) -> Shard:
    name = path.relative_to(folder).as_posix()
    if path.suffix.lower() == ".tar":
        return Img2datasetShard(path, name)
    _refuse_fingerprints(path)
    return ParquetShard(path, name)


def _refuse_fingerprints(path: Path) -> None:
    with open_parquet(path) as file:
        found = locate(list(file.schema_arrow.names), path)
    if "url" not in found and {"url_sha256", "pdq"} <= found.keys():
        raise BadDataset(
            f"{path} is a fingerprint table: it has fingerprints of rows but no rows of its own, and this "
            "version cannot attach it to an index yet. Give the dataset that it was made from instead.",
            slug="dataset-fingerprint-table",
        )


def _walk(folder: Path) -> list[Path]:
    """Every visible file under the folder; symbolic links to folders are not followed."""
    found = []
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if not hidden and file.is_file():
            found.append(file)
    return found


def _bystander(file: Path) -> bool:
    return file.suffix.lower() in _BYSTANDERS or file.name.startswith(_BYSTANDER_NAMES)
