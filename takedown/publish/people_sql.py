"""SQL that applies an edition in DuckDB, Spark or BigQuery, for people who would rather not run a program.

1. ``list_sql`` makes the table of entries: the last full state, and the deltas after it; the newest word
   about an entry decides.
2. ``filter_sql`` keeps the rows that no entry names. ``NOT EXISTS``, never ``NOT IN``: one null in the list
   would make ``NOT IN`` drop every row.

A row is compared as ``takedown apply`` compares it. SQL checks no signature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from takedown.blocklist.entry import digest_hex
from takedown.blocklist.manifest import Manifest


@dataclass(frozen=True)
class Columns:
    """Names of the columns in a holder's table; the digests of files where it has any."""

    url: str
    caption: str
    sha256: str | None = None
    md5: str | None = None


#: LAION's metadata, and img2dataset's sidecars.
METADATA = Columns("URL", "TEXT")
SIDECAR = Columns("url", "caption", "sha256", "md5")


@dataclass(frozen=True)
class Engine:
    """How one engine spells what the others spell otherwise.

    Attributes:
        name: for people.
        table: name of the list.
        make: what stands before the SELECT that makes the list.
        source: (edition, path or pattern) -> what to read a Parquet file from.
        declare: the same -> a statement that has to come first, or "".
        sha256: text expression -> its SHA-256 in lowercase hex.
    """

    name: str
    table: str
    make: str
    source: Callable[[str, str], str]
    declare: Callable[[str, str], str]
    sha256: Callable[[str], str]


def _bigquery_name(edition: str, path: str) -> str:
    stem = PurePosixPath(path.replace("/*", "")).with_suffix("")
    return f"takedown.{edition}_{stem.parent.name}_{stem.name}".replace("-", "_")


def _bigquery_declare(edition: str, path: str) -> str:
    return (
        f"CREATE OR REPLACE EXTERNAL TABLE {_bigquery_name(edition, path)}\n"
        f"  OPTIONS (format = 'PARQUET', uris = ['gs://YOUR-BUCKET/{path}']);\n"
    )


ENGINES = (
    Engine(
        name="DuckDB",
        table="blocklist",
        make="CREATE OR REPLACE TABLE blocklist AS",
        source=lambda edition, path: f"read_parquet('{path}')",
        declare=lambda edition, path: "",
        sha256=lambda text: f"sha256({text})",
    ),
    Engine(
        name="Spark",
        table="blocklist",
        make="CREATE OR REPLACE TEMPORARY VIEW blocklist AS",
        source=lambda edition, path: f"parquet.`{path}`",
        declare=lambda edition, path: "",
        sha256=lambda text: f"sha2({text}, 256)",
    ),
    Engine(
        name="BigQuery",
        table="takedown.blocklist",
        make="CREATE OR REPLACE TABLE takedown.blocklist AS",
        source=_bigquery_name,
        declare=_bigquery_declare,
        sha256=lambda text: f"TO_HEX(SHA256({text}))",
    ),
)


def list_sql(engine: Engine, manifest: Manifest) -> str:
    """Statements that make the table of an edition's entries; run in the folder of the repository.

    Returns:
        The statements, or "" where no file holds an entry yet.
    """
    sources = list(_sources(manifest))
    if not sources:
        return ""
    parts = [
        f"  SELECT kind, digest, {op} AS op, {seq} AS seq\n  FROM {engine.source(manifest.edition, path)}"  # noqa: S608
        for path, op, seq in sources
    ]
    declared = "".join(engine.declare(manifest.edition, path) for path, _, _ in sources)
    union = "\n  UNION ALL\n".join(parts)
    return (
        f"{declared}{engine.make}\n"
        f"SELECT kind, digest FROM (\n{union}\n) AS changes\n"
        "GROUP BY kind, digest\n"
        "HAVING MAX(CASE WHEN op = 'add' THEN seq ELSE 0 END)\n"
        "     > MAX(CASE WHEN op = 'remove' THEN seq ELSE 0 END);\n"
    )


def filter_sql(engine: Engine, prefix_hex: int, columns: Columns = METADATA, table: str = "laion") -> str:
    """The statement that keeps the rows that no entry names.

    Args:
        engine: whose SQL.
        prefix_hex: of the edition.
        columns: of the holder's table.
        table: its name.
    """
    checks = "\n  AND ".join(
        f"NOT EXISTS (\n    SELECT 1 FROM {engine.table} b\n"  # noqa: S608
        f"    WHERE b.kind = '{kind}'\n      AND b.digest = {digest})"
        for kind, digest in _digests(engine, prefix_hex, columns)
    )
    return f"SELECT d.* FROM {table} d\nWHERE {checks};\n"  # noqa: S608


def _sources(manifest: Manifest) -> Iterator[tuple[str, str, int]]:
    """(file or pattern, operation, release) from the last full state on."""
    if manifest.state.files:
        folder = PurePosixPath(manifest.state.files[0].path).parent
        yield f"{folder}/*.parquet", "'add'", manifest.state.seq
    for delta in manifest.steps(manifest.state.seq) or ():
        yield delta.path, "op", delta.end


def _digests(engine: Engine, prefix_hex: int, columns: Columns) -> Iterator[tuple[str, str]]:
    """(kind, what a row's digest of that kind is), cut to the edition's length."""
    url, caption = f"d.{columns.url}", f"d.{columns.caption}"
    either = f"COALESCE({url}, {caption}) IS NOT NULL"
    pair = f"CONCAT(COALESCE({url}, ''), CHR(10), COALESCE({caption}, ''))"
    found = [
        ("url_sha256", engine.sha256(url)),
        # Of two nulls there is no pair: such a row is never named.
        ("row_sha256", f"CASE WHEN {either}\n        THEN {engine.sha256(pair)} END"),
    ]
    for kind, name in (("img_sha256", columns.sha256), ("img_md5", columns.md5)):
        if name:
            found.append((kind, f"LOWER(d.{name})"))
    for kind, text in found:
        yield kind, f"SUBSTR({text}, 1, {digest_hex(kind, prefix_hex)})"
