"""The edge: help for every command, exit codes, JSON errors, and what a light install has to import."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from factories import lists, shards

from takedown import cli, report
from takedown.apply import Restored, apply, plan
from takedown.commands import terminal
from takedown.errors import NothingToSync, VerificationFailed

ROOT = Path(__file__).parents[2]
COMMANDS = [
    ["sync"],
    ["verify"],
    ["plan"],
    ["apply"],
    ["restore"],
    ["fingerprint"],
    ["hash"],
    ["index"],
    ["index", "build"],
    ["index", "info"],
    ["lookup"],
    ["ceremony"],
    ["sign"],
]
FIELDS = [
    "edition",
    "seq",
    "state_sha256",
    "files",
    "rows_in",
    "rows_out",
    "removed_by_kind",
    "quarantined_by_kind",
    "null_urls",
    "uncheckable",
    "bytes_read",
    "bytes_written",
    "other_names",
    "list_day",
    "confirmed",
    "resumed",
    "errors",
]


def fresh(code: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a new interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=60,
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(command, capsys):
    assert cli.main([*command, "--help"]) == 0
    text = capsys.readouterr().out
    if command != ["index"]:
        assert re.search(f"example:\n  takedown {' '.join(command)}\\b", text)
    options = re.findall(r"^  (--[a-z0-9-]+|-h)", text, re.MULTILINE)
    unexplained = [o for o in options if re.search(rf"^  {o}(?: \S+)?\n(?!  {{10}})", text, re.MULTILINE)]
    assert not unexplained


def test_the_overview_names_every_command(capsys):
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(re.search(rf"^    {command[0]}\s", text, re.MULTILINE) for command in COMMANDS)


def test_the_command_imports_nothing_of_a_server_or_of_pictures():
    code = (
        "import sys, takedown.cli as c; assert c.main(['--help']) == 0;"
        "import takedown.apply, takedown.report, takedown.subscribe;"
        "print([m for m in ('django', 'celery', 'redis', 'PIL', 'pdqhash', 'imagehash', 'portal', 'pandas')"
        " if m in sys.modules], file=sys.stderr)"
    )
    done = fresh(code)
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"


def test_help_is_there_before_anything_heavy_is_imported():
    code = (
        "import sys, takedown.cli as c; c.main(['--help']);"
        "print([m for m in ('pyarrow', 'numpy', 'tuf', 'tqdm') if m in sys.modules], file=sys.stderr)"
    )
    assert fresh(code).stderr.strip() == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ["unknown"],
        ["index", "unknown"],
        ["plan"],
        ["apply", "a.parquet"],
        ["lookup", "x"],
        ["lookup", "x", "--url", "a", "--md5", "b"],
        ["lookup", "x", "--pdq", "00", "--radius", "-1"],
        ["lookup", "x", "--pdq", "00", "--radius", "257"],
        ["lookup", "x", "--phash", "00", "--phash-radius", "65"],
        ["sync", "https://a.example/"],
        ["sync", "https://a.example/", "--root", "/does/not/exist"],
        ["plan", "a.parquet", "--js"],
    ],
)
def test_a_wrong_call_is_two_with_one_sentence(arguments, capsys):
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert err.strip().endswith(".")


@pytest.mark.parametrize("command", [[], ["index"], ["blocklist"]], ids=" ".join)
def test_a_command_that_only_holds_others_explains_itself(command, capsys):
    assert cli.main(command) == 2
    alone = capsys.readouterr()
    assert cli.main([*command, "--help"]) == 0
    assert (alone.out, alone.err) == ("", capsys.readouterr().out)


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", ""])
def test_a_number_of_processes_is_asked_for_in_words(value, capsys):
    assert cli.main(["plan", "a.parquet", f"--workers={value}"]) == 2
    assert "argument --workers: give a whole number from 1; see" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "slug"),
    [
        (VerificationFailed("It does not verify."), 4, "verification-failed"),
        (NothingToSync("There is no list.", slug="no-list"), 5, "no-list"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (RuntimeError("secret detail"), 1, "unexpected"),
        (MemoryError(), 1, "memory-short"),
    ],
)
def test_errors_become_codes_slugs_and_sentences(error, code, slug, capsys, monkeypatch):
    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr("takedown.commands.syncing.verify", fail)
    assert cli.main(["verify", "--json"]) == code
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert (answer["error"], answer["message"]) == (slug, err.strip())
    assert "secret" not in out + err
    assert cli.main(["verify"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    if code == 1:
        cli.main(["verify", "--debug"])
        assert "Traceback" in capsys.readouterr().err


def test_output_that_nobody_reads_ends_quietly(tmp_path):
    program = tmp_path / "late.py"
    program.write_text(
        "import sys, time, takedown.cli as c\n"
        "time.sleep(0.3)\n"
        f"sys.exit(c.main(['verify', '--json', '--state', {str(tmp_path)!r}]))"
    )
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} {program} | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert (done.stdout.strip(), done.stderr) == ("141", "")


def test_the_state_folder_follows_the_platform(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert terminal.default_state() == tmp_path / ".local" / "share" / "dataset-takedown"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert terminal.default_state() == tmp_path / ".local" / "share" / "dataset-takedown"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert terminal.default_state() == tmp_path / "data" / "dataset-takedown"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert terminal.default_state() == tmp_path / "Library" / "Application Support" / "dataset-takedown"


def test_cells_are_made_safe_for_a_terminal():
    assert "\x1b" not in terminal.shown("a\x1b[31mb\n")
    assert terminal.shown("x" * 10, 5) == "xxxx…"


def test_a_report_has_exactly_the_promised_fields(tmp_path):
    shards.laion(tmp_path / "in" / "0.parquet", nulls=(1,))
    (tmp_path / "in" / "1.parquet").write_bytes(b"PAR1")
    listed = lists.of_urls(shards.url(0), shards.url(5))
    outcome = apply(listed, [tmp_path / "in"], tmp_path / "out")
    answer = json.loads(json.dumps(report.to_json(outcome)))
    assert list(answer) == FIELDS
    assert (answer["edition"], answer["seq"], len(answer["state_sha256"])) == ("research", 7, 64)
    assert (answer["rows_in"], answer["rows_out"], answer["null_urls"], answer["files"]) == (20, 18, 1, 1)
    assert [sorted(error) for error in answer["errors"]] == [["error", "file", "message"]]
    for out, result in ((tmp_path / "out", outcome), (None, plan(listed, [tmp_path / "in"]))):
        text = report.to_text(result, out=out)
        assert "2 removed" in text if out else "2 would go" in text
        assert f"\nResult    {out}\n" in text if out else "Nothing was written" in text
        assert "not in the result: 1, named" in text
        assert shards.url(0) not in text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2 * 10**15, "2000.0 TB")]
)
def test_sizes_read_well(count, text):
    assert report.size(count) == text


def test_one_of_a_thing_is_not_spoken_of_as_many():
    counted = [report.counted(count, "file") for count in (0, 1, 2, 2000)]
    assert counted == ["0 files", "1 file", "2 files", "2,000 files"]
    assert [report.counted(count, "entry", "entries") for count in (1, 2)] == ["1 entry", "2 entries"]
    text = report.restored_to_text(Restored("research", 7, "ab" * 32, files=1, rows_restored=3, rows_kept=1))
    assert "3 put back, in 1 file\n" in text
    assert text.endswith("1 stays aside")


def test_the_state_folder_is_for_its_owner_alone(tmp_path):
    (tmp_path / "root.json").write_text("{}")
    state = tmp_path / "deep" / "state"
    arguments = ["sync", (tmp_path / "none").as_uri(), "--root", tmp_path / "root.json", "--state", state]
    assert cli.main([str(a) for a in arguments]) != 0
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
