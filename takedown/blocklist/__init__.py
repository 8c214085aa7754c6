"""Published lists: entries, states, deltas and the manifest that names them (format of a release).

The public names are gathered here; each file holds one idea.
"""

from takedown.blocklist.delta import Delta, apply, diff, read_delta, write_delta
from takedown.blocklist.entry import truncate, validate
from takedown.blocklist.files import read_state, write_state
from takedown.blocklist.manifest import DeltaFile, FullState, Log, Manifest, StateFile
from takedown.blocklist.rebuild import rebuild
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
    "rebuild",
    "truncate",
    "validate",
    "write_delta",
    "write_state",
]
