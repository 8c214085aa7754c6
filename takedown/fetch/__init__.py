"""Getting one file from an address that a stranger gave, without being led anywhere else.

1. ``target``: the address is read by our own grammar; odd spellings of it are refused.
2. ``public``: every network address of its host must be public.
3. ``pinned``: the connection goes to exactly such an address, and says whom it reached.
4. ``download``: the answer is read within its limits; a redirect starts again at 1.

Nothing here is called for what a person sent unless a reviewer asks for it, and never for child-safety
grounds: that is the caller's rule. docs/fetching.md says what is refused and why.
"""

from takedown.fetch.download import Fetched, fetch
from takedown.fetch.pinned import Connect, Limits, Resolve
from takedown.fetch.public import is_public

__all__ = ["Connect", "Fetched", "Limits", "Resolve", "fetch", "is_public"]
