"""Takes rights away from this very process, for good: what the sandbox's child does before it sees a picture.

1. keep one file descriptor, close the others;
2. resource limits: memory, processor seconds, no file growth, few descriptors, no core dump;
3. (Linux) no new privileges, not traceable, dies with its parent;
4. (Linux, x86_64 and aarch64) a seccomp filter that allows little more than computing: nothing that opens a
   file, a socket or a process, and no new executable memory. Threads are allowed, since the HEIC decoder
   starts one. Other calls fail with EPERM.

Limits that the system must have are enforced or an error is raised. Layers that depend on the kernel
(seccomp, name spaces) are used where it has them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
import sys
from dataclasses import dataclass

_KEPT = 3
_LINUX = sys.platform == "linux"

# linux/prctl.h, linux/sched.h
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000

# linux/filter.h, linux/seccomp.h: classic BPF over (number, architecture, instruction pointer, arguments).
_LOAD_WORD, _JUMP_IF_EQUAL, _JUMP_IF_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _THIRD_ARGUMENT = 0, 4, 16, 32
_ALLOW, _KILL_PROCESS, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_PROT_EXEC, _CLONE_THREAD = 0x4, 0x10000

# Calls a decoder needs once everything is imported: their numbers on x86_64 and on aarch64.
_ALLOWED = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "lseek": (8, 62),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "exit": (60, 93),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "restart_syscall": (219, 128),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "getrandom": (318, 278),
}
# Allowed unless the memory would become executable.
_MEMORY = {"mmap": (9, 222), "mprotect": (10, 226)}
# Allowed for threads of this process. The newer call hides its flags behind a pointer, where no filter can
# look: the C library is told that it does not exist, and takes the older one.
_THREAD = {"clone": (56, 220)}
_HIDDEN = {"clone3": (435, 435)}
_COLUMN = {"x86_64": 0, "aarch64": 1}
_AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


@dataclass(frozen=True)
class Limits:
    """What one picture may use.

    Attributes:
        memory: bytes of address space; the decoders and the compiled loops themselves occupy 400 MB.
        cpu: seconds of processor time.
        wall: seconds by the clock.
        files: open file descriptors.
    """

    memory: int = 1280 << 20
    cpu: int = 10
    wall: float = 30.0
    files: int = 8


def confine(limits: Limits, keep: int) -> int:
    """Give up every right that reading a picture does not need. It cannot be undone.

    Args:
        limits: all but ``wall``, which the parent enforces.
        keep: the only descriptor that stays open; 0, 1 and 2 then lead nowhere.

    Returns:
        The number that the kept descriptor has now.

    Raises:
        OSError, ValueError: a limit that the system must have could not be set.
    """
    _close_others(keep)
    _set_limits(limits)
    if _LINUX:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(_PR_SET_DUMPABLE, 0)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        _filter_system_calls()
    return _KEPT


def leave_network() -> bool:
    """Move this process into a network of its own that has no way out. Call it before any thread starts.

    Returns:
        Whether the kernel allowed it. Without, seccomp alone keeps the child from opening sockets.
    """
    if not _LINUX:
        return False
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    return any(unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def has_seccomp() -> bool:
    """Whether this machine is one whose system calls can be filtered."""
    return _LINUX and platform.machine() in _COLUMN and sys.maxsize > 2**32


def _close_others(keep: int) -> None:
    if keep != _KEPT:
        os.dup2(keep, _KEPT, inheritable=False)
    os.closerange(_KEPT + 1, 1024)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


def _set_limits(limits: Limits) -> None:
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_FSIZE", 0)
    if not _LINUX:  # there it would count threads too; the filter refuses processes
        _limit("RLIMIT_NPROC", 0)
    _limit("RLIMIT_NOFILE", limits.files)
    _limit("RLIMIT_CPU", limits.cpu)
    _limit("RLIMIT_AS", limits.memory)


def _limit(name: str, value: int) -> None:
    try:
        resource.setrlimit(getattr(resource, name), (value, value))
    except (AttributeError, ValueError, OSError):
        if _LINUX:  # other systems lack some of them: macOS does not enforce address space
            raise


def _prctl(option: int, first: int, second: int = 0) -> None:
    """Raise OSError when the kernel refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = [ctypes.c_ulong(value) for value in (first, second, 0, 0)]
    if libc.prctl(option, *arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class _Program(ctypes.Structure):
    """struct sock_fprog: how many instructions, and where they are."""

    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def _filter_system_calls() -> None:
    if not has_seccomp():
        return
    code = _compile(platform.machine())
    program = _Program(len(code) // 8, code)
    try:
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))
    except OSError:
        return  # a kernel without seccomp: the resource limits hold all the same


def _compile(machine: str) -> bytes:
    """The filter as BPF instructions of 8 bytes: code, jump if true, jump if false, operand.

    A jump counts the instructions it skips.
    """
    refuse = (_RETURN, 0, 0, _FAIL | errno.EPERM)
    allow = (_RETURN, 0, 0, _ALLOW)
    program = [
        (_LOAD_WORD, 0, 0, _ARCHITECTURE),
        (_JUMP_IF_EQUAL, 1, 0, _AUDIT_ARCHITECTURE[machine]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD_WORD, 0, 0, _NUMBER),
    ]
    for number in _numbers(_ALLOWED, machine):
        program += [(_JUMP_IF_EQUAL, 0, 1, number), allow]
    for number in _numbers(_HIDDEN, machine):
        program += [(_JUMP_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _FAIL | errno.ENOSYS)]
    for number in _numbers(_MEMORY, machine):
        look = [(_LOAD_WORD, 0, 0, _THIRD_ARGUMENT), (_JUMP_IF_BITS, 0, 1, _PROT_EXEC), refuse, allow]
        program += [(_JUMP_IF_EQUAL, 0, len(look), number), *look]
    for number in _numbers(_THREAD, machine):
        look = [(_LOAD_WORD, 0, 0, _FIRST_ARGUMENT), (_JUMP_IF_BITS, 1, 0, _CLONE_THREAD), refuse, allow]
        program += [(_JUMP_IF_EQUAL, 0, len(look), number), *look]
    program.append(refuse)
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _numbers(calls: dict[str, tuple[int, int]], machine: str) -> list[int]:
    return [numbers[_COLUMN[machine]] for numbers in calls.values()]
