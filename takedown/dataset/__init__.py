"""Sources of rows: open a file or a folder, and find out how it is laid out.

X.parquet                          one Parquet shard (with its tar, when X.tar stands beside it)
X.tar                              one img2dataset shard
folder with .tar                   img2dataset: each tar with its sidecars
folder with .parquet               Parquet shards, at any depth
folder with lists of addresses     each list (.txt .csv .tsv .jsonl .ndjson, also .gz) a shard
folder with pictures               one shard, a row a file
X.parquet and a folder X           img2dataset's layout of plain files: one shard, with X_stats.json
Parquet with url_sha256 and pdq    a fingerprint table: no rows of its own

Links to files are read. Links to folders are not followed, since they can lead in circles; they are named.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from takedown.dataset.columns import locate
from takedown.dataset.interface import COLUMNS, Dataset, Kind, Piece, RowBatch, Shard, Stamp
from takedown.dataset.lists import UrlList, looks_like_list, may_hold_addresses
from takedown.dataset.names import INDEX, TABLE, TAR, ends_in, is_bystander, list_form, partner
from takedown.dataset.parquet import ParquetShard, open_parquet
from takedown.dataset.pictures import PictureFolder, is_picture
from takedown.dataset.plain_files import PlainFilesShard, samples_beside
from takedown.dataset.webdataset import Img2datasetShard
from takedown.errors import BadDataset

__all__ = [
    "COLUMNS",
    "Dataset",
    "Kind",
    "Piece",
    "RowBatch",
    "Shard",
    "Stamp",
    "identity",
    "main_file",
    "open_source",
    "open_sources",
]

#: What a folder of several kinds of shards is called: the first of these.
_ORDER: tuple[Kind, ...] = ("img2dataset", "files", "parquet", "urls")

Failed = tuple[tuple[Path, BadDataset], ...]


def open_sources(sources: Sequence[str | Path], *, strict: bool = True) -> tuple[list[Dataset], Failed]:
    """Open every source of a command. A shard that several name (a tar and its sidecar, say) comes once.

    Args:
        sources: as for `open_source`; NNNNN_stats.json, say, which a glob names too, stands for its shard.
        strict: raise for the first bad source or shard; otherwise hand bad sources back.

    Returns:
        The datasets, and the sources that could not be opened.

    Raises:
        BadDataset: as `open_source`.
    """
    datasets: list[Dataset] = []
    failed: list[tuple[Path, BadDataset]] = []
    seen: set[str] = set()
    for source in sources:
        try:
            dataset = open_source(main_file(source), strict=strict)
        except BadDataset as error:
            if strict:
                raise
            failed.append((Path(source), error))
            continue
        new = {identity(shard.path): shard for shard in dataset.shards}
        shards = tuple(shard for entry, shard in new.items() if entry not in seen)
        seen.update(new)
        if shards or dataset.failed or dataset.unread:
            datasets.append(replace(dataset, shards=shards))
    return datasets, tuple(failed)


def open_source(path: str | Path, *, strict: bool = True) -> Dataset:
    """Look at a file or folder and return its shards.

    Args:
        path: a .parquet file, a .tar, a list of addresses, or a folder of them or of pictures.
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
    if not (ends_in(path, TABLE) or ends_in(path, TAR) or list_form(path)):
        raise BadDataset(
            f"{path} is of no known kind; give .parquet files, .tar shards, lists of addresses (.txt, .csv, "
            ".tsv, .jsonl) or a folder.",
            slug="dataset-kind-unknown",
        )
    return _shard(partner(path, TAR) or path if ends_in(path, TABLE) else path, path.parent)


def _folder(folder: Path, strict: bool) -> Dataset:
    files, passed_over = _walk(folder, hidden=not strict)
    if strict and passed_over:
        raise passed_over[0][1]
    tars = {file for file in files if ends_in(file, TAR)}
    alone = {file.with_suffix("") for file in tars}
    tables = [file for file in files if ends_in(file, TABLE) and file.with_suffix("") not in alone]
    # Samples that stand in a folder beside their sidecar are its own; so are captions and notes among them.
    beside = {table.with_suffix("") for table in tables if samples_beside(table)}
    other = [
        file for file in files if not (ends_in(file, TAR) or ends_in(file, TABLE) or file.parent in beside)
    ]
    pictures = [file for file in other if is_picture(file)]
    if not tars and not tables and pictures:
        names = sorted(file.relative_to(folder).as_posix() for file in pictures)
        return Dataset(folder, "images", (PictureFolder(folder, names),), failed=passed_over)
    lists = [] if pictures else [file for file in other if looks_like_list(file)]
    shards, failed = _shards(sorted([*tars, *tables, *lists]), folder, strict)
    failed += passed_over
    if not shards and not failed:
        raise BadDataset(
            f"{folder} holds no Parquet files, tar shards, lists of addresses or pictures; check the path.",
            slug="dataset-empty",
        )
    unread = tuple(file for file in other if file not in lists and not _bystander(file))
    kinds = {shard.kind for shard in shards}
    kind: Kind = next((kind for kind in _ORDER if kind in kinds), "parquet")
    return Dataset(folder, kind, shards, unread, failed)


def _shards(files: list[Path], folder: Path, strict: bool) -> tuple[tuple[Shard, ...], Failed]:
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
    if ends_in(path, TAR):
        return Img2datasetShard(path, name)
    if list_form(path):
        return UrlList(path, name)
    _refuse_fingerprints(path)
    return PlainFilesShard(path, name) if samples_beside(path) else ParquetShard(path, name)


def _refuse_fingerprints(path: Path) -> None:
    with open_parquet(path) as file:
        found = locate(list(file.schema_arrow.names), path)
    if "url" not in found and {"url_sha256", "pdq"} <= found.keys():
        raise BadDataset(
            f"{path} is a fingerprint table: it has fingerprints of rows but no rows of its own. Attach it "
            "to an index with takedown index attach, or give the dataset that it was made from.",
            slug="dataset-fingerprint-table",
        )


def _walk(top: Path, *, hidden: bool) -> tuple[list[Path], Failed]:
    """Every visible file under the folder, and what may hold rows and was not looked into.

    Args:
        hidden: say so of what is hidden, too.
    """
    found: list[Path] = []
    passed_over: list[tuple[Path, BadDataset]] = []

    def unreadable(error: OSError) -> None:
        passed_over.append(_passed_over(Path(error.filename), f"cannot be read ({error.strerror})"))

    for folder, folders, files in os.walk(top, onerror=unreadable):
        for name in sorted((*folders, *files)) if hidden else ():
            if name.startswith(".") and _hides_rows(path := Path(folder, name)):
                passed_over.append(_passed_over(path, "is hidden"))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(folder, name) for name in folders):
            if path.is_symlink():
                passed_over.append(_passed_over(path, "is a link to a folder, and those are not followed"))
        for path in (Path(folder, name) for name in sorted(files) if not name.startswith(".")):
            if path.is_file():
                found.append(path)
            elif not _bystander(path):
                passed_over.append(_passed_over(path, "is no file, or a link that leads nowhere"))
    return found, tuple(passed_over)


def _hides_rows(path: Path) -> bool:
    """Whether a hidden file is named like one with rows, or a hidden folder holds such a file."""
    if path.name.startswith(("._", ".takedown.")):  # notes of a Mac about another file, and our own
        return False
    if path.is_dir():
        return any(_named_like_rows(name) for _, _, names in os.walk(path) for name in names)
    return _named_like_rows(path.name)


def _named_like_rows(name: str) -> bool:
    path = Path(name)
    return ends_in(path, TABLE) or ends_in(path, TAR) or list_form(path) not in (None, "txt")


def _passed_over(path: Path, why: str) -> tuple[Path, BadDataset]:
    sentence = (
        f"{path} {why}, so what it holds was not read; name it as a source of its own, or move it away."
    )
    return path, BadDataset(sentence, slug="dataset-not-followed")


def identity(path: Path) -> str:
    """One text for every way to write this directory entry. Two links to one file are two files."""
    if path.is_dir():
        return os.path.realpath(path)
    return os.path.join(os.path.realpath(path.parent), path.name)


def main_file(source: str | Path) -> str | Path:
    """A glob such as `shards/*` names NNNNN_stats.json, NNNNN.idx and folders of samples too.

    Returns:
        The main file of the shard that such a source belongs to; any other source as it is.

    Raises:
        BadDataset: as `open_source`.
    """
    path = Path(source)
    if path.is_dir():
        stem = path.name if _only_samples(path) else ""
    elif path.name.endswith("_stats.json"):
        stem = path.name.removesuffix("_stats.json")
    elif ends_in(path, INDEX):
        stem = path.stem
    else:
        return source
    if not stem:
        return source
    table = partner(path.with_name(stem + TABLE), TABLE)
    samples = table if table is not None and samples_beside(table) else None
    return samples or (not path.is_dir() and partner(path.with_name(stem + TAR), TAR)) or source


def _only_samples(folder: Path) -> bool:
    """Whether a folder has neither folders nor shards in it: those would not be looked into."""
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if entry.name[0] != "."]
            return not any(entry.is_dir() or _named_like_rows(entry.name) for entry in shown)
    except OSError:
        return False


def _bystander(file: Path) -> bool:
    if file.suffix.lower() == ".json" and may_hold_addresses(file):
        return False
    return is_bystander(file)
