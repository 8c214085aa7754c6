"""prove.html in a real Chromium: says what the command says, sends nothing, refuses what was altered."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import chromium
import page_rules
import pytest
from factories import covers
from playwright.sync_api import Browser, Page, sync_playwright
from tuf.api.metadata import Metadata

from takedown import receipt
from takedown.blocklist import leaves, paths
from takedown.blocklist.leaves import Record
from takedown.keys import Key
from takedown.publish import EditionDraft
from takedown.publish.keyring import load
from takedown.publish.prove_page import page as finished
from takedown.subscribe import sync
from takedown.subscribe.proof import prove_receipt

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ALICE = receipt.issue(b"a" * 32, b"alice's form nonce")
BOB = receipt.issue(b"a" * 32, b"bob's form nonce --")
DAN = receipt.issue(b"a" * 32, b"dan's form nonce --")
CHARLIE = receipt.issue(b"a" * 32, b"charlie's form nonce")
READY = "You can go offline now"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        pytest.skip(f"no browser is installed: none of {', '.join(chromium.NAMES)} is on the path")
    with sync_playwright() as playwright:
        # A name that is not this machine's, as a browser sees it: not a secure context over plain http.
        flags = [*chromium.FLAGS, "--host-resolver-rules=MAP publisher.example 127.0.0.1"]
        started = playwright.chromium.launch(executable_path=path, args=flags)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open prove.html; ``page.asked`` are the addresses it requested, in order."""
    contexts = []

    def start(address: str, script: str = "", **options: Any) -> Page:
        options = {"viewport": {"width": 320, "height": 720}, "locale": "en-GB"} | options
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(20_000)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.asked = []  # type: ignore[attr-defined]
        page.on("request", lambda request: page.asked.append(request.url))  # type: ignore[attr-defined]
        page.goto(address)
        return page

    yield start
    for context in contexts:
        context.close()


def key(name: object, kind: str = "url_sha256") -> Key:
    algorithm = hashlib.md5 if kind == "img_md5" else hashlib.sha256
    return Key(kind, algorithm(str(name).encode()).hexdigest())


def said(who: receipt.Receipt, action: str, name: object, kind: str = "url_sha256") -> Record:
    return Record(who.proof_key, action, kind, key(name, kind).digest)


def drafts(names: Sequence[int]) -> list[EditionDraft]:
    """A full edition of two kinds, and a shortened one."""
    keys = [key(name) for name in names] + [key(name, "img_md5") for name in names if not name % 3]
    cut = [key(name) for name in names[:50]]
    cover = covers.cover_of(cut, 7)
    return [EditionDraft("research", keys), EditionDraft("safe", cut, 7, 300, "purge", cover=cover)]


def three_releases(desk: Any) -> None:
    """A full state, and two deltas after it: one that adds and removes, one that removes."""
    desk.release_drafts(drafts(range(2000)), records=[said(ALICE, "added", n) for n in (3, 4, 99)])
    records = [said(BOB, "stands", 4), said(BOB, "added", 3, "img_md5"), Record(BOB.proof_key, "added")]
    desk.release_drafts(drafts(range(3, 2100)), records=records)
    records = [said(ALICE, "still-listed", 4), said(ALICE, "withdrawn", 3), said(ALICE, "refused", 1)]
    records += [Record(DAN.proof_key, "added"), Record(DAN.proof_key, "refused")]
    desk.release_drafts(drafts(range(4, 2100)), records=records)


def ready(page: Page) -> None:
    page.get_by_text(READY).wait_for()


def check(page: Page, text: str) -> tuple[str, list[str]]:
    """Type the words and press the button; the heading, then the lines and the one that sums up."""
    page.get_by_label("The eight words of your receipt").fill(text)
    page.get_by_role("button", name="Check").click()
    page.locator("#verdict:focus").wait_for()
    lines = page.locator("#lines li").all_inner_texts()
    title = page.locator("#verdict").inner_text()
    return title, [*lines, f"{title}: {page.locator('#summary').inner_text()}"]


def keep(page: Page, name: str) -> None:
    """A picture for people, where SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True, caret="initial")


def test_the_page_says_word_for_word_what_the_command_says(
    desk: Any, server: Any, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    three_releases(desk)
    assert (desk.repository / "prove.html").read_bytes() == finished()
    sync(desk.url, desk.root, tmp_path / "state")
    page = open_page(f"{server.url}/prove.html")
    ready(page)
    for who, title in ((DAN, "Proven"), (ALICE, "Proven"), (BOB, "Not proven")):
        proof = prove_receipt(who.proof_key, tmp_path / "state")
        assert check(page, who.text) == (title, list(proof.lines))
        outcomes = [verdict.outcome for verdict in proof.verdicts]
        keep(page, f"prove-{title.lower().replace(' ', '-')}-320")
        if who is ALICE:
            assert outcomes == ["overtaken", "overtaken", "listed", "listed", "gone", "nothing"]
            assert page.locator("#warning").is_hidden()
        elif who is DAN:
            assert outcomes == ["unnamed", "nothing"]
        else:
            assert outcomes == ["listed", "missing", "unnamed"]
            assert proof.fault
            assert page.locator("#warning").inner_text() == proof.fault.sentence
    title, lines = check(page, CHARLIE.text)
    assert title == "Nothing found"
    assert lines[0].startswith("Nothing found: No release up to number 3 has a leaf of this receipt")


def test_nothing_is_sent_once_the_page_is_loaded(
    desk: Any, server: Any, open_page: Callable[..., Page]
) -> None:
    three_releases(desk)
    page = open_page(f"{server.url}/prove.html")
    ready(page)
    loaded = list(page.asked)  # type: ignore[attr-defined]
    assert all(address.startswith(f"{server.url}/") and "?" not in address for address in loaded)
    page.context.set_offline(True)
    assert check(page, ALICE.text)[0] == "Proven"
    assert page.asked == loaded  # type: ignore[attr-defined]
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0

    again = open_page(f"{server.url}/prove.html")
    ready(again)
    check(again, BOB.text)
    assert again.asked == loaded  # type: ignore[attr-defined]  # the same requests whoever asks


def test_the_words_are_read_as_people_write_them(
    desk: Any, server: Any, open_page: Callable[..., Page]
) -> None:
    desk.release_drafts(drafts(range(60)), records=[said(ALICE, "added", 3)])
    page = open_page(f"{server.url}/prove.html")
    ready(page)
    numbered = "\n".join(f"{n}. {word.upper()}," for n, word in enumerate(ALICE.words, 1))
    assert check(page, numbered)[0] == "Proven"
    field, problem = page.get_by_label("The eight words of your receipt"), page.locator("#words-problem")
    for typed, answer in (
        (ALICE.text.replace(ALICE.words[2], ALICE.words[2][:-1] + "q"), f"did you mean “{ALICE.words[2]}”?"),
        (ALICE.text.replace(ALICE.words[7], "xqzzzzxq"), "Word 8 is not one that receipts are made of"),
        (" ".join(ALICE.words[:7]), "A receipt has 8 words"),
        ("", "A receipt has 8 words"),
    ):
        field.fill(typed)
        field.press("Enter")
        problem.get_by_text(answer).wait_for()
        assert page.locator("#result").is_hidden()  # what was found for other words
        assert field.get_attribute("aria-invalid") == "true"
        assert page_rules.active(page)["id"] == "words"
    page.get_by_role("button", name="Clear").click()
    assert (field.input_value(), problem.inner_text(), page.locator("#result").is_visible()) == (
        "",
        "",
        False,
    )


def test_without_scripts_the_page_does_not_wait_for_ever(
    desk: Any, server: Any, open_page: Callable[..., Page]
) -> None:
    desk.release_drafts(drafts(range(60)))
    page = open_page(f"{server.url}/prove.html", java_script_enabled=False)
    assert page.get_by_role("button", name="Check").is_disabled()
    assert page.locator("#status").inner_text() == ""


def flip(path: Path, at: int = -9) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() * 9)


def resign_nothing(path: Path) -> None:
    """Another expiry under the old signature."""
    path.write_bytes(re.sub(rb'("expires": ?")2', rb"\g<1>3", path.read_bytes()))


HARM: list[tuple[str, Callable[[Path], object], str]] = [
    (paths.leaves(1), flip, "not the one that was signed with the list"),
    (paths.leaves(3), lambda path: path.write_bytes(leaves.leaves(3, [])), "not the one that was signed"),
    (paths.leaves(2), Path.unlink, "A file of the release is missing"),
    (
        paths.leaves(1),
        lambda path: path.write_bytes(path.read_bytes() * 9),
        "not the one that was signed",
    ),
    (paths.checkpoint(3), flip, "A file of this release is not the one that was signed"),
    (paths.manifest("research", 3), flip, "A file of this release is not the one that was signed"),
    (paths.state("research", 1, "url_sha256", ""), flip, "A file of this release is not the one"),
    (paths.delta("safe", 2, 3), flip, "A file of this release is not the one"),
    ("metadata/4.targets.json", flip, "A file of this release is not the one"),
    ("metadata/timestamp.json", resign_nothing, "The signatures of this release do not hold"),
    ("metadata/1.root.json", resign_nothing, "The signatures of this release do not hold"),
    ("metadata/timestamp.json", lambda path: path.write_text("<html>"), "cannot be read"),
]


def test_whatever_was_altered_proves_nothing(desk: Any, server: Any, open_page: Callable[..., Page]) -> None:
    three_releases(desk)
    for name, harm, answer in HARM:
        path = desk.repository / name
        whole = path.read_bytes()
        harm(path)
        page = open_page(f"{server.url}/prove.html")
        page.locator("#status").get_by_text(answer).wait_for()
        assert page.get_by_role("button", name="Check").is_disabled(), name
        path.write_bytes(whole)
    ready(open_page(f"{server.url}/prove.html"))


def next_root(desk: Any, *signers: str) -> None:
    """Another version of root metadata, signed by these keys."""
    metadata: Any = Metadata.from_bytes(desk.root)
    metadata.signed.version = 2
    metadata.signatures.clear()
    for name in signers:
        metadata.sign(load(desk.keys / f"{name}.pem"), append=True)
    (desk.repository / "metadata/2.root.json").write_bytes(metadata.to_bytes())


def test_a_later_root_is_followed_when_enough_keys_signed_it(
    desk: Any, server: Any, open_page: Callable[..., Page]
) -> None:
    desk.release_drafts(drafts(range(60)), records=[said(ALICE, "added", 3)])
    next_root(desk, "root-1", "root-3")
    page = open_page(f"{server.url}/prove.html")
    ready(page)
    assert f"{server.url}/metadata/3.root.json" in page.asked  # type: ignore[attr-defined]
    for signers in (("root-1",), ("root-1", "targets-1"), ()):
        next_root(desk, *signers)
        again = open_page(f"{server.url}/prove.html")
        again.get_by_text("The signatures of this release do not hold").wait_for()


def test_it_works_from_a_folder_on_this_device(desk: Any, open_page: Callable[..., Page]) -> None:
    three_releases(desk)
    page = open_page((desk.repository / "prove.html").as_uri())
    chooser = page.get_by_label("A copy of the release folder on this device")
    chooser.set_input_files(desk.repository.parent)  # a folder around it does as well
    ready(page)
    assert check(page, ALICE.text)[0] == "Proven"
    assert page.asked == [page.url]  # type: ignore[attr-defined]
    chooser.set_input_files(desk.keys)
    page.get_by_text("That folder is not a release").wait_for()
    assert page.locator("#result").is_hidden()  # it was about the other folder
    assert page.get_by_role("button", name="Check").is_disabled()


def test_a_browser_without_ed25519_says_what_it_did_not_check(
    desk: Any, server: Any, open_page: Callable[..., Page]
) -> None:
    three_releases(desk)
    without = """const own = SubtleCrypto.prototype.importKey;
      SubtleCrypto.prototype.importKey = function (format, data, how, ...rest) {
        if (how === 'Ed25519') throw new DOMException('no', 'NotSupportedError');
        return own.call(this, format, data, how, ...rest);
      };"""
    unsure = "As it should be, but for the signatures, which were not checked"
    for script, title, said_so in (
        (without, unsure, "Not checked: who signed."),
        ("", "Proven", "Checked: the signatures"),
    ):
        page = open_page(f"{server.url}/prove.html", script)
        ready(page)
        assert check(page, ALICE.text)[0] == title
        page.get_by_text("What was checked, and what was not").click()
        assert page.locator("#checked li").first.inner_text().startswith(said_so)
        assert hashlib.sha256(desk.root).hexdigest() in page.locator("#checked").inner_text()


def with_limit(open_page: Callable[..., Page], address: str, name: str, limit: int) -> Page:
    """The page with one of its limits lowered; its policy would refuse the altered script."""
    text, count = re.subn(rf"\b{name} = [0-9e]+", f"{name} = {limit}", finished().decode())
    assert count == 1
    page = open_page("about:blank", bypass_csp=True)
    page.route("**/prove.html", lambda route: route.fulfill(body=text, content_type="text/html"))
    page.goto(address)
    return page


def test_what_takes_long_is_fetched_when_asked_for(
    desk: Any, server: Any, open_page: Callable[..., Page]
) -> None:
    three_releases(desk)
    page = with_limit(open_page, f"{server.url}/prove.html", "ASK_FIRST", 1000)
    page.get_by_text("The lists and the log take 1 MB.").wait_for()
    assert not [address for address in page.asked if ".parquet" in address]  # type: ignore[attr-defined]
    page.get_by_label("The eight words of your receipt").press("Enter")
    page.get_by_text("The release is not on this device yet").wait_for()
    page.get_by_role("button", name="Get the lists").click()
    ready(page)
    assert check(page, ALICE.text)[0] == "Proven"
    for name in ("MOST_BYTES", "MOST_ENTRIES"):
        page = with_limit(open_page, f"{server.url}/prove.html", name, 1000)
        page.get_by_text("This list is too long for a web page.").wait_for()
        assert not [address for address in page.asked if ".parquet" in address]  # type: ignore[attr-defined]


def test_over_plain_http_it_says_that_it_cannot(
    desk: Any, server: Any, open_page: Callable[..., Page]
) -> None:
    desk.release(["a"])
    page = open_page(server.url.replace("127.0.0.1", "publisher.example") + "/prove.html")
    page.get_by_text("This browser only gives pages what the check needs").wait_for()


def test_a_trial_and_signatures_that_ran_out_are_told(
    make_desk: Callable[..., Any], serve: Callable[[Path], Any], open_page: Callable[..., Page]
) -> None:
    desk = make_desk("trial", throwaway=True)
    desk.release_drafts(drafts(range(60)), records=[said(ALICE, "added", 3)])
    later = "const now = Date.now(); Date.now = () => now + 60 * 864e5;"
    page = open_page(f"{serve(desk.repository).url}/prove.html", later)
    ready(page)
    assert check(page, ALICE.text)[0] == "Proven"
    assert "marked as a trial" in page.locator("#warning").inner_text()
    assert "signatures ran out" in page.locator("#warning").inner_text()


def test_it_keeps_the_rules_of_all_pages(desk: Any, server: Any, open_page: Callable[..., Page]) -> None:
    three_releases(desk)
    for width in chromium.WIDTHS:
        for scheme in ("light", "dark"):
            use_by_keyboard(open_page, f"{server.url}/prove.html", width, scheme)


def use_by_keyboard(open_page: Callable[..., Page], address: str, width: int, scheme: str) -> None:
    page = open_page(address, viewport={"width": width, "height": 720}, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    ready(page)
    keep(page, f"prove-begin-{width}-{scheme}")
    page.keyboard.press("Tab")
    page.keyboard.type(ALICE.text)
    page.keyboard.press("Enter")
    page.locator("#verdict:focus").wait_for()
    page.get_by_text("What was checked, and what was not").click()
    keep(page, f"prove-end-{width}-{scheme}")
    assert [fault for fault in page_rules.faults(page) if "<script" not in fault] == []
    assert page_rules.walk(page) == []
    # The newest root is the one after which there is no other: TUF asks, and a server says 404.
    assert [text for text in complaints if "a status of 404" not in text] == []
