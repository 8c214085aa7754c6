"""A release signed by two of three, on machines that have no Django, by files alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from factories.interpreter import ROOT
from factories.keyholders import Publisher

from takedown import publish as writer
from takedown.errors import UsageError, VerificationFailed
from takedown.subscribe import sync

#: An isolated interpreter (no user site, no environment) that cannot import what a signer's machine lacks,
#: nor the parts of this project that need it.
MACHINE = """
import sys
from importlib.abc import MetaPathFinder

ABSENT = {"django", "celery", "kombu", "redis", "portal", "numba", "duckdb", "PIL", "pdqhash"}

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None

sys.meta_path.insert(0, Absent())
try:
    import django
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("Django is here after all")
sys.path.insert(0, sys.argv[1])
from takedown import cli
code = cli.main(sys.argv[2:])
assert not {name.partition(".")[0] for name in sys.modules} & ABSENT
sys.exit(code)
"""


def machine(home: Path, *words: object, answer: str = "yes\n") -> subprocess.CompletedProcess[str]:
    """Run the command on a signer's machine, in a folder that holds all it has."""
    command = [sys.executable, "-I", "-c", MACHINE, ROOT, *map(str, words)]
    return subprocess.run(
        command, cwd=home, input=answer, capture_output=True, text=True, timeout=60, check=False, env={}
    )


def carry(publisher: Publisher, staging: Path, name: str) -> Path:
    """What travels to a signer: copies of the repository and of the staged release; the key is there."""
    home = publisher.new_folder(f"machine-{name}")
    shutil.copytree(publisher.repository, home / "releases")
    shutil.copytree(staging, home / "staged")
    shutil.copy(publisher.key(name), home / "my.pem")
    return home


SIGN = ["sign", "--repository", "releases", "--staging", "staged", "--key", "my.pem"]


def test_two_of_three_sign_where_django_is_absent_one_after_the_other(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "p", "strict")
    publisher.release(["a", "b"])
    staging = publisher.stage(["b", "c", "d"])
    [found] = (staging / "metadata").glob("*.targets.json")
    for count, name in enumerate(("targets-a", "targets-c"), 1):
        with pytest.raises(UsageError) as caught:
            writer.publish(publisher.repository, staging, publisher.online)
        assert caught.value.slug == "not-signed"
        home = carry(publisher, staging, name)
        done = machine(home, *SIGN)
        assert (done.returncode, "Signed." in done.stdout) == (0, True), done.stderr
        assert "2 added, 1 removed, 3 in all" in done.stdout  # worked out there, shown before asking
        assert "Type yes" in done.stderr
        shutil.copy(home / "staged/metadata" / found.name, found)  # this one file travels back
        assert writer.signatures(publisher.repository, staging).valid == count
    assert writer.publish(publisher.repository, staging, publisher.online) == 2
    assert sync(publisher.url, publisher.root, tmp_path / "state").seq == 2


def test_two_of_three_sign_at_the_same_time_and_their_signatures_are_put_together(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "p", "strict")
    staging = publisher.stage(["a"])
    [found] = (staging / "metadata").glob("*.targets.json")
    handed_back = []
    for name in ("targets-b", "targets-b", "targets-c"):  # the first of them twice
        home = carry(publisher, staging, name)
        assert machine(home, *SIGN).returncode == 0
        handed_back.append(home / "staged/metadata" / found.name)
    where = ["--repository", publisher.repository, "--staging", staging, "--json"]
    for copies, valid in ((handed_back[:2], 1), (handed_back, 2)):
        done = machine(tmp_path, "sign", *where, "--from", *copies)
        assert json.loads(done.stdout) == {"signatures": valid, "needed": 2}, done.stderr
    assert writer.publish(publisher.repository, staging, publisher.online) == 1
    assert sync(publisher.url, publisher.root, tmp_path / "state").seq == 1


def test_who_has_no_key_for_it_is_told_so(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "p", "strict")
    staging = publisher.stage(["a"])
    for name in ("root-a", "stranger"):
        if name == "stranger":
            writer.make_key(publisher.folder / name, "targets", "a").private.rename(publisher.key(name))
        done = machine(carry(publisher, staging, name), *SIGN)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].endswith(
            "The key in my.pem is not a targets key of this repository; name another key file."
        )
        assert done.stdout == ""
        assert "Type yes" not in done.stderr  # nobody reads and agrees for nothing
    home = carry(publisher, staging, "targets-a")
    (home / "my.pem").unlink()
    done = machine(home, *SIGN)
    assert (done.returncode, "No private key can be read from my.pem" in done.stderr) == (2, True)
    done = machine(home, "sign", "--repository", "releases", "--staging", "staged")
    assert (done.returncode, "--key --from" in done.stderr) == (2, True)
    assert writer.signatures(publisher.repository, staging).valid == 0


def test_signatures_of_something_else_are_not_joined(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "p", "strict")
    staging, other = publisher.stage(["a"]), publisher.stage(["b"])
    [mine] = (staging / "metadata").glob("*.targets.json")
    [theirs] = (other / "metadata").glob("*.targets.json")
    before = mine.read_bytes()
    writer.sign(publisher.repository, other, publisher.key("targets-a"))
    with pytest.raises(VerificationFailed) as caught:
        writer.join(publisher.repository, staging, [theirs])
    assert caught.value.slug == "staging-disagrees"
    unsigned = tmp_path / "unsigned.json"
    unsigned.write_bytes(before)
    with pytest.raises(VerificationFailed) as caught:
        writer.join(publisher.repository, staging, [unsigned])
    assert caught.value.slug == "signature-invalid"
    for bad in (tmp_path / "nowhere.json", publisher.folder):
        with pytest.raises(UsageError):
            writer.join(publisher.repository, staging, [bad])
    unsigned.write_bytes(b"{}")
    with pytest.raises(VerificationFailed):
        writer.join(publisher.repository, staging, [unsigned])
    assert mine.read_bytes() == before


def test_a_root_is_signed_where_django_is_absent(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "p")
    change = publisher.propose()
    for name in ("root-b", "root-c"):
        home = publisher.new_folder(f"machine-{name}")
        shutil.copytree(change, home / "change")
        shutil.copy(publisher.key(name), home / "my.pem")
        (home / "1.root.json").write_bytes(publisher.root)
        done = machine(
            home, "ceremony", "sign", "--change", "change", "--root", "1.root.json", "--key", "my.pem"
        )
        assert done.returncode == 0, done.stderr
        assert "Root 2 of Example Lab, profile small." in done.stdout
        shutil.copytree(home / "change/signatures", change / "signatures", dirs_exist_ok=True)
    assert publisher.finish(change).name == "2.root.json"
    made = machine(tmp_path, "ceremony", "key", "--role", "root", "--label", "x", "--out", "here")
    assert (made.returncode, (tmp_path / "here/root-x.pem").stat().st_mode & 0o777) == (0, 0o600)
