"""What people do at the desk, as steps a test can read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from desk import Desk, wait_for
from visitor import Page, Visitor

FROM_CASE = re.compile(r"/desk/case/(\d+)/")


def send(
    visitor: Visitor, addresses: Sequence[str] = (), pictures: Sequence[Path] = (), reason: str = "private"
) -> tuple[Page, Page]:
    """Walk the public form to its end. The last form page and the receipt's page."""
    why = visitor.get("/en/ask/")
    what = visitor.press(why, "Continue", ground=reason)
    check = visitor.press(what, "Continue", addresses="\n".join(addresses), note="")
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
