"""The sandbox: what it gives back, and that nothing a picture does harms the next one."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories.interpreter import run
from factories.pictures import HEIC, encode, png, soft
from PIL import Image

from takedown import sandbox, sandbox_link
from takedown.confine import Limits, has_seccomp
from takedown.errors import BadImage, SandboxFailed
from takedown.fingerprint import Fingerprint, fingerprint
from takedown.sandbox import Sandbox

ROOT = str(Path(__file__).parents[2])
SMALL = encode(Image.fromarray(soft(80, 60)), "PNG")
#: Takes a second to read: long enough to be caught at work.
LARGE = encode(Image.new("RGB", (7000, 7000), (1, 2, 3)), "PNG", compress_level=1)
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
needs_seccomp = pytest.mark.skipif(not has_seccomp(), reason="no seccomp filter for this machine")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    box = Sandbox()
    yield box
    box.close()


# --- What it gives back -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "AVIF", "HEIC"])
def test_every_format_is_read_as_outside(box: Sandbox, kind: str) -> None:
    data = HEIC if kind == "HEIC" else encode(Image.fromarray(soft(600, 400)), kind)
    assert box.fingerprint(data) == fingerprint(data)


def of_mode(mode: str) -> bytes:
    if mode == "I;16":
        return encode(Image.fromarray(np.arange(600 * 700, dtype=np.uint16).reshape(600, 700)), "PNG")
    image = Image.fromarray(soft(700, 600))
    return encode(image.convert(mode), "JPEG" if mode == "CMYK" else "PNG")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode_is_hashed_by_what_was_loaded_before(box: Sandbox, mode: str) -> None:
    """A confined process can compile nothing more."""
    data = of_mode(mode)
    assert box.fingerprint(data) == fingerprint(data)


@linux
def test_who_only_checks_loads_no_compiler() -> None:
    checking = Sandbox()
    try:
        assert checking.check(SMALL) == (80, 60)
        assert "llvmlite" not in Path(f"/proc/{server_of(checking)}/maps").read_text()
        assert checking.fingerprint(SMALL) == fingerprint(SMALL)
        assert "llvmlite" in Path(f"/proc/{server_of(checking)}/maps").read_text()
    finally:
        checking.close()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        SMALL[:200],
        b"<html>",
        b"%PDF-1.4",
        png(60_000, 60_000, depth=1, body=bytes(17)),
        bytes(20_000_001),
    ],
    ids=["empty", "one byte", "truncated", "HTML", "PDF", "60000 x 60000", "too big"],
)
def test_a_bad_picture_is_refused_as_outside(box: Sandbox, data: bytes) -> None:
    with pytest.raises(BadImage) as outside:
        fingerprint(data)
    with pytest.raises(BadImage) as inside:
        box.fingerprint(data)
    assert (inside.value.slug, inside.value.sentence) == (outside.value.slug, outside.value.sentence)


def test_a_check_tells_the_size_and_refuses_like_the_rest(box: Sandbox) -> None:
    assert box.check(SMALL) == (80, 60)
    with pytest.raises(BadImage, match="not a picture"):
        box.check(b"<html></html>")
    assert box.fingerprint(SMALL) == fingerprint(SMALL)


@pytest.mark.parametrize("answer", [{}, {"size": [1]}, {"size": ["1", 2]}, {"size": "80x60"}, {"bad": 7}])
def test_an_odd_answer_to_a_check_is_not_believed(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    monkeypatch.setattr(box, "_ask", lambda _: [answer])
    with pytest.raises(SandboxFailed):
        box.check(SMALL)


def test_fifty_megapixels_fit_into_its_memory(box: Sandbox) -> None:
    assert box.fingerprint(LARGE).width == 7000


def test_the_module_has_one_that_can_be_closed_and_used_again() -> None:
    assert sandbox.fingerprint(SMALL) == fingerprint(SMALL)
    sandbox.close()
    sandbox.close()
    assert sandbox.fingerprint(SMALL) == fingerprint(SMALL)
    sandbox.close()


GOOD = {"fingerprint": fingerprint(SMALL).to_json()}
FORGED = json.dumps(json.loads(GOOD["fingerprint"]) | {"sha256": "0" * 64})
OTHER_PIPELINE = json.dumps(json.loads(GOOD["fingerprint"]) | {"pipeline": 99})


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"fingerprint": None},
        {"fingerprint": "{}"},
        {"fingerprint": FORGED},
        {"fingerprint": OTHER_PIPELINE},
        {"bad": None},
        {"bad": []},
        {"bad": ["image-empty"]},
        {"bad": ["other", "A sentence."]},
        {"bad": ["image-<b>", "A sentence."]},
        {"bad": ["image-empty", "long " * 100]},
        {"bad": ["image-empty", "two\nlines"]},
        {"bad": ["image-empty", 7]},
    ],
    ids=str,
)
def test_an_answer_that_a_hijacked_child_might_give_is_not_believed(answer: dict[str, Any]) -> None:
    assert sandbox._checked(GOOD, SMALL) == fingerprint(SMALL)
    with pytest.raises(SandboxFailed):
        sandbox._checked(answer, SMALL)


# --- Nothing a picture does harms the next one ------------------------------------------------------------


def server_of(box: Sandbox) -> int:
    assert box._server is not None
    return box._server._process.pid


@contextlib.contextmanager
def caught_at_work(box: Sandbox) -> Iterator[int]:
    """Read a large picture in a thread; yields the child's pid, stopped. The picture must then fail."""
    box.fingerprint(SMALL)
    children = Path(f"/proc/{server_of(box)}/task/{server_of(box)}/children")
    failures: list[BaseException] = []

    def read() -> None:
        try:
            box.fingerprint(LARGE)
        except SandboxFailed as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    while not (found := children.read_text().split()):
        time.sleep(0.001)
    child = int(found[0])
    while "Seccomp:\t0" in Path(f"/proc/{child}/status").read_text():
        time.sleep(0.001)
    os.kill(child, signal.SIGSTOP)
    yield child
    reader.join(20)
    assert not reader.is_alive()
    assert len(failures) == 1


@linux
@needs_seccomp
def test_a_child_at_work_is_confined(box: Sandbox) -> None:
    with caught_at_work(box) as child:
        status, limits = (Path(f"/proc/{child}/{name}").read_text() for name in ("status", "limits"))
        with contextlib.suppress(PermissionError):  # it is not dumpable: only root may look
            assert sorted(os.listdir(f"/proc/{child}/fd")) == ["0", "1", "2", "3"]
        os.kill(child, signal.SIGKILL)
    assert "Seccomp:\t2" in status
    assert "NoNewPrivs:\t1" in status
    values = {line[:25].strip(): line[25:].split()[:2] for line in limits.splitlines()}
    assert values["Max address space"] == [str(Limits().memory)] * 2
    assert values["Max cpu time"] == ["10", "10"]
    assert values["Max file size"] == values["Max core file size"] == ["0", "0"]
    assert values["Max open files"] == ["8", "8"]


@linux
@needs_seccomp
def test_a_killed_child_fails_its_own_picture_only(box: Sandbox) -> None:
    with caught_at_work(box) as child:
        server = server_of(box)
        os.kill(child, signal.SIGKILL)
    assert box.fingerprint(SMALL) == fingerprint(SMALL)
    assert server_of(box) == server


@linux
@needs_seccomp
def test_a_child_that_takes_too_long_is_killed() -> None:
    slow = Sandbox(Limits(wall=2.0))
    with caught_at_work(slow) as child:
        pass  # it stays stopped: nobody else will end it
    assert not Path(f"/proc/{child}").exists()
    assert slow.fingerprint(SMALL) == fingerprint(SMALL)
    slow.close()


def test_a_picture_that_needs_too_much_memory_fails_alone() -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux limits address space")
    small = Sandbox(Limits(memory=400 << 20))
    for _ in range(2):
        with pytest.raises(SandboxFailed) as caught:
            small.fingerprint(LARGE)
        assert caught.value.retryable
        assert small.fingerprint(SMALL) == fingerprint(SMALL)
    small.close()


@linux
@needs_seccomp
def test_a_server_killed_at_work_fails_that_picture_and_is_replaced(box: Sandbox) -> None:
    with caught_at_work(box) as child:
        server = server_of(box)
        os.kill(server, signal.SIGKILL)
    assert box.fingerprint(SMALL) == fingerprint(SMALL)
    assert server_of(box) != server
    assert gone(child), "the child dies with its server"


def test_a_server_that_died_unseen_is_replaced(box: Sandbox) -> None:
    box.fingerprint(SMALL)
    assert box._server is not None
    box._server._process.kill()
    box._server._process.wait()
    assert box.fingerprint(SMALL) == fingerprint(SMALL)


def test_an_interrupted_question_leaves_no_answer_for_the_next(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time limit of the caller strikes while it waits: what the child still says belongs to nobody."""
    box.check(SMALL)
    receive = sandbox_link.receive

    def interrupted(*args: Any) -> bytes:
        monkeypatch.setattr(sandbox_link, "receive", receive)
        raise KeyboardInterrupt

    monkeypatch.setattr(sandbox_link, "receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        box.check(b"<html></html>")
    assert box.check(SMALL) == (80, 60)
    assert box.fingerprint(SMALL).width == 80


def test_threads_share_one_server(box: Sandbox) -> None:
    pictures = [encode(Image.fromarray(soft(80, 60, seed=seed)), "PNG") for seed in range(12)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(box.fingerprint, pictures))
    assert found == [fingerprint(data) for data in pictures]


# --- Processes --------------------------------------------------------------------------------------------


def gone(pid: int) -> bool:
    """Whether a process has ended, within ten seconds."""
    for _ in range(1000):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


FORKED = f"""
import os, sys
from takedown import sandbox
data = bytes.fromhex("{SMALL.hex()}")
def server(): return sandbox._sandbox._server._process.pid
before = sandbox.fingerprint(data)
mine = server()
child = os.fork()
if child == 0:
    good = sandbox._sandbox._server is None and sandbox.fingerprint(data) == before and server() != mine
    sandbox.close()
    os._exit(0 if good else 1)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(code == 0 and sandbox.fingerprint(data) == before and server() == mine)
"""


def test_a_forked_process_starts_its_own_server() -> None:
    assert run(FORKED).strip() == "True"


@linux
def test_the_server_ends_with_its_process_even_when_a_fork_lives_on() -> None:
    code = f"""
import os, signal, time
from takedown import sandbox
sandbox.fingerprint(bytes.fromhex("{SMALL.hex()}"))
sleeper = os.fork()
if sleeper == 0:
    os.close(1); os.close(2)
    time.sleep(60)
    os._exit(0)
print(sandbox._sandbox._server._process.pid, sleeper, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    server, sleeper = map(int, run(code).split())
    try:
        assert gone(server)
    finally:
        os.kill(sleeper, signal.SIGKILL)


@linux
def test_the_server_knows_no_secret_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "s3cret")
    box = Sandbox()
    box.fingerprint(SMALL)
    process = Path(f"/proc/{server_of(box)}")
    assert b"SECRET_KEY" not in (process / "environ").read_bytes()
    assert b"OPENBLAS_NUM_THREADS=1" in (process / "environ").read_bytes()
    if os.geteuid() == 0:
        assert os.readlink(process / "ns" / "net") != os.readlink("/proc/self/ns/net")
    box.close()
    assert gone(int(process.name))


def _in_worker(results: Any) -> None:
    results.put(sandbox.fingerprint(SMALL).to_json())
    sandbox.close()


def test_it_works_in_daemonic_workers_several_at_once() -> None:
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    workers = [context.Process(target=_in_worker, args=(results,), daemon=True) for _ in range(3)]
    for worker in workers:
        worker.start()
    found = [Fingerprint.from_json(results.get(timeout=60)) for _ in workers]
    for worker in workers:
        worker.join(20)
    assert found == [fingerprint(SMALL)] * 3


@pytest.mark.parametrize(
    "sent",
    [b"", b"\0\0\0", (5).to_bytes(8, "big") + b"abc", (2**63).to_bytes(8, "big")],
    ids=["eof", "cut", "short", "huge"],
)
def test_the_server_ends_when_its_input_does_or_makes_no_sense(sent: bytes) -> None:
    server = sandbox_link.start(Limits())
    out, _ = server.communicate(sent, timeout=60)
    assert b"ready" in out
    assert b"fingerprint" not in out


def test_random_bytes_never_break_it(box: Sandbox) -> None:
    rng = np.random.default_rng(3)
    for start in (
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"GIF89a",
        b"RIFF\xff\0\0\0WEBPVP8 ",
        b"\0\0\0\x18ftypavif",
    ):
        with pytest.raises(BadImage):
            box.fingerprint(start + rng.bytes(3000))
