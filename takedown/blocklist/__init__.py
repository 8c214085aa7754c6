"""Published lists: entries, states, deltas and the manifest that names them (format of a release).

The public names are gathered here; each file holds one idea. A name is brought in when it is asked for: who
only looks entries up (table.py) needs nothing that reads Parquet.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from takedown.blocklist.delta import Delta, apply, diff, read_delta, write_delta
    from takedown.blocklist.entry import truncate, validate
    from takedown.blocklist.files import read_state, write_state
    from takedown.blocklist.manifest import DeltaFile, FullState, Log, Manifest, StateFile
    from takedown.blocklist.state import State

__all__ = [
    "Delta",
    "DeltaFile",
    "FullState",
    "Log",
    "Manifest",
    "State",
    "StateFile",
    "apply",
    "diff",
    "read_delta",
    "read_state",
    "truncate",
    "validate",
    "write_delta",
    "write_state",
]

_HOMES = {
    "delta": ("Delta", "apply", "diff", "read_delta", "write_delta"),
    "entry": ("truncate", "validate"),
    "files": ("read_state", "write_state"),
    "manifest": ("DeltaFile", "FullState", "Log", "Manifest", "StateFile"),
    "state": ("State",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
