"""What a confined child cannot do, tried from the inside."""

from __future__ import annotations

import json
import signal

import pytest
from factories.interpreter import run

from takedown.confine import has_seccomp

PROBES = """
import ctypes, json, mmap, os, socket, sys, threading
from takedown.confine import Limits, confine
libc = ctypes.CDLL(None, use_errno=True)
VM_READ = 310 if os.uname().machine == "x86_64" else 270
def syscall(*numbers):
    ctypes.set_errno(0)
    if libc.syscall(*numbers) < 0: raise OSError(ctypes.get_errno(), "refused")
def thread():
    worker = threading.Thread(target=lambda: None); worker.start(); worker.join()
probes = {
    "read a file": lambda: open("/etc/hostname"),
    "write a file": lambda: open("/tmp/takedown-probe", "w"),
    "look at a file": lambda: os.stat("/etc/hostname"),
    "list a folder": lambda: os.listdir("/"),
    "change folder": lambda: os.chdir("/"),
    "open a socket": lambda: socket.socket(),
    "open a local socket": lambda: socket.socket(socket.AF_UNIX),
    "make a pair of sockets": socket.socketpair,
    "fork": os.fork,
    "start a program": lambda: os.execv("/bin/true", ["true"]),
    "signal another process": lambda: os.kill(1, 0),
    "executable memory": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "make a pipe": os.pipe,
    "change its limits": lambda: __import__("resource").setrlimit(7, (8, 8)),
    "memory of others": lambda: syscall(VM_READ, os.getppid(), 0, 0, 0, 0, 0),
    "x32 calls": lambda: syscall(0x40000002, b"/etc/hostname", 0),
    "2 GB of memory": lambda: bytearray(2 << 30),
    "a thread": thread,
    "500 MB of memory": lambda: bytearray(500 << 20),
}
import resource
read_end, write_end = os.pipe()
if os.fork() == 0:
    kept = confine(Limits(), write_end)
    outcome = {}
    for name, probe in probes.items():
        try:
            probe()
            outcome[name] = "done"
        except BaseException as error:
            outcome[name] = f"{type(error).__name__} {getattr(error, 'errno', '')}"
    os.write(kept, json.dumps(outcome).encode())
    os._exit(0)
os.close(write_end)
print(os.read(read_end, 65536).decode())
"""


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str]:
    if not has_seccomp():
        pytest.skip("no seccomp filter for this machine")
    found: dict[str, str] = json.loads(run(PROBES))
    return found


def test_it_can_compute_and_nothing_else(outcomes: dict[str, str]) -> None:
    allowed = {"a thread", "500 MB of memory"}
    assert {name for name, outcome in outcomes.items() if outcome == "done"} == allowed
    assert outcomes["2 GB of memory"].startswith("MemoryError")
    assert outcomes["change its limits"].startswith("ValueError")  # Python's word for EPERM here
    others = outcomes.keys() - allowed - {"2 GB of memory", "change its limits"}
    assert {outcomes[name] for name in others} == {"PermissionError 1"}


ABORTED = {signal.SIGABRT, signal.SIGSEGV, signal.SIGILL}  # it may not even signal itself


@pytest.mark.parametrize(
    ("action", "endings"),
    [("while True: pass", {signal.SIGXCPU, signal.SIGKILL}), ("os.abort()", ABORTED)],
    ids=["processor time", "abort"],
)
def test_a_child_ends_where_its_limits_say(action: str, endings: set[int]) -> None:
    code = f"""
import os
from takedown.confine import Limits, confine
read_end, write_end = os.pipe()
child = os.fork()
if child == 0:
    confine(Limits(cpu=1), write_end)
    {action}
os.close(write_end)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert -int(run(code)) in endings
