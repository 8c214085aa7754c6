"""prove.html: one page that does in a browser what `takedown prove` does, put together from its parts.

The parts lie in takedown/data: the page, its style, the scripts in the order below, and the receipts' words.
The finished page is a single file that asks nothing of any other place: its content security policy names the
two blocks it holds by their SHA-256 and allows requests to its own address only.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from importlib import resources

from takedown.blocklist.verdict import SENTENCES
from takedown.receipt import word_list

#: In this order they are one script.
SCRIPTS = ("hash", "log", "zstd", "parquet", "release", "receipt", "page")


@functools.cache
def page() -> bytes:
    """The whole of prove.html, the same bytes every time."""
    script = "\n" + "\n".join(['"use strict";', *(_part(f"prove-{name}.js") for name in SCRIPTS)])
    style = "\n" + _part("prove.css")
    parts = {
        "style-hash": _hash(style),
        "script-hash": _hash(script),
        "style": style,
        "words": "\n" + "\n".join(word_list()) + "\n",
        # Nothing in it may end the block that holds it.
        "sentences": json.dumps(SENTENCES, ensure_ascii=False).replace("<", "\\u003c"),
        "script": script,
    }
    text = _part("prove.html")
    for name, part in parts.items():
        text = text.replace(f"{{{{{name}}}}}", part, 1)
    return text.encode("utf-8")


def _part(name: str) -> str:
    return resources.files("takedown").joinpath("data", name).read_text("utf-8")


def _hash(block: str) -> str:
    """A block as content security policies name it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(block.encode('utf-8')).digest()).decode('ascii')}'"
