"""Reading releases: from an address and a root file to a verified local list.

sync            fetch and verify what is new; the only function that uses a network
verify          prove the local list again, offline
open_blocklist  read it
"""

from takedown.blocklist.root import is_throwaway
from takedown.subscribe.local import LocalBlocklist, open_blocklist
from takedown.subscribe.result import SyncResult
from takedown.subscribe.sync import sync
from takedown.subscribe.verify import verify

__all__ = ["LocalBlocklist", "SyncResult", "is_throwaway", "open_blocklist", "sync", "verify"]
