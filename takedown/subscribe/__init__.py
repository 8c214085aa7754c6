"""Reading releases: from an address and a root file to a verified local list.

sync            fetch and verify what is new
verify          prove the local list again, offline
compare         hold what another place serves against the local list
open_blocklist  read it
"""

from takedown.blocklist.root import is_throwaway
from takedown.subscribe.compare import Comparison, compare
from takedown.subscribe.local import LocalBlocklist, open_blocklist
from takedown.subscribe.result import SyncResult
from takedown.subscribe.sync import sync
from takedown.subscribe.verify import verify

__all__ = [
    "Comparison",
    "LocalBlocklist",
    "SyncResult",
    "compare",
    "is_throwaway",
    "open_blocklist",
    "sync",
    "verify",
]
