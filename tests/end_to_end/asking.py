"""Walking the form in a browser, in any language: fields and buttons are found by name, never by words.

    for name in asking.walk(window, "de", Answers(addresses=["https://a.example/1"])):
        window.look(name)

gives each page once, before it is filled in; asking for the next one fills it in and goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chromium import Window

CONTINUE = ".row button.button"
BACK = "button.back, a.back"
SEND = "form[action$='/ask/send/'] button.button"
WORDS = ".words li"


@dataclass(frozen=True)
class Answers:
    """What a person says; what is empty is not ticked on the page that asks what they have."""

    addresses: Sequence[str] = ()
    pictures: Sequence[Path] = ()
    fingerprints: Sequence[str] = ()
    site: str = ""
    note: str = ""
    ground: str = "private"

    @property
    def have(self) -> list[str]:
        return [one for one in ("addresses", "pictures", "fingerprints", "site") if getattr(self, one)]

    @property
    def typed(self) -> dict[str, str]:
        """By the name of a page: what is typed there. The field has the id that ``FIELDS`` gives."""
        texts = {"where": "\n".join(self.addresses), "fingerprints": "\n".join(self.fingerprints)}
        return {name: text for name, text in {**texts, "site": self.site}.items() if text} | {
            "note": self.note
        }


#: Page -> id of its field.
FIELDS = {"where": "addresses", "fingerprints": "fingerprints", "site": "site", "note": "note"}


def walk(window: Window, language: str, answers: Answers) -> Iterator[str]:
    """The pages of the form, each by its name and before it is filled in, and at last the receipt."""
    window.go(f"/{language}/ask/")
    yield "why"
    window.page.locator(f"input[name=ground][value={answers.ground}]").check()
    window.submit(CONTINUE)
    yield "have"
    for kind in answers.have:
        window.page.locator(f"input[name=have][value={kind}]").check()
    window.submit(CONTINUE)
    for name, text in answers.typed.items():
        yield name
        window.page.locator(f"#{FIELDS[name]}").fill(text)
        window.submit(CONTINUE)
    yield "check"
    if answers.pictures:
        add_pictures(window, answers.pictures)
    window.submit(SEND)
    yield "receipt"


def send(window: Window, language: str, answers: Answers) -> list[str]:
    """The whole form; the words of the receipt."""
    for _ in walk(window, language, answers):
        pass
    return words(window)


def to_check(window: Window, language: str, answers: Answers) -> None:
    """The form up to its last page."""
    for name in walk(window, language, answers):
        if name == "check":
            return


def add_pictures(window: Window, pictures: Sequence[Path]) -> None:
    """Choose them; where scripts run, wait until each has become a fingerprint."""
    if not window.scripts:
        window.page.locator("#pictures").set_input_files(list(pictures))
        return
    window.page.locator("#device-files").set_input_files(list(pictures))
    wait_for_fingerprints(window, len(pictures))


def wait_for_fingerprints(window: Window, count: int) -> None:
    """Until so many pictures have become fingerprints on this device."""
    window.page.locator(".device-list progress[hidden]").nth(count - 1).wait_for(
        state="attached", timeout=60_000
    )


def words(window: Window) -> list[str]:
    """Of the receipt on the page."""
    found = window.page.locator(WORDS).all_inner_texts()
    assert len(found) == 8, window.text()
    return found


def told(window: Window, words: Sequence[str]) -> list[str]:
    """Addresses that this window asked for and that tell of a receipt, or could: none has a query, and a name
    of ours, such as "device", may be one word of a receipt by chance but never two."""
    asked = [url.removeprefix(window.desk.address) for url in window.requested]
    return [path for path in asked if "?" in path or sum(word in path for word in words) > 1]
