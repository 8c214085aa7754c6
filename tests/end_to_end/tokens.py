"""The tokens of the canary sweep: what is told where, and what of it may be found."""

from __future__ import annotations

import hashlib


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


#: May be found in the database, and nowhere else: what a person asked us to look for, and the note.
MAY_HOLD = {
    "address": "canaryaddress7c1d",
    "query of an address": "canaryaddressquery7c1d",
    "site": "canarysite7c1d",
    "typed fingerprint": _digest("typed"),
    "fingerprint made on the device": _digest("device"),
    "note": "canarynote7c1d",
    "address of the child-safety path": "canarychild7c1d",
    "fingerprint of the child-safety path": _digest("child"),
}
#: Found nowhere, beside what every request tells (teller.py).
NEVER = {
    "file name": "canaryfile7c1d",
    "name of a field": "canaryfield7c1d",
    "query": "canaryquery7c1d",
    "path": "canarypath7c1d",
    "words that open nothing": "canaryreceipt7c1d",
    "user of an address": "canaryuser7c1d",
    "password of an address": "canarypassword7c1d",
    "refused address": "canaryrefused7c1d",
    "refused site": "canaryrefusedsite7c1d",
    "refused fingerprint": "canaryrefuseddigest7c1d",
    "forged draft": "canarydraft7c1d",
    "field that nobody sees": "canarytopic7c1d",
    "answer to a sum": "canaryproof7c1d",
    "signed note of a form": "canaryflood7c1d",
    "form that is too large": "canarylarge7c1d",
    "picture on the child-safety path": "canarychildfile7c1d",
    "picture on the page that looks": "canarylookfile7c1d",
    "file that is no picture": "canaryhtml7c1d",
    "looked for: address": "canarylook7c1d",
    "looked for: fingerprint": _digest("look"),
    "looked for: picture": _digest("look picture"),
    "more in a fingerprint of a device": "canarymore7c1d",
    "format in a fingerprint of a device": "canaryformat7c1d",
    "form from another site": "canaryelsewhere7c1d",
    "message to the desk": "canarymessage7c1d",
    "message of the desk": "canaryanswer7c1d",
    "text of an appeal": "canaryappeal7c1d",
    "message that is too long": "canarylong7c1d",
}

FORM, FILES = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
#: What goes wrong, or is no more than looked at: status, address, kind of body ("" for a GET), what is told.
ERRORS: list[tuple[int, str, str, dict[str, str]]] = [
    (200, f"/?{NEVER['query']}=1", "", {}),
    (200, f"/en/ask/?{NEVER['query']}=1", "", {}),
    (404, f"/nowhere/{NEVER['path']}", "", {}),
    (404, f"/blocklist/{NEVER['path']}", "", {}),
    (405, f"/en/status/withdraw/?words={NEVER['query']}", "", {}),
    (200, "/en/status/", FORM, {"words": NEVER["words that open nothing"]}),
    (200, "/en/status/message/", FORM, {"words": "x", "text": NEVER["message to the desk"]}),
    (422, "/en/ask/send/", FORM, {"draft": NEVER["forged draft"], NEVER["name of a field"]: "1"}),
    (422, "/en/under-18/sent/", FORM, {"draft": NEVER["forged draft"]}),
    (400, "/en/status/", FORM, {f"{NEVER['name of a field']}{n}": "1" for n in range(5001)}),
    (415, "/en/under-18/sent/", FILES, {"pictures": NEVER["picture on the child-safety path"]}),
    (415, "/en/look/", FILES, {"pictures": NEVER["picture on the page that looks"]}),
    (422, "/en/look/", FORM, {"fingerprints": NEVER["refused fingerprint"], "device": "{}"}),
    (422, "/en/look/", FORM, {"addresses": f"https://{NEVER['user of an address']}:x@a.example/"}),
    (
        200,
        "/en/look/",
        FORM,
        {
            "addresses": f"https://{NEVER['looked for: address']}.example/b.jpg",
            "fingerprints": NEVER["looked for: fingerprint"],
            "topic": NEVER["field that nobody sees"],
            "proof": NEVER["answer to a sum"],
            "flood": NEVER["signed note of a form"],
        },
    ),
]
