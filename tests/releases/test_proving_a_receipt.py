"""What a person can prove with a receipt, and what proves nothing: through sync, the log and the lists."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from factories import covers

from takedown import cli, receipt
from takedown.blocklist import canonical, checkpoint, leaves, paths
from takedown.blocklist.leaves import LEAF_BYTES, Record
from takedown.blocklist.log import Frontier, Rows
from takedown.errors import NothingToSync, TakedownError, UsageError, VerificationFailed
from takedown.keys import Key
from takedown.publish import EditionDraft
from takedown.subscribe import sync
from takedown.subscribe.proof import Proof, prove_receipt

ALICE = receipt.issue(b"a" * 32, b"alice's form nonce")
BOB = receipt.issue(b"a" * 32, b"bob's form nonce --")
CHARLIE = receipt.issue(b"a" * 32, b"charlie's form nonce")


class Person:
    """A reader with a state folder of their own."""

    def __init__(self, desk: Any, folder: Path) -> None:
        self.desk, self.folder = desk, folder

    def prove(self, who: receipt.Receipt, **options: Any) -> Proof:
        sync(self.desk.url, self.desk.root, self.folder)
        return prove_receipt(who.proof_key, self.folder, **options)

    def outcomes(self, who: receipt.Receipt, **options: Any) -> list[tuple[int, str, str]]:
        """(release, action, outcome) of each leaf."""
        found = self.prove(who, **options).verdicts
        return [(one.leaf.seq, one.leaf.says.action, one.outcome) for one in found]


@pytest.fixture
def person(desk: Any, tmp_path: Path) -> Person:
    return Person(desk, tmp_path / "state")


def release(desk: Any, names: Sequence[object], records: Sequence[Record] = (), **edition: Any) -> None:
    keys = [_key(name) for name in names]
    if "prefix_hex" in edition:
        edition["cover"] = covers.cover_of(keys, edition["prefix_hex"])
    draft = EditionDraft("research", keys, **edition)
    desk.release_drafts([draft], records=records)


def _key(name: object) -> Key:
    return Key("url_sha256", hashlib.sha256(str(name).encode()).hexdigest())


def said(who: receipt.Receipt, action: str, name: object = "row") -> Record:
    return Record(who.proof_key, action, "url_sha256", _key(name).digest)


def test_two_people_with_the_same_row_both_prove_and_one_withdraws(desk: Any, person: Person) -> None:
    release(desk, ["row", "other"], [said(ALICE, "added")])
    release(desk, ["row", "other"], [said(BOB, "stands")])
    assert person.outcomes(ALICE) == [(1, "added", "listed")]
    assert person.outcomes(BOB) == [(2, "stands", "listed")]

    release(desk, ["row", "other"], [said(ALICE, "still-listed")])
    proof = person.prove(ALICE)
    assert person.outcomes(ALICE) == [(1, "added", "overtaken"), (3, "still-listed", "listed")]
    assert proof.fault is None
    assert "stays, as another decision supports it" in proof.lines[1]
    assert "The verified list names it (research)." in proof.lines[1]
    assert person.outcomes(BOB) == [(2, "stands", "listed")]

    release(desk, ["other"], [said(BOB, "withdrawn")])
    assert person.outcomes(BOB) == [(2, "stands", "overtaken"), (4, "withdrawn", "gone")]


def test_a_receipt_with_nothing_in_the_log_proves_nothing(desk: Any, person: Person) -> None:
    release(desk, ["row"], [said(ALICE, "added"), said(BOB, "added")])
    with pytest.raises(VerificationFailed) as caught:
        person.prove(CHARLIE)
    assert caught.value.slug == "no-leaf"


def test_a_forged_receipt_proves_nothing(desk: Any, person: Person) -> None:
    """One word of a real receipt exchanged for another word of the list."""
    release(desk, ["row"], [said(ALICE, "added")])
    forged = receipt.Receipt(
        (*ALICE.words[:-1], next(w for w in receipt.word_list() if w != ALICE.words[-1]))
    )
    with pytest.raises(VerificationFailed) as caught:
        person.prove(forged)
    assert caught.value.slug == "no-leaf"


def test_an_entry_that_the_log_promises_and_the_list_lacks(desk: Any, person: Person) -> None:
    release(desk, ["other"], [said(ALICE, "added"), said(BOB, "stands"), said(CHARLIE, "still-listed")])
    for who in (ALICE, BOB, CHARLIE):
        proof = person.prove(who)
        assert proof.fault
        assert proof.fault.slug == "entry-missing"
        assert proof.lines[-1].startswith("Not proven: 1 of the 256 leaves")


def test_an_entry_that_was_withdrawn_and_is_listed(desk: Any, person: Person) -> None:
    release(desk, ["row"], [said(ALICE, "added"), said(ALICE, "withdrawn")])
    proof = person.prove(ALICE)
    assert [one.outcome for one in proof.verdicts] == ["overtaken", "present"]
    assert proof.fault
    assert proof.fault.slug == "entry-present"


def test_the_latest_action_for_an_entry_counts(desk: Any, person: Person) -> None:
    release(desk, ["row"], [said(ALICE, "added")])
    release(desk, [], [said(ALICE, "withdrawn")])
    release(desk, ["row"], [said(ALICE, "added")])
    assert [outcome for *_, outcome in person.outcomes(ALICE)] == ["overtaken", "overtaken", "listed"]


def test_every_item_of_a_receipt_is_told_apart(desk: Any, person: Person) -> None:
    records = [said(ALICE, "added", n) for n in range(300)] + [said(BOB, "added", n) for n in range(5)]
    release(desk, range(300), records)
    assert person.outcomes(ALICE) == [(1, "added", "listed")] * 300
    assert len(person.outcomes(BOB)) == 5


def test_a_refusal_names_no_fault_and_overtakes_nothing(desk: Any, person: Person) -> None:
    release(desk, ["row"], [said(ALICE, "added"), said(ALICE, "refused"), Record(ALICE.proof_key, "refused")])
    proof = person.prove(ALICE)
    assert [one.outcome for one in proof.verdicts] == ["listed", "nothing", "nothing"]
    assert proof.fault is None


def test_leaves_without_an_entry_prove_the_release_alone(desk: Any, person: Person) -> None:
    """Child safety: the log never names the entry, not even to the person."""
    release(desk, ["row"], [Record(ALICE.proof_key, "added")])
    release(desk, ["row"], [Record(ALICE.proof_key, "withdrawn")])
    proof = person.prove(ALICE)
    assert [(one.outcome, one.leaf.says.digest) for one in proof.verdicts] == [("unnamed", None)] * 2
    assert proof.lines[0] == (
        "Release 1 added your entry. The log does not name the entry, so no list was searched for it."
    )
    assert proof.lines[-1] == (
        "Proven: 2 of the 512 leaves of the signed log (release 2) belong to this receipt. They name no "
        "entry that a list could be searched for."
    )


def test_a_shortened_entry_is_found_and_cannot_be_told_from_its_neighbours(desk: Any, person: Person) -> None:
    release(desk, ["row"], [said(ALICE, "added")], prefix_hex=7)
    assert person.outcomes(ALICE) == [(1, "added", "listed")]
    release(desk, ["row"], [said(ALICE, "withdrawn")], prefix_hex=7)
    proof = person.prove(ALICE)
    assert [one.outcome for one in proof.verdicts] == ["overtaken", "shared"]
    assert proof.fault is None
    release(desk, [], [], prefix_hex=7)
    assert person.outcomes(ALICE)[-1] == (2, "withdrawn", "gone")


def test_one_edition_is_enough_unless_one_is_named(desk: Any, person: Person) -> None:
    drafts = [EditionDraft("research", []), EditionDraft("safe", [_key("row")])]
    desk.release_drafts(drafts, records=[said(ALICE, "added")])
    assert person.prove(ALICE).verdicts[0].editions == ("safe",)
    assert person.outcomes(ALICE, edition="safe") == [(1, "added", "listed")]
    assert person.outcomes(ALICE, edition="research") == [(1, "added", "missing")]
    with pytest.raises(UsageError):
        person.prove(ALICE, edition="none")


# -- a log that is not the one that was signed --------------------------------------------------------------


def damage(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


DAMAGE = {
    "one bit": lambda data: data[:500] + bytes([data[500] ^ 4]) + data[501:],
    "cut": lambda data: data[:-LEAF_BYTES],
    "empty": lambda data: b"",
    "longer": lambda data: data + data,
    "random": lambda data: leaves.leaves(1, []),
    "swapped": lambda data: data[LEAF_BYTES:] + data[:LEAF_BYTES],
}


def test_a_tampered_log_proves_nothing(desk: Any, person: Person) -> None:
    release(desk, ["row"], [said(ALICE, "added")])
    release(desk, ["row"])
    for path in (desk.repository / paths.leaves(seq) for seq in (1, 2)):
        whole = path.read_bytes()
        for name, change in DAMAGE.items():
            path.write_bytes(change(whole))
            with pytest.raises(VerificationFailed) as caught:
                person.prove(ALICE)
            assert caught.value.slug == "log-differs", name
        path.write_bytes(whole)
    assert person.prove(ALICE).fault is None
    assert not list(person.folder.glob("tmp*"))


def test_a_missing_file_of_the_log_is_named(desk: Any, person: Person) -> None:
    release(desk, ["row"], [said(ALICE, "added")])
    (desk.repository / paths.leaves(1)).unlink()
    with pytest.raises(VerificationFailed) as caught:
        person.prove(ALICE)
    assert caught.value.slug == "log-incomplete"


def test_where_files_end_does_not_matter(desk: Any, person: Person) -> None:
    """Only the sequence of leaves is signed: a mirror that moves a border hides nobody's leaf."""
    release(desk, ["row"], [said(ALICE, "added", n) for n in range(300)])
    release(desk, ["row"], [said(BOB, "stands")])
    first, second = (desk.repository / paths.leaves(seq) for seq in (1, 2))
    data, half = first.read_bytes(), 256 * LEAF_BYTES
    second.write_bytes(data[half:] + second.read_bytes())
    first.write_bytes(data[:half])
    assert len(person.prove(ALICE).verdicts) == 300
    assert person.outcomes(BOB) == [(2, "stands", "listed")]


def publish_leaves(desk: Any, names: Sequence[object], make: Callable[[int], list[bytes]]) -> None:
    """A release signed over leaves that no honest publisher writes."""
    staging, staged = desk.stage(names)
    rows = make(staged.seq)
    rows += [b"\0" * LEAF_BYTES] * (256 - len(rows))
    (staging / paths.leaves(staged.seq)).write_bytes(b"".join(rows))
    frontier = Frontier().grown(rows)
    (staging / paths.checkpoint(staged.seq)).write_bytes(checkpoint.to_bytes(staged.seq, frontier))
    log = {"size": frontier.size, "root": frontier.root.hex()}
    path = staging / paths.manifest("research", staged.seq)
    path.write_bytes(canonical.to_bytes(json.loads(path.read_bytes()) | {"log": log}))
    desk.sign_anything(staging)


def test_a_leaf_that_does_not_open_proves_nothing(desk: Any, person: Person) -> None:
    def marked(seq: int) -> list[bytes]:
        return [leaves.tag(ALICE.proof_key, seq, 0) + b"\1" * (LEAF_BYTES - 16)]

    publish_leaves(desk, ["row"], marked)
    with pytest.raises(VerificationFailed) as caught:
        person.prove(ALICE)
    assert caught.value.slug == "leaf-unreadable"


def test_a_leaf_that_stands_twice_proves_nothing(desk: Any, person: Person) -> None:
    def twice(seq: int) -> list[bytes]:
        return [leaves.seal(said(ALICE, action), seq, 0) for action in ("added", "withdrawn")]

    publish_leaves(desk, ["row"], twice)
    with pytest.raises(VerificationFailed) as caught:
        person.prove(ALICE)
    assert caught.value.slug == "leaf-repeated"


# -- what the server sees -----------------------------------------------------------------------------------


def test_the_requests_are_the_same_whoever_asks(desk: Any, server: Any, tmp_path: Path) -> None:
    for seq in range(1, 4):
        release(desk, ["row"], [said(ALICE, "added")] if seq == 2 else [])
    asked: list[list[str]] = []
    sync(server.url, desk.root, tmp_path / "state")
    for who in (ALICE, BOB):
        server.asked.clear()
        try:
            prove_receipt(who.proof_key, tmp_path / "state")
        except VerificationFailed:
            assert who is BOB
        asked.append(list(server.asked))
    assert asked[0] == asked[1] == [f"/log/leaves-00000{seq}.bin" for seq in (1, 2, 3)]


def test_a_server_that_is_gone_or_sends_more_than_was_signed(desk: Any, server: Any, tmp_path: Path) -> None:
    release(desk, ["row"], [said(ALICE, "added")])
    sync(server.url, desk.root, tmp_path / "state")
    answers = {
        "log-differs": (200, bytes(1 << 20)),
        "log-unreachable": (503, b""),
        "log-incomplete": (404, b""),
    }
    for slug, answer in answers.items():
        server.answer = lambda path, answer=answer: answer
        with pytest.raises(TakedownError) as caught:
            prove_receipt(ALICE.proof_key, tmp_path / "state")
        assert caught.value.slug == slug


def test_the_log_that_goes_with_the_kept_list_is_looked_at(desk: Any, person: Person) -> None:
    """A repository that has moved on does no harm: its older files stay."""
    release(desk, ["row"], [said(ALICE, "added")])
    sync(desk.url, desk.root, person.folder)
    release(desk, [], [said(ALICE, "withdrawn")])
    proof = prove_receipt(ALICE.proof_key, person.folder)
    assert (proof.seq, [one.outcome for one in proof.verdicts]) == (1, ["listed"])


def test_nothing_synced_is_said(tmp_path: Path) -> None:
    with pytest.raises(NothingToSync) as caught:
        prove_receipt(ALICE.proof_key, tmp_path)
    assert caught.value.slug == "no-list"


def test_an_altered_list_on_this_disk_proves_nothing(desk: Any, person: Person) -> None:
    release(desk, ["row"], [said(ALICE, "added")])
    sync(desk.url, desk.root, person.folder)
    for path in person.folder.glob("lists/*/**/*.parquet"):
        damage(path, lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    with pytest.raises(VerificationFailed):
        prove_receipt(ALICE.proof_key, person.folder)


# -- the command --------------------------------------------------------------------------------------------


def run(monkeypatch: pytest.MonkeyPatch, capsys: Any, typed: str, *arguments: str) -> tuple[int, str, str]:
    stdin = SimpleNamespace(buffer=io.BytesIO(typed.encode()), isatty=lambda: False)
    monkeypatch.setattr(sys, "stdin", stdin)
    code = cli.main(["prove", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_reads_the_words_from_standard_input_or_a_file(
    desk: Any, person: Person, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    release(desk, ["row"], [said(ALICE, "added")])
    sync(desk.url, desk.root, person.folder)
    state = ("--state", str(person.folder))
    code, out, err = run(monkeypatch, capsys, ALICE.text.upper() + "\n", *state)
    digest = _key("row").digest[:12]
    assert (code, err) == (0, "")
    first, last = out.splitlines()
    assert first == (
        f"Release 1 added your entry for an address ({digest}…). The verified list names it (research)."
    )
    assert last == (
        "Proven: 1 of the 256 leaves of the signed log (release 1) belong to this receipt, and the lists "
        "agree with them."
    )
    note = tmp_path / "receipt.txt"
    note.write_text("\n".join(f"{number}. {word}" for number, word in enumerate(ALICE.words, 1)))
    assert run(monkeypatch, capsys, "", *state, "--receipt-file", str(note))[:2] == (0, out)
    code, out, _ = run(monkeypatch, capsys, ALICE.text, *state, "--json")
    answer = json.loads(out)
    assert (code, answer["proven"], answer["seq"], answer["log"]["size"]) == (0, True, 1, 256)
    [leaf] = answer["leaves"]
    assert (leaf["action"], leaf["outcome"], leaf["digest"]) == ("added", "listed", _key("row").digest)
    assert not any(word in out for word in ALICE.words)


def test_the_command_says_what_is_wrong_with_a_code_and_a_slug(
    desk: Any, person: Person, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    release(desk, [], [said(ALICE, "added")])
    sync(desk.url, desk.root, person.folder)
    state = ("--state", str(person.folder), "--json")
    cases = [
        (ALICE.text, 4, "entry-missing"),
        (BOB.text, 4, "no-leaf"),
        ("one two three", 3, "receipt-length"),
        (BOB.text.replace(BOB.words[2], "zzzz"), 3, "receipt-word"),
        ("\xff" * 20_000, 3, "receipt-length"),
        ("", 3, "receipt-length"),
    ]
    for typed, code, slug in cases:
        found, out, _ = run(monkeypatch, capsys, typed, *state)
        assert (found, json.loads(out)["error"]) == (code, slug)


def test_words_that_are_typed_are_not_shown(desk: Any, person: Person) -> None:
    release(desk, ["row"], [said(ALICE, "added")])
    sync(desk.url, desk.root, person.folder)
    master, slave = pty.openpty()
    command = [sys.executable, "-c", "from takedown.cli import run; run()", "prove", "--state", person.folder]
    with subprocess.Popen(
        command, stdin=slave, stdout=subprocess.PIPE, stderr=slave, start_new_session=True
    ) as running:
        os.close(slave)
        shown = b""
        while b"they are not shown" not in shown:
            shown += os.read(master, 4096)
        os.write(master, ALICE.text.encode() + b"\n")
        out, _ = running.communicate()
        shown += os.read(master, 4096)
    os.close(master)
    assert running.returncode == 0
    assert b"Proven: 1 of the 256 leaves" in out
    assert not any(word.encode() in shown + out for word in ALICE.words)


def test_words_on_the_command_line_are_refused_and_not_repeated(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from takedown.cli import run; run()", "prove", *ALICE.words],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2
    assert "command line" in done.stderr
    assert not any(word in done.stderr + done.stdout for word in ALICE.words)


def test_leaves_are_what_the_signed_root_says(desk: Any) -> None:
    """The whole of the published log has the root of its checkpoint, whoever works it out."""
    for seq in range(1, 4):
        release(desk, ["row"], [said(ALICE, "added", seq)])
    data = b"".join((desk.repository / paths.leaves(seq)).read_bytes() for seq in (1, 2, 3))
    signed = checkpoint.read((desk.repository / paths.checkpoint(3)).read_bytes(), 3)
    assert Frontier().grown(Rows(data, LEAF_BYTES)) == signed
