"""What people do at the desk, as steps a test can read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from desk import Desk, wait_for
from visitor import Page, Visitor

FROM_CASE = re.compile(r"/desk/case/(\d+)/")


def fill(
    visitor: Visitor,
    addresses: Sequence[str] = (),
    pictures: bool = False,
    fingerprints: Sequence[str] = (),
    site: str = "",
    reason: str = "private",
    note: str = "",
) -> Page:
    """Walk the public form to its last page, by the questions that follow from what there is."""
    told = {"addresses": "\n".join(addresses), "fingerprints": "\n".join(fingerprints), "site": site}
    have = [name for name, given in (told | {"pictures": pictures}).items() if given]
    page = visitor.press(visitor.get("/en/ask/"), "Continue", ground=reason)
    page = visitor.press(page, "Continue", have=have)
    for name, given in told.items():
        if given:
            page = visitor.press(page, "Continue", **{name: given})
    return visitor.press(page, "Continue", note=note)


def send(
    visitor: Visitor, addresses: Sequence[str] = (), pictures: Sequence[Path] = (), reason: str = "private"
) -> tuple[Page, Page]:
    """Walk the public form to its end. The last form page and the receipt's page."""
    check = fill(visitor, addresses, bool(pictures), reason=reason)
    files = [("pictures", picture.name, picture.read_bytes()) for picture in pictures]
    return check, visitor.press(check, "Send the request", files)


def words(page: Page) -> str:
    found = re.search(r'name="words" value="([^"]+)"', page.html)
    assert found, page.text
    return found.group(1)


def status(visitor: Visitor, receipt: str) -> str:
    return visitor.press(visitor.get("/en/status/"), "Continue", words=receipt).text


def wait_for_status(desk: Desk, receipt: str, said: str, times: int = 1) -> str:
    """Look in with the receipt until the page says something as often as expected."""
    visitor = Visitor(desk.address)

    def look() -> str:
        text = status(visitor, receipt)
        return text if text.count(said) >= times else ""

    return str(wait_for(f"the status {said!r}", look))


def sign_in(desk: Desk, name: str) -> Visitor:
    visitor = Visitor(desk.address)
    page = visitor.press(visitor.get("/desk/"), "Sign in", username=name, password=desk.logins()[name])
    assert "Sign out" in page.text, page.text
    return visitor


def waiting_cases(reviewer: Visitor) -> list[str]:
    return list(dict.fromkeys(FROM_CASE.findall(reviewer.get("/desk/cases/").html)))


def case_about(reviewer: Visitor, text: str) -> str:
    """The case whose page has a text, such as an address that was asked about; the newest first."""
    for case in sorted(waiting_cases(reviewer), key=int, reverse=True):
        if text in reviewer.get(f"/desk/case/{case}/").text:
            return case
    raise AssertionError(f"no case about {text!r}")


def refuse(reviewer: Visitor, case: str, answer: str) -> None:
    after = reviewer.press(reviewer.get(f"/desk/case/{case}/"), "Refuse", answer=answer)
    assert "Not removed" in after.text, after.text


def write(reviewer: Visitor, case: str, text: str, question: str = "") -> None:
    """A message to the person of a case; with the name of a question the case waits for the answer."""
    request = re.search(r"/desk/request/\d+/", reviewer.get(f"/desk/case/{case}/").html)
    assert request, case
    page = reviewer.get(request.group())
    after = reviewer.press(page, "Send", text=text, **({"question": question, "item": 1} if question else {}))
    assert text in after.text, after.text


def remove(proposer: Visitor, approver: Visitor, case: str, scope: str) -> None:
    """Propose what the page proposes by itself (all but guesses), and confirm it."""
    page = proposer.get(f"/desk/case/{case}/")
    after = proposer.press(page, "Propose the chosen rows", scope=scope)
    assert "Waiting for a second person" in after.text, after.text
    confirmed = approver.press(approver.get(f"/desk/case/{case}/"), "Confirm")
    assert "Removal confirmed" in confirmed.text, confirmed.text


def remove_all(desk: Desk, scope: str) -> int:
    """Ada proposes, Ben confirms, until the queue is empty; how many cases there were."""
    ada, ben = sign_in(desk, "ada"), sign_in(desk, "ben")
    cases = waiting_cases(ada)
    for case in cases:
        remove(ada, ben, case, scope)
    assert waiting_cases(ada) == []
    return len(cases)


def take_back(desk: Desk, case: str) -> None:
    """Two reviewers confirm a withdrawal of something public."""
    ada, ben = sign_in(desk, "ada"), sign_in(desk, "ben")
    ada.press(ada.get(f"/desk/case/{case}/"), "Propose to take it back")
    ben.press(ben.get(f"/desk/case/{case}/"), "Confirm")


def release(desk: Desk) -> str:
    """Mara builds, signs with the command line and publishes; what the signing command showed."""
    mara = sign_in(desk, "mara")
    mara.press(mara.get("/desk/releases/"), "Build the release")
    command = re.compile(r"--staging (\S+) --key")
    staged = wait_for("a staged release", lambda: command.search(mara.get("/desk/releases/").text))
    shown = desk.sign(Path(staged.group(1)))
    mara.press(mara.get("/desk/releases/"), "Publish release")
    wait_for("a published release", lambda: "Would add" in mara.get("/desk/releases/").text)
    return shown
