"""The generated sample dataset and its indexes, made once for all tests here; nobody changes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from factories import real

from portal.sample import Sample, write_sample
from takedown.index import Index, build_index, open_index


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return write_sample(tmp_path_factory.mktemp("sample") / "dataset", pictures=36)


@pytest.fixture(scope="session")
def picture_index(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Index:
    out = tmp_path_factory.mktemp("indexes") / "pictures"
    build_index(out, [sample.pictures], name="sample")
    return open_index(out)


@pytest.fixture(scope="session")
def metadata_index(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Index:
    out = tmp_path_factory.mktemp("indexes") / "metadata"
    build_index(out, [sample.metadata])
    return open_index(out)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    return real.shared_data()
