"""What holds for all tests. This folder is on the import path by it, so that all areas share `factories`."""

from __future__ import annotations

import os

import pytest
from factories.once import Once
from hypothesis import HealthCheck, settings

#: These begin first, in this order, so that none of them is what everything waits for at the end.
LONGEST = ("tests/services/", "tests/end_to_end/")

# No test cuts the power, and a disk is slow to say that it could. A file that is not open is refused as ever.
os.fsync = os.fstat  # type: ignore[assignment]

# Nor does any test judge how busy the machine is.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first; everything else stays in its order."""

    def place(item: pytest.Item) -> int:
        return next((n for n, long in enumerate(LONGEST) if item.nodeid.startswith(long)), len(LONGEST))

    items.sort(key=place)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Number long texts. A signed or drawn one would give the same test another name in every process."""
    return argname if isinstance(val, str | bytes) and len(val) > 40 else None


@pytest.fixture(scope="session")
def once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Makes what all processes of this run of the tests have in common."""
    folder = tmp_path_factory.getbasetemp()
    # One of several processes has a folder of its own inside that of the run.
    return Once(folder.parent if hasattr(request.config, "workerinput") else folder)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: many tests wait for what they started."""
    return (os.cpu_count() or 1) + 1
