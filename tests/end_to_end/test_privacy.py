"""The canary sweep: tokens are planted wherever a person or a browser tells something, through the whole
journey and its errors, and looked for everywhere (tokens.py, canary.py).

Each kind of place has a positive control, since a search that can find nothing proves nothing.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import people
import psycopg
import pytest
import redis
import teller
from canary import DATABASE, holding, spellings
from desk import Desk, wait_for
from teller import METADATA, Teller
from tokens import ERRORS, FORM, MAY_HOLD, NEVER
from visitor import Page

from takedown.fingerprint import base

pytestmark = [pytest.mark.slow]

_NAMES = {token: name for name, token in {**MAY_HOLD, **NEVER, **METADATA}.items()}
_CONTROL = "canarycontrol7c1d"


@pytest.fixture
def swept(desk: Desk, drawn: Path) -> Desk:
    """A desk with an index of its own, that can be broken, and a folder for whatever is temporary."""
    desk.reuse(drawn)
    (desk.var / "index").unlink()
    shutil.copytree(drawn / "index", desk.var / "index")
    (desk.folder / "tmp").mkdir()
    desk.environment |= {"TMPDIR": str(desk.folder / "tmp"), "TAKEDOWN_PROXIES": "1"}
    desk.environment["TAKEDOWN_LEASE_SECONDS"] = "10"  # time for a picture on a machine that is busy
    desk.manage("prepare", "--demo")
    return desk


#: Erased at once when it is taken back; of what was refused there is nothing to take back.
TAKEN_BACK = {"address", "query of an address", "site", "typed fingerprint"}


def test_what_is_told_is_found_only_where_it_is_listed(swept: Desk) -> None:
    desk = swept
    desk.start("web")
    person = Teller(desk.address)
    _errors(desk, person)
    receipt, lane = _asks(desk, person), _reports_a_child(person)
    _found_only_where_listed(desk, receipt, lane)

    _works_through_crashes(desk, receipt)
    _writes_and_appeals(desk, person, receipt)
    _removes_and_releases(desk)
    _takes_back(person, receipt)
    desk.stop()
    _found_only_where_listed(desk, receipt, lane, gone=TAKEN_BACK)
    _everything_would_be_found(desk)


def _found_only_where_listed(desk: Desk, *receipts: str, gone: Collection[str] = ()) -> None:
    words = [spelled for one in receipts for spelled in (one, one.replace(" ", "-"), one.replace(" ", ""))]
    found = holding(desk, [*_NAMES, *teller.TOLD, *words])
    assert {_NAMES.get(token, token): places for token, places in found.items()} == {
        name: {DATABASE} for name in MAY_HOLD if name not in gone
    }


def _errors(desk: Desk, person: Teller) -> None:
    """Everything that can go wrong before something is sent."""
    index, away = desk.var / "index", desk.var / "away"
    index.rename(away)
    looked = {"addresses": f"https://{NEVER['looked for: address']}.example/a.jpg"}
    assert person.post("/en/look/", **looked).status == 500
    away.rename(index)
    for code, path, kind, told in ERRORS:
        assert (path, _told(person, path, kind, told).status) == (path, code)
    assert person.announce("/en/ask/where/", 5_000_000, NEVER["form that is too large"].encode()) == 413
    elsewhere = {
        "Sec-Fetch-Site": "cross-site",
        "Origin": f"https://{NEVER['form from another site']}.example",
    }
    assert person.post("/en/status/", elsewhere, words=NEVER["form from another site"]).status == 403
    made = json.loads(_made(desk, NEVER["looked for: picture"]))
    more, named = NEVER["more in a fingerprint of a device"], NEVER["format in a fingerprint of a device"]
    for wrong in ({"more": more}, {more: "x"}, {"format": named}):
        assert person.post("/en/look/", device=json.dumps(made | wrong)).status == 422
    assert person.post("/en/look/", device=json.dumps(made)).status == 200


def _told(person: Teller, path: str, kind: str, told: dict[str, str]) -> Page:
    if not kind:
        return person.get(path)
    if kind == FORM:
        return person.post(path, **told)
    ((name, token),) = told.items()
    head = f'Content-Disposition: form-data; name="{name}"; filename="{token}.jpg"'
    return person.send(path, f"--b\r\n{head}\r\n\r\n{token}\r\n--b--\r\n".encode(), kind)


def _made(desk: Desk, digest: str) -> str:
    """A fingerprint as a browser makes it, with a digest that no file has."""
    made = base((desk.var / "sample" / "try" / "original.jpg").read_bytes())
    return replace(made, sha256=digest).to_json()


def _asks(desk: Desk, person: Teller) -> str:
    """The whole form, with what is refused beside its fields first; the eight words."""
    user, password = NEVER["user of an address"], NEVER["password of an address"]
    for bad in (f"https://{user}:{password}@a.example/", f"ftp://{NEVER['refused address']}.example/"):
        assert people.fill(person, [bad]).status == 422
    assert people.fill(person, site=f"{NEVER['refused site']}.example/?x").status == 422
    assert people.fill(person, fingerprints=[NEVER["refused fingerprint"]]).status == 422
    check = people.fill(
        person,
        [f"https://{MAY_HOLD['address']}.example/x.jpg?key={MAY_HOLD['query of an address']}"],
        pictures=True,
        fingerprints=[MAY_HOLD["typed fingerprint"]],
        site=f"{MAY_HOLD['site']}.example",
        note=MAY_HOLD["note"],
    )
    html = f"<html>{NEVER['file that is no picture']}".encode()
    name = NEVER["file name"]
    assert person.press(check, "Send the request", [("pictures", f"{name}.png", html)]).status == 422
    files = [("pictures", f"{name}.jpg", teller.picture(desk.var / "sample" / "try" / "original.jpg"))]
    made = _made(desk, MAY_HOLD["fingerprint made on the device"])
    filled = {"topic": NEVER["field that nobody sees"], "proof": NEVER["answer to a sum"]}
    sent = person.press(check, "Send the request", files, device=made, **filled)
    receipt = people.words(sent)
    assert receipt.split()[0] in person.press(sent, "Save as a text file").html
    return receipt


def _reports_a_child(person: Teller) -> str:
    form = person.get("/en/under-18/report/")
    refused = person.press(form, "Send", addresses=f"ftp://{NEVER['refused address']}.example/")
    assert refused.status == 422
    lines = {
        "addresses": f"https://{MAY_HOLD['address of the child-safety path']}.example/x.jpg",
        "fingerprints": MAY_HOLD["fingerprint of the child-safety path"],
    }
    return people.words(person.press(refused, "Send", **lines))


def _works_through_crashes(desk: Desk, receipt: str) -> None:
    """A worker that dies with a picture in its hands, an index that cannot be read, and a good end."""
    desk.start("clock")
    desk.start("worker", CRASH_AT="fingerprint.computed").wait(120)
    desk.kill("worker")
    (desk.var / "index").rename(desk.var / "away")
    desk.start("worker")
    wait_for("a look that fails", lambda: "item.failed" in desk.log("worker"))
    (desk.var / "away").rename(desk.var / "index")
    people.wait_for_status(desk, receipt, "We found rows", times=2)
    people.wait_for_status(desk, receipt, "We found no row like it", times=2)


def _writes_and_appeals(desk: Desk, person: Teller, receipt: str) -> None:
    """Messages both ways, a person who looks, their refusal, and an appeal."""
    page = person.press(_status(person, receipt), "Ask a person to look")
    long = NEVER["message that is too long"] + "x" * 2000
    assert person.press(page, "Send the message", text=long).status == 422
    assert NEVER["message to the desk"] in _message(person, page, NEVER["message to the desk"]).text
    ada = people.sign_in(desk, "ada")
    case = people.case_about(ada, MAY_HOLD["address"])
    assert NEVER["message to the desk"] in ada.get(f"/desk/case/{case}/").text
    people.write(ada, case, NEVER["message of the desk"])
    people.refuse(ada, case, "not-same-picture")
    page = _status(person, receipt)
    assert NEVER["message of the desk"] in page.text
    asked = person.press(page, "Ask for a second look")
    done = person.press(asked, "Yes", text=NEVER["text of an appeal"])
    assert NEVER["text of an appeal"] in done.text


def _message(person: Teller, page: Page, text: str) -> Page:
    return person.press(page, "Send the message", text=text)


def _status(person: Teller, receipt: str) -> Page:
    return person.press(person.get("/en/status/"), "Continue", words=receipt)


def _removes_and_releases(desk: Desk) -> None:
    """The rows of the picture go into a release."""
    ada, ben = people.sign_in(desk, "ada"), people.sign_in(desk, "ben")
    people.remove(ada, ben, people.case_about(ada, "A picture, deleted"), "file")
    people.release(desk)


def _takes_back(person: Teller, receipt: str) -> None:
    """Every item that can be."""
    while True:
        page = _status(person, receipt)
        if not any(one.label.startswith("Take this back") for form in page.forms for one in form.buttons):
            return
        person.press(person.press(page, "Take this back"), "Yes")


def _everything_would_be_found(desk: Desk) -> None:
    """Positive controls: each kind of place, in each spelling; nothing is left of what was erased."""
    assert holding(desk, [_CONTROL]) == {}
    for place in ("tmp/spool", "var/broker/queue/message", "web.log", "worker.log", "var/blocklist/notes"):
        file = desk.folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_bytes() if file.exists() else b""
        file.write_bytes(before + b"...".join([b"", *spellings(_CONTROL), b""]))
        assert holding(desk, [_CONTROL]) == {_CONTROL: {place}}
        file.write_bytes(before)
    for spelling in spellings(_CONTROL):
        (desk.folder / "tmp" / "spool").write_bytes(b"..." + spelling + b"...")
        assert holding(desk, [_CONTROL]) == {_CONTROL: {"tmp/spool"}}, spelling
    (desk.folder / "tmp" / "spool").write_bytes(b"")
    with _written(desk) as place:
        assert holding(desk, [_CONTROL]) == {_CONTROL: {place}}
    assert holding(desk, [_CONTROL]) == {}
    _erased_is_gone(desk)


@contextmanager
def _written(desk: Desk) -> Iterator[str]:
    """The token under a key of Redis, where there is one."""
    prefix = desk.environment.get("TAKEDOWN_BROKER_PREFIX")
    if prefix is None:
        (desk.folder / "tmp" / _CONTROL).touch()  # a name tells as much as what is in a file
        yield f"tmp/{_CONTROL}"
        (desk.folder / "tmp" / _CONTROL).unlink()
        return
    with redis.Redis.from_url(desk.environment["TAKEDOWN_BROKER_URL"]) as server:
        server.rpush(f"{prefix}control", f"...{_CONTROL}...")
        yield "Redis"
        server.delete(f"{prefix}control")


def _erased_is_gone(desk: Desk) -> None:
    """A row that is written is found, in whatever file the database put it; erased, it is found nowhere."""
    _statement(desk, "UPDATE portal_submission SET note = {} WHERE id = 1", _CONTROL * 100)
    assert holding(desk, [_CONTROL]) == {_CONTROL: {DATABASE}}
    assert MAY_HOLD["note"] not in holding(desk, [MAY_HOLD["note"]])
    _statement(desk, "UPDATE portal_submission SET note = {} WHERE id = 1", "")
    assert holding(desk, [_CONTROL]) == {}


def _statement(desk: Desk, statement: str, value: str) -> None:
    """Change the database as the portal does, with nobody else at it."""
    if url := desk.environment.get("DATABASE_URL"):
        with psycopg.connect(url) as connection:
            connection.execute(statement.format("%s"), [value])
        return
    connection = sqlite3.connect(desk.var / "portal.sqlite3")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute(statement.format("?"), [value])
    connection.commit()
    connection.close()
