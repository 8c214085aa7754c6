"""Where the real data lies, when it is there."""

from __future__ import annotations

from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "laion" / "laion400m-sample.parquet"


@pytest.fixture
def laion_sample() -> Path:
    if not SAMPLE.is_file():
        pytest.skip("the LAION sample is not on this machine")
    return SAMPLE
