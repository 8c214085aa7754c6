"""The whole walk, on real processes: a person asks, two people decide, holders apply, a person takes back."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import duckdb
import people
import pyarrow.parquet as pq
import pytest
from desk import Desk
from visitor import Visitor

pytestmark = [pytest.mark.slow]


ASKED = "https://pictures.example/2021/05/IMG_0056.jpg"
SPELLED = "https://PICTURES.EXAMPLE:443/2021/./05/IMG_0056.jpg#top"


def _rows(folder: Path) -> list[dict[str, object]]:
    return [row for file in sorted(folder.rglob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def _members(folder: Path) -> dict[str, str]:
    """Digest of every file in every tar shard, by shard and name."""
    found = {}
    for file in sorted(folder.glob("*.tar")):
        with tarfile.open(file) as tar:
            for member in tar:
                data = tar.extractfile(member)
                assert data is not None
                found[f"{file.stem}/{member.name}"] = hashlib.sha256(data.read()).hexdigest()
    return found


def _approved(pictures: Path, asked: set[str]) -> set[str]:
    """Addresses of the rows asked for and of all rows with the same file, from the sidecars alone."""
    rows = _rows(pictures)
    files = {row["sha256"] for row in rows if row["url"] in asked and row["sha256"]}
    return {str(row["url"]) for row in rows if row["url"] in asked or row["sha256"] in files}


def _check_copies(clean: Path, sample: Path, gone: set[str]) -> None:
    """Exactly the rows of these addresses are gone from both copies; everything else is untouched."""
    for copy, column in (("metadata", "URL"), ("pictures", "url")):
        before, after = _rows(sample / copy), _rows(clean / copy)
        assert after == [row for row in before if row[column] not in gone]
        assert len(after) < len(before)
    keys = {row["key"] for row in _rows(sample / "pictures") if row["url"] in gone}
    members = _members(sample / "pictures")
    assert _members(clean / "pictures") == {
        name: digest for name, digest in members.items() if name.split("/")[1].split(".")[0] not in keys
    }


def _anti_join(metadata: Path, state: Path, edition: str) -> list[str]:
    """What any SQL engine makes of the published files: the statement from the release format."""
    listed = [str(file) for file in state.rglob("*.parquet") if edition in str(file)]
    query = """SELECT d.URL FROM read_parquet($data) d WHERE NOT EXISTS (
        SELECT 1 FROM read_parquet($listed) b WHERE b.kind = 'url_sha256' AND b.digest = sha256(d.URL))"""
    parameters = {"data": sorted(map(str, metadata.glob("*.parquet"))), "listed": listed}
    return [url for (url,) in duckdb.execute(query, parameters).fetchall()]


def test_the_whole_walk(desk: Desk, holder: Path) -> None:
    desk.start("up")
    sample, tries = desk.var / "sample", desk.var / "sample" / "try"
    told = json.loads((tries / "expected.json").read_text())
    urls = {one["file"]: one["url"] for one in told["files"]}
    asked = {ASKED, urls["mirrored.jpg"], urls["half-size.jpg"]}

    # A person asks; the answer got lost, so the form is sent again.
    person = Visitor(desk.address)
    form, receipt_page = people.send(person, [SPELLED], [tries / "mirrored.jpg", tries / "half-size.jpg"])
    again = person.press(form, "Send the request", [("pictures", "x", (tries / "mirrored.jpg").read_bytes())])
    receipt = people.words(receipt_page)
    assert people.words(again) == receipt
    assert not person.jar
    people.wait_for_status(desk, receipt, "We found rows", times=3)

    # Another person asks for one of the same.
    other = people.words(people.send(Visitor(desk.address), [ASKED])[1])
    people.wait_for_status(desk, other, "We found rows")

    # Two people decide; a release manager publishes.
    assert people.remove_all(desk, "file") == 3
    assert "research" in people.release(desk)
    people.wait_for_status(desk, receipt, "Removed in release 1", times=3)

    # A holder, who has only the library, applies it.
    takedown, root = str(holder / "takedown"), str(desk.var / "blocklist" / "metadata" / "1.root.json")
    blocklist = f"{desk.address}/blocklist"
    gone = _approved(sample / "pictures", asked)
    synced = desk.json("sync", blocklist, "--root", root, "--state", "state", program=takedown)
    assert synced["seq"] == 1
    desk.takedown("verify", "--state", "state", program=takedown)
    planned, applied = {}, {}
    for copy in ("metadata", "pictures"):
        source = str(sample / copy)
        planned[copy] = desk.json("plan", source, "--state", "state", program=takedown)
        applied[copy] = desk.json(
            "apply", source, "--state", "state", "--out", f"clean/{copy}", program=takedown
        )
        assert planned[copy]["removed_by_kind"] == applied[copy]["removed_by_kind"]
    _check_copies(desk.folder / "clean", sample, gone)
    kept = [row["URL"] for row in _rows(desk.folder / "clean" / "metadata")]
    assert _anti_join(sample / "metadata", desk.folder / "state", "research") == kept

    # The first person takes everything back; two reviewers confirm what is public already.
    page = person.press(person.get("/en/status/"), "Continue", words=receipt)
    for _ in range(3):
        sure = person.press(page, "Take this back")
        page = person.press(sure, "Yes, take it back")
    assert page.text.count("Withdrawal asked") == 3
    for case in people.waiting_cases(people.sign_in(desk, "ada")):
        people.take_back(desk, case)
    people.release(desk)

    # What the other person asked for stays, the rest is back with the next delta.
    second = desk.json("sync", blocklist, "--root", root, "--state", "state", program=takedown)
    assert second["seq"] == 2
    for copy in ("metadata", "pictures"):
        desk.json("apply", str(sample / copy), "--state", "state", "--out", f"later/{copy}", program=takedown)
    _check_copies(desk.folder / "later", sample, _approved(sample / "pictures", {ASKED}))
    people.wait_for_status(desk, other, "Removed in release 1")
    assert people.status(person, receipt).count("You took this back") == 3

    # Ctrl-C stops everything cleanly.
    up = desk.processes["up"]
    desk.stop()
    assert up.returncode == 0
    assert "Stopped." in desk.log("up")
    assert "Traceback" not in desk.log("up")
