"""Every example of docs/loaders.md runs as it stands, in the order in which a reader meets it."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import lists

PAGE = Path(__file__).resolve().parents[2] / "docs" / "loaders.md"

#: Libraries that the page shows and that this project does not depend on.
OTHERS = ("webdataset", "torch", "datasets")


def test_every_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lists.sync_urls(tmp_path, "https://a.example/listed.jpg").rename(tmp_path / "takedown-state")
    urls = [f"https://a.example/{name}.jpg" for name in ("cat", "listed", "dog")]
    pq.write_table(pa.table({"URL": urls, "TEXT": ["a", None, "c"]}), tmp_path / "laion.parquet")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(blocks) == 8
    names: dict[str, object] = {}
    for block in blocks:
        code = compile(block, str(PAGE), "exec")
        wanted = [name for name in OTHERS if re.search(rf"^import {name}\b", block, re.M)]
        if all(find_spec(name) for name in wanted):
            exec(code, names)  # noqa: S102 - our own page
