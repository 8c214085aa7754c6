"""Publisher and holder by the command line: ceremony, sign, sync, verify, plan, apply, index, lookup."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from factories import shards

from takedown import cli, publish
from takedown.keys import Key, url_sha256


def takedown(capsys, *arguments: object) -> tuple[int, str, str]:
    """Run a command: (exit code, standard output, standard error)."""
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def ask(capsys, *arguments: object):
    """Run a command that must work, and read its JSON."""
    code, out, err = takedown(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.fixture
def publisher(tmp_path, capsys) -> Path:
    """A folder with keys/ and releases/ after a ceremony."""
    place = ["--keys", tmp_path / "keys", "--repository", tmp_path / "releases"]
    answer = ask(capsys, "ceremony", *place, "--publisher", "Example Lab", "--throwaway")
    assert Path(answer["root"]).is_file()
    return tmp_path


def stage(folder: Path, urls: list[str]) -> None:
    keys = [Key("url_sha256", url_sha256(url).hex()) for url in urls]
    publish.stage(
        folder / "releases",
        folder / "staged",
        [publish.EditionDraft("research", keys)],
        publisher="Example Lab",
        dataset_ids=["sample"],
        created=date(2026, 11, 22),
        audit_head="",
    )


def sign(folder: Path) -> list[object]:
    return ["sign", "--repository", folder / "releases", "--staging", folder / "staged",
            "--key", folder / "keys" / "targets-1.pem"]  # fmt: skip


def test_from_ceremony_to_a_clean_copy(publisher, tmp_path, capsys):
    shards.laion(tmp_path / "laion" / "part-0.parquet", nulls=(2,))
    stage(publisher, [shards.url(0), shards.url(7)])
    signed = ask(capsys, *sign(publisher), "--yes")
    assert [(e["name"], e["added"], e["removed"]) for e in signed["editions"]] == [("research", 2, 0)]
    publish.publish(publisher / "releases", publisher / "staged", publisher / "keys")

    state = ["--state", tmp_path / "state"]
    root = next((publisher / "releases" / "metadata").glob("*root.json"))
    synced = ask(capsys, "sync", (publisher / "releases").as_uri(), "--root", root, *state)
    assert (synced["seq"], synced["editions"]) == (1, {"research": {"seq": 1, "entries": 2}})
    assert len(synced["warnings"]) == 1
    assert ask(capsys, "verify", *state)["seq"] == 1
    planned = ask(capsys, "plan", tmp_path / "laion", *state)
    assert (planned["rows_in"], planned["rows_out"], planned["null_urls"]) == (20, 18, 1)
    assert planned["removed_by_kind"]["url_sha256"] == 2
    done = ask(capsys, "apply", tmp_path / "laion", "--out", tmp_path / "clean", *state)
    assert done["rows_out"] == 18
    kept = pq.read_table(tmp_path / "clean" / "part-0.parquet")["SAMPLE_ID"].to_pylist()
    assert kept == [n for n in range(20) if n not in (0, 7)]

    code, out, _ = takedown(capsys, "plan", tmp_path / "laion", *state)
    assert (code, "2 would go (2 by address)" in out) == (0, True)
    code, _, err = takedown(capsys, "plan", tmp_path / "laion", "--edition", "other", *state)
    assert (code, "research" in err) == (2, True)


def test_a_bad_source_is_three_and_named_and_the_rest_is_done(publisher, tmp_path, capsys):
    shards.laion(tmp_path / "laion" / "part-0.parquet")
    (tmp_path / "laion" / "part-1.parquet").write_bytes(b"PAR1")
    stage(publisher, [shards.url(0)])
    assert takedown(capsys, *sign(publisher), "--yes")[0] == 0
    publish.publish(publisher / "releases", publisher / "staged", publisher / "keys")
    root = next((publisher / "releases" / "metadata").glob("*root.json"))
    state = ["--state", tmp_path / "state"]
    assert takedown(capsys, "sync", publisher / "releases", "--root", root, *state)[0] == 0
    code, out, err = takedown(
        capsys, "apply", tmp_path / "laion", "--out", tmp_path / "clean", *state, "--json"
    )
    assert (code, json.loads(out)["errors"][0]["error"]) == (3, "dataset-unreadable")
    assert "part-1.parquet" in err
    assert (tmp_path / "clean" / "part-0.parquet").is_file()
    code, _, err = takedown(capsys, "apply", tmp_path / "laion", "--out", tmp_path / "laion", *state)
    assert (code, "--out" in err) == (2, True)


@pytest.mark.parametrize(("answer", "code"), [("yes\n", 0), ("YES\n", 0), ("no\n", 2), ("y\n", 2), ("", 2)])
def test_signing_shows_the_change_and_asks(publisher, capsys, monkeypatch, answer, code):
    stage(publisher, [shards.url(0)])
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    done, out, err = takedown(capsys, *sign(publisher))
    assert done == code
    assert "research: 1 added, 0 removed" in out
    assert "Type yes" in err
    assert ("Signed." in out) == (code == 0)


def test_before_the_first_sync_there_is_nothing_to_apply(tmp_path, capsys):
    shards.laion(tmp_path / "a.parquet")
    for command in (["verify"], ["plan", tmp_path / "a.parquet"]):
        code, out, _ = takedown(capsys, *command, "--state", tmp_path / "state", "--json")
        assert (code, json.loads(out)["error"]) == (5, "no-list")


def test_a_sync_that_finds_nothing_is_five(tmp_path, publisher, capsys):
    root = next((publisher / "releases" / "metadata").glob("*root.json"))
    code, out, _ = takedown(
        capsys, "sync", tmp_path / "none", "--root", root, "--state", tmp_path / "state", "--json"
    )
    assert code == 5
    assert json.loads(out)["error"]


def test_an_index_finds_pictures_and_addresses(tmp_path, capsys):
    records = shards.img2dataset(tmp_path / "in", shards=1, rows=5, failed=(1,))
    about = ask(capsys, "index", "build", "--out", tmp_path / "index", tmp_path / "in", "--name", "sample")
    assert (about["name"], about["rows"], about["coverage"]["url"]) == ("sample", 5, 5)
    assert ask(capsys, "index", "info", tmp_path / "index") == about

    def lookup(*query: object):
        return ask(capsys, "lookup", tmp_path / "index", *query)

    url = records[0][3]["url"]
    [hit] = lookup("--url", url)
    assert hit == {
        "index": "sample",
        "row": 3,
        "source": "00000.tar",
        "row_in_source": 3,
        "url": url,
        "caption": records[0][3]["caption"],
        "how": "url-exact",
        "distance": None,
        "variant": None,
        "by": None,
        "via": None,
    }
    other = url.replace("https://pictures.example", "HTTPS://Pictures.example:443") + "#top"
    assert [h["how"] for h in lookup("--url", other)] == ["url-canonical"]
    assert [h["row"] for h in lookup("--url-sha256", url_sha256(url).hex())] == [3]
    assert [h["row"] for h in lookup("--sha256", records[0][2]["sha256"].upper())] == [2]
    assert [h["row"] for h in lookup("--md5", records[0][4]["md5"])] == [4]
    (tmp_path / "copy.jpg").write_bytes(shards.picture(3, quality=60))
    near = lookup("--image", tmp_path / "copy.jpg")
    assert (near[0]["row"], near[0]["how"]) == (3, "pdq")
    [made] = ask(capsys, "fingerprint", tmp_path / "copy.jpg")
    assert lookup("--pdq", made["pdq"])[0]["row"] == 3
    assert lookup("--phash", made["phash"])[0]["row"] == 3
    code, out, _ = takedown(capsys, "lookup", tmp_path / "index", "--url", url)
    assert (code, "url-exact" in out, "Compared with 5 of 5 rows." in out) == (0, True, True)
    code, out, _ = takedown(capsys, "lookup", tmp_path / "index", "--md5", "12", "--json")
    assert (code, json.loads(out)["error"]) == (3, "key-invalid")


def test_a_source_without_addresses_stops_the_build_and_names_its_columns(tmp_path, capsys):
    table = shards.laion(tmp_path / "a.parquet").rename_columns(["id", "link", "TEXT", "h", "w", "s"])
    pq.write_table(table, tmp_path / "a.parquet")
    code, out, err = takedown(
        capsys, "index", "build", "--out", tmp_path / "index", tmp_path / "a.parquet", "--json"
    )
    assert (code, json.loads(out)["error"]) == (3, "dataset-no-url-column")
    assert "id, link, TEXT" in err
    assert not (tmp_path / "index").exists()


def test_bad_pictures_are_listed_and_the_others_fingerprinted(tmp_path, capsys):
    (tmp_path / "good.jpg").write_bytes(shards.picture(1))
    (tmp_path / "page.png").write_bytes(b"<html></html>")
    (tmp_path / "empty.png").write_bytes(b"")
    files = [tmp_path / name for name in ("page.png", "good.jpg", "empty.png", "absent.jpg")]
    code, out, err = takedown(capsys, "fingerprint", *files, "--json")
    answers = json.loads(out)
    assert code == 3
    assert [sorted(a) for a in answers if "error" in a] == [["error", "file", "message"]] * 3
    assert [a["file"] for a in answers] == [str(file) for file in files]
    good = answers[1]
    assert list(good) == ["file", "sha256", "md5", "pdq", "pdq_quality", "phash", "width", "height"]
    assert (good["width"], good["height"], len(good["pdq"])) == (96, 96, 64)
    assert len(err.strip().splitlines()) == 3
    code, out, _ = takedown(capsys, "fingerprint", tmp_path / "good.jpg")
    assert (code, good["sha256"] in out) == (0, True)
