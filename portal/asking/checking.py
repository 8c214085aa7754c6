"""Whether a picture can be used, asked before it is accepted: decoded in the sandbox, and forgotten.

The web has sandboxes of its own with tighter limits than the worker's, and a time budget for each form, so
that slow pictures of one person do not keep others waiting.
"""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue

from django.utils.translation import gettext as _

from portal.said import sentence
from takedown.errors import BadImage, SandboxFailed
from takedown.sandbox import Limits, Sandbox

#: Pictures that one web process decodes at once.
SANDBOXES = 2
#: Seconds the pictures of one form may take together before the rest is put off.
FORM_SECONDS = 30.0

_LIMITS = Limits(cpu=5, wall=8)
_free: SimpleQueue[Sandbox] = SimpleQueue()
for _number in range(SANDBOXES):
    _free.put(Sandbox(_LIMITS))


def problems(pictures: list[bytes]) -> list[str | None]:
    """For each picture what is wrong with it, in one sentence, or None."""
    deadline = time.monotonic() + FORM_SECONDS
    return [_problem(data, deadline) for data in pictures]


def _problem(data: bytes, deadline: float) -> str | None:
    try:
        sandbox = _free.get(timeout=max(0.01, deadline - time.monotonic()))
    except Empty:
        return _("Many pictures are being checked at this moment. Please send it again in a few minutes.")
    try:
        sandbox.check(data)
    except BadImage as error:
        return sentence(error)
    except SandboxFailed:
        return _("We could not read this picture safely. Please save it as a JPEG or PNG file and try again.")
    finally:
        _free.put(sandbox)
    return None
