"""SHA-256 of many short texts by OpenSSL's own functions, called from one compiled loop.

hashlib calls the same functions; what a call costs from Python is several times what they take.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from takedown.jit import invoke, kernel

#: More than the 112 bytes of OpenSSL's SHA256_CTX.
_CONTEXT_BYTES = 512


@kernel
def digests(functions: Any, data: Any, starts: Any, stops: Any, out: Any) -> None:
    """The first bytes of the digest of each text.

    Args:
        functions: int64 [3], addresses of SHA256_Init, SHA256_Update and SHA256_Final.
        data: uint8.
        starts, stops: int64 [N], where each text begins and ends in it.
        out: uint8 [N, W], written; W is at most 32.
    """
    context = np.zeros(_CONTEXT_BYTES, np.uint8)
    digest = np.empty(32, np.uint8)
    for text in range(len(starts)):
        start, stop = starts[text], stops[text]
        invoke(functions[0], (context,))
        invoke(functions[1], (context, data[start:], stop - start))
        invoke(functions[2], (digest, context))
        for byte in range(out.shape[1]):
            out[text, byte] = digest[byte]
