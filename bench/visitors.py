"""Many visitors at once, in a process of their own: reads an order on standard input, answers in JSON.

``pages`` opens public pages one after the other, as fast as they come. ``send`` sends the last page of the
form and ``ask`` looks receipts up, both at a steady rate: each request has a moment at which it is due, and
its time counts from then on, so that a server that falls behind cannot hide it. Each thread keeps one
connection open. Only the page that shows a receipt, or the request behind one, counts as answered.
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

_WORDS = re.compile(r'name="words" value="([^"]+)"')

#: One request: takes the thread's connection and one task, gives what it found, None when it failed.
Visit = Callable[[HTTPConnection, str], str | None]


def main() -> None:
    order = json.load(sys.stdin)
    visit: Visit = {"pages": _page, "send": _send, "ask": _look_up}[order["what"]]
    json.dump(_all(order, visit), sys.stdout)


def _page(connection: HTTPConnection, path: str) -> str | None:
    connection.request("GET", path)
    answer = connection.getresponse()
    page = answer.read()
    return str(len(page)) if answer.status == 200 else None


def _send(connection: HTTPConnection, draft: str) -> str | None:
    words = _WORDS.search(_post(connection, "/en/ask/send/", {"draft": draft}))
    return words[1] if words else None


def _look_up(connection: HTTPConnection, words: str) -> str | None:
    return words if "pictures.example/bench/" in _post(connection, "/en/status/", {"words": words}) else None


def _post(connection: HTTPConnection, path: str, form: dict[str, str]) -> str:
    """The page that answers, empty unless its status is 200."""
    head = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", path, urlencode(form), head)
    answer = connection.getresponse()
    page = answer.read().decode("utf-8", "replace")
    return page if answer.status == 200 else ""


def _all(order: dict[str, Any], visit: Visit) -> dict[str, Any]:
    """Work through the tasks with all threads.

    ``rate`` is how many are due in a second; 0 for each as soon as a thread is free, for ``seconds``.

    Returns:
        What was found, seconds of each answer and of the whole, and how many failed.
    """
    queue = _queue(order["tasks"])
    rate = order["rate"]
    found: list[str] = []
    latencies: list[float] = []
    failures: list[str] = []
    started = time.perf_counter()

    def work() -> None:
        connection = HTTPConnection(order["address"], timeout=30)
        while rate or time.perf_counter() - started < order["seconds"]:
            try:
                number, task = queue.get_nowait()
            except Empty:
                break
            due = started + number / rate if rate else time.perf_counter()
            time.sleep(max(0.0, due - time.perf_counter()))
            answer = _tried(visit, connection, task)
            if answer is None:
                failures.append(task)
                continue
            latencies.append(time.perf_counter() - due)
            found.append(answer)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(order["threads"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    return {"found": found, "latencies": latencies, "seconds": seconds, "failed": len(failures)}


def _queue(tasks: Sequence[str]) -> SimpleQueue[tuple[int, str]]:
    queue: SimpleQueue[tuple[int, str]] = SimpleQueue()
    for numbered in enumerate(tasks):
        queue.put(numbered)
    return queue


def _tried(visit: Visit, connection: HTTPConnection, task: str) -> str | None:
    try:
        return visit(connection, task)
    except (OSError, HTTPException):
        connection.close()  # the next request opens it again
        return None


if __name__ == "__main__":
    main()
