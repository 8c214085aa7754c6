"""Writing releases: TUF metadata, signing by files, and the one commit.

ceremony     make keys and an empty repository             once, offline
stage        live keys -> a folder with data, unsigned     the portal
review       what would change, recomputed                 the release manager
sign         review, then add one signature                the release manager's machine
signatures   how many a staged release has by now          the portal
publish      copy, sign online, rename timestamp.json      the portal, needs only the online keys
refresh      renew the online signatures                   the portal, daily
head         number of the newest release
"""

from takedown.blocklist.root import is_throwaway
from takedown.publish.ceremony import ceremony
from takedown.publish.commit import head, is_published, publish, refresh
from takedown.publish.review import EditionChange, review, sign
from takedown.publish.signatures import Signatures, signatures
from takedown.publish.stage import EditionDraft, Staged, stage

__all__ = [
    "EditionChange",
    "EditionDraft",
    "Signatures",
    "Staged",
    "ceremony",
    "head",
    "is_published",
    "is_throwaway",
    "publish",
    "refresh",
    "review",
    "sign",
    "signatures",
    "stage",
]
