"""What docs/editions.md shows can be used as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from portal import policy

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "editions.md").read_text()
POLICIES = re.findall(r"```toml\n(.*?)```", PAGE, re.S)


@pytest.mark.parametrize("number", range(len(POLICIES)))
def test_every_policy_of_the_page_is_good(tmp_path: Path, number: int) -> None:
    (tmp_path / "policy.toml").write_text(POLICIES[number])
    found = policy.read(tmp_path / "policy.toml")
    safe = found.editions["research-safe"]
    assert (safe.prefix_hex, safe.k_min, safe.includes) == [(5, 300, ("research",)), (7, 4, ())][number]


def test_there_are_two_policies() -> None:
    assert len(POLICIES) == 2


def test_the_figures_are_what_the_command_prints() -> None:
    [command] = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    [shown] = re.findall(r"```\n(4 digits.*?)```", PAGE, re.S)
    printed = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert printed.stdout == shown


def test_every_setting_of_an_edition_is_explained() -> None:
    names = set(policy.Edition.__dataclass_fields__) - {"name"}
    assert names == set(re.findall(r"^\| `([a-z_]+)` \|", PAGE, re.M))


def test_every_code_is_one_that_the_code_knows() -> None:
    root = Path(__file__).resolve().parents[2]
    files = ("takedown/publish/cover.py", "takedown/publish/editions.py", "portal/releasing/covering.py")
    code = "".join((root / name).read_text() for name in files)
    for slug in set(re.findall(r"`((?:cover|edition|child-safety)-[a-z-]+)`", PAGE)):
        assert f'"{slug}"' in code or f'"{slug.removeprefix("cover-")}"' in code
