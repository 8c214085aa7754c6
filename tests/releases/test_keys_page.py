"""docs/keys.md, done from top to bottom: every command in it works, in the order in which it stands."""

from __future__ import annotations

import glob
import io
import re
import shlex
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest

from takedown import cli
from takedown import publish as writer
from takedown.keys import Key
from takedown.subscribe import sync

PAGE = Path(__file__).resolve().parents[2] / "docs" / "keys.md"


def lines() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def stage(staging: Path) -> None:
    """The portal's part, which the page does not tell."""
    draft = writer.EditionDraft("research", [Key("url_sha256", "a" * 64)])
    about = {"publisher": "Example", "dataset_ids": ["example/dataset"]}
    writer.stage(Path("blocklist"), staging, [draft], created=date(2026, 11, 22), audit_head="", **about)


def sign_copies(staging: Path) -> None:
    """Between signing and putting copies together. Only a's key signs: later on the page it is revoked."""
    for manager in ("a", "b"):
        copy = Path(f"copy-{manager}")
        shutil.copytree(staging, copy)
        writer.sign(Path("blocklist"), copy, Path("my-keys/targets-a.pem"))
        shutil.copytree(copy / "metadata", f"from-{manager}")


def test_the_page_can_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("usb").mkdir()
    staging, roots = Path("release-000001"), []
    for line in lines():
        words = shlex.split(line)
        if words[0] != "takedown":
            subprocess.run(line, shell=True, check=True, capture_output=True)  # noqa: S602 - our own page
            continue
        if words[1] == "sign":
            (sign_copies if "--from" in words else stage)(staging)
        expanded = [found for word in words[1:] for found in sorted(glob.glob(word)) or [word]]
        monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
        assert cli.main(expanded) == 0, line
        if "--from" in words:
            assert writer.publish(Path("blocklist"), staging, Path("online")) == 1
        if words[2] == "finish":
            roots.append(len(list(Path("blocklist/metadata").glob("*.root.json"))))
    assert roots == [1, 2, 3, 4, 5, 6, 6]
    writer.refresh(Path("blocklist"), Path("online"))
    assert sync("blocklist", Path("my-keys/1.root.json").read_bytes(), tmp_path / "state").seq == 1
    assert writer.key_status(Path("blocklist")).profile == "strict"


def test_the_numbers_on_the_page_are_those_of_the_profiles() -> None:
    from takedown.publish.keyring import PROFILES
    from takedown.publish.reminders import NOTICE_DAYS

    text = PAGE.read_text()
    for role, small in PROFILES["small"].items():
        strict = PROFILES["strict"][role]
        row = next(line for line in text.splitlines() if line.startswith(f"| {role} |"))
        for rule in (small, strict):
            assert f" {rule.threshold} of {rule.keys} " in row
            assert str(rule.days) in row
    assert f"{NOTICE_DAYS['root']} days before root expires, {NOTICE_DAYS['targets']} days" in text
