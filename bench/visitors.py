"""Many visitors at once, in a process of their own: reads an order on standard input, answers in JSON.

``send`` fills the form in (two pages that store nothing) and sends it; ``ask`` looks receipts up. Each thread
keeps one connection open. Only the 200 that shows a receipt, or the request behind one, counts as answered.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlencode

_DRAFT = re.compile(r'name="draft" value="([^"]+)"')
_WORDS = re.compile(r'name="words" value="([^"]+)"')

#: One request: takes the thread's connection and one task, gives what it found, None when it failed.
Visit = Callable[[HTTPConnection, str], str | None]


def main() -> None:
    order = json.load(sys.stdin)
    json.dump(_send(order) if order["what"] == "send" else _ask(order), sys.stdout)


def _send(order: dict[str, Any]) -> dict[str, Any]:
    addresses = [f"https://pictures.example/bench/{n}.jpg" for n in range(order["requests"])]
    started, failed = _all(order, addresses, _start)
    checked, failed_too = _all(order, started.pop("found"), _check)
    sent, failed_last = _all(order, checked.pop("found"), _finish)
    pages = {
        "latencies": started["latencies"] + checked["latencies"],
        "seconds": started["seconds"] + checked["seconds"],
    }
    failures = failed + failed_too + failed_last
    return {"words": sent.pop("found"), "pages": pages, "sent": sent, "failed": failures}


def _ask(order: dict[str, Any]) -> dict[str, Any]:
    health, failed = _all(order, order["words"], _health)
    found, failed_too = _all(order, order["words"], _look_up)
    return {"health": health, "found": found, "failed": failed + failed_too}


def _start(connection: HTTPConnection, address: str) -> str | None:
    """Page 1 answered: the draft, with the address to be filled in."""
    page = _post(connection, "/en/ask/what/", {"ground": "private"})
    draft = _DRAFT.search(page)
    return urlencode({"draft": draft[1], "addresses": address}) if draft else None


def _check(connection: HTTPConnection, form: str) -> str | None:
    draft = _DRAFT.search(_post(connection, "/en/ask/check/", form))
    return urlencode({"draft": draft[1]}) if draft else None


def _finish(connection: HTTPConnection, form: str) -> str | None:
    words = _WORDS.search(_post(connection, "/en/ask/send/", form))
    return words[1] if words else None


def _look_up(connection: HTTPConnection, words: str) -> str | None:
    page = _post(connection, "/en/status/", {"words": words})
    return words if "pictures.example/bench/" in page else None


def _health(connection: HTTPConnection, _: str) -> str | None:
    connection.request("GET", "/healthz")
    return connection.getresponse().read().decode().strip() or None


def _post(connection: HTTPConnection, path: str, form: str | dict[str, str]) -> str:
    """The page that answers, empty unless its status is 200."""
    body = form if isinstance(form, str) else urlencode(form)
    connection.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    page = answer.read().decode("utf-8", "replace")
    return page if answer.status == 200 else ""


def _all(order: dict[str, Any], tasks: Sequence[str], visit: Visit) -> tuple[dict[str, Any], int]:
    """Work through the tasks with all threads, until done or out of time.

    Returns:
        What was found, seconds of each answer and of the whole; and how many failed.
    """
    queue: SimpleQueue[str] = SimpleQueue()
    for task in tasks:
        queue.put(task)
    found: list[str] = []
    latencies: list[float] = []
    failures: list[str] = []
    started = time.perf_counter()

    def work() -> None:
        connection = HTTPConnection(order["address"], timeout=30)
        while time.perf_counter() - started < order["seconds"]:
            try:
                task = queue.get_nowait()
            except Empty:
                break
            began = time.perf_counter()
            answer = _tried(visit, connection, task)
            if answer is None:
                failures.append(task)
                continue
            latencies.append(time.perf_counter() - began)
            found.append(answer)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(order["threads"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    return {"found": found, "latencies": latencies, "seconds": seconds}, len(failures)


def _tried(visit: Visit, connection: HTTPConnection, task: str) -> str | None:
    try:
        return visit(connection, task)
    except (OSError, HTTPException):
        connection.close()  # the next request opens it again
        return None


if __name__ == "__main__":
    main()
