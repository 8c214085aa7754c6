"""Work for several processes, one a core: hands out tasks and passes on what is said about them.

A process is ``python -m MODULE``, and MODULE calls ``serve``. On its standard input comes one task after the
other, a line of JSON each. On its standard output goes out, a line each,

1. ``{"steps": n}`` as the work goes on, a few times a second at most;
2. ``{"done": ...}`` or ``{"error": [kind, slug, sentence]}`` when the task is over.

It ends at once when its input closes: so nothing outlives whoever asked, however that ended.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from takedown import errors
from takedown.errors import TakedownError, from_system

Task = dict[str, Any]
Result = dict[str, Any]
#: Told how many steps more are done.
Tell = Callable[[int], None]
#: Does one task, and is given what to call with steps.
Work = Callable[[Task, Tell], Result]
#: Number of a task and what it gave, one after the other; closing it ends the work.
Results = Generator[tuple[int, Result | TakedownError], None, None]

#: Seconds between two messages about steps.
_SECONDS_BETWEEN = 0.2


def default_workers() -> int:
    """One process a core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    module: str,
    tasks: Sequence[Task],
    workers: int,
    tell: Tell,
    *,
    keep: Sequence[int] = (),
    here: Work | None = None,
) -> Results:
    """Have tasks done by other processes.

    Args:
        module: what they run.
        tasks: begun in this order.
        workers: most processes.
        tell: called with steps, from several threads.
        keep: descriptors that stay open in the processes, such as that of a lock.
        here: what they do, where this process is to be one of the workers: that saves what a process takes
            before it begins. Only for work that may be cut short anywhere, since a thread of ours cannot be
            ended otherwise than with the process.

    Yields:
        (number of the task, what it gave), as they come to their end. A process that dies costs its task.
        Closing the generator ends all processes.
    """
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in range(len(tasks)):
        waiting.put(number)
    over: SimpleQueue[tuple[int, Result | TakedownError]] = SimpleQueue()
    count = max(1, min(workers, len(tasks)))
    hands = [_Hand(module, keep) for _ in range(count if here is None else count - 1)]
    own = _Own(here) if here is not None else None
    with ThreadPoolExecutor(max(1, len(hands))) as pool:
        try:
            for hand in hands:
                pool.submit(_hand_out, hand, tasks, waiting, over, tell)
            if own is not None:
                threading.Thread(
                    target=_hand_out, args=(own, tasks, waiting, over, tell), daemon=True
                ).start()
            for _ in tasks:
                yield over.get()
        finally:
            _drain(waiting)
            for hand in (*hands, *([own] if own else ())):
                hand.end()


def serve(work: Work) -> None:
    """What MODULE calls: do tasks until standard input closes.

    Args:
        work: does one task, and is given what to call with steps.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what libraries print must not become an answer
    questions: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=(questions,), daemon=True).start()

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    while True:
        task = json.loads(questions.get())
        steps = _Steps(say)
        result = _safe(work, task, steps.add)
        if isinstance(result, TakedownError):
            say({"error": [type(result).__name__, result.slug, result.sentence]})
        else:
            steps.flush()
            say({"done": result})


class _Ended(BaseException):
    """Goes through everything that a task may catch."""


class _Own:
    """A thread of this process that works as the others do."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._ended = False

    def do(self, task: Task, tell: Tell) -> Result | TakedownError:
        def told(steps: int) -> None:
            if self._ended:
                raise _Ended
            tell(steps)

        return _safe(self._work, task, told)

    def end(self) -> None:
        """Go no further than the next step."""
        self._ended = True


class _Hand:
    """One process, started when it gets its first task, and again after it died."""

    def __init__(self, module: str, keep: Sequence[int]) -> None:
        self._module, self._keep = module, tuple(keep)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._ended = False

    def do(self, task: Task, tell: Tell) -> Result | TakedownError:
        process = self._running()
        try:
            return _ask(process, task, tell)
        except (OSError, EOFError, ValueError):
            self._stop()
            return TakedownError(
                "A process that did part of the work ended by itself, perhaps for want of memory; run the "
                "same command again, with a smaller --workers: what is done is kept.",
                slug="worker-died",
            )

    def end(self) -> None:
        """End the process, and start no other."""
        self._ended = True
        self._stop()

    def _running(self) -> subprocess.Popen[str]:
        with self._lock:
            if self._ended:
                raise InterruptedError
            if self._process is None:
                self._process = _start(self._module, self._keep)
            return self._process

    def _stop(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


def _safe(work: Work, task: Task, tell: Tell) -> Result | TakedownError:
    """What a task gave; its failure is over with it, and is not that of the others."""
    try:
        return work(task, tell)
    except TakedownError as error:
        return error
    except Exception as error:  # noqa: BLE001 - the edge: anything else becomes one sentence
        return from_system(error) or TakedownError(_unexpected(error))


def _hand_out(
    hand: _Hand | _Own,
    tasks: Sequence[Task],
    waiting: SimpleQueue[int],
    over: SimpleQueue[tuple[int, Result | TakedownError]],
    tell: Tell,
) -> None:
    """Give one worker tasks until there are none left. Runs in a thread."""
    while True:
        try:
            number = waiting.get_nowait()
            over.put((number, hand.do(tasks[number], tell)))
        except (Empty, InterruptedError, _Ended):
            return


def _ask(process: subprocess.Popen[str], task: Task, tell: Tell) -> Result | TakedownError:
    assert process.stdin is not None  # noqa: S101 - both are pipes: for the type checker
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(json.dumps(task) + "\n")
    process.stdin.flush()
    while line := process.stdout.readline():
        match json.loads(line):
            case {"steps": int(steps)}:
                tell(steps)
            case {"error": [str(kind), str(slug), str(sentence)]}:
                made: TakedownError = getattr(errors, kind, TakedownError)(sentence, slug=slug)
                return made
            case {"done": dict(result)}:
                return result
    raise EOFError


def _start(module: str, keep: tuple[int, ...]) -> subprocess.Popen[str]:
    package = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        # -P keeps the working directory off the path.
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": path},
        pass_fds=keep,
        start_new_session=True,  # Ctrl-C is for the parent, which then closes the pipes
    )


def _drain(waiting: SimpleQueue[int]) -> None:
    while not waiting.empty():
        try:
            waiting.get_nowait()
        except Empty:
            return


def _listen(questions: SimpleQueue[str]) -> None:
    for line in sys.stdin:
        questions.put(line)
    os._exit(0)


class _Steps:
    """Adds up steps, and tells of them now and then."""

    def __init__(self, say: Callable[[dict[str, Any]], None]) -> None:
        self._say = say
        self._count, self._told = 0, time.monotonic()

    def add(self, steps: int) -> None:
        self._count += steps
        if time.monotonic() - self._told > _SECONDS_BETWEEN:
            self.flush()

    def flush(self) -> None:
        self._say({"steps": self._count})
        self._count, self._told = 0, time.monotonic()


def _unexpected(error: Exception) -> str:
    return f"Something unexpected happened ({type(error).__name__}); please report it."
