"""Writing releases: TUF metadata, signing by files, and the one commit.

ceremony     make keys and an empty repository             once, offline
measure      what a list of short prefixes covers          the portal
stage        live keys -> a folder with data, unsigned     the portal
review       what a signature would stand for, recomputed  the release manager
sign         review, then sign exactly what was shown      the release manager's machine
signatures   how many a staged release has by now          the portal
publish      copy, sign online, rename timestamp.json      the portal, needs only the online keys
refresh      renew the online signatures                   the portal, daily
head         number of the newest release
"""

from takedown.blocklist.root import is_throwaway
from takedown.publish.ceremony import ceremony
from takedown.publish.commit import head, is_published, publish, refresh, states
from takedown.publish.cover import Cover, measure
from takedown.publish.review import EditionChange, Review, review
from takedown.publish.sign import sign
from takedown.publish.signatures import Signatures, signatures
from takedown.publish.stage import EditionDraft, Staged, stage
from takedown.publish.terms import TermChange, Terms

__all__ = [
    "Cover",
    "EditionChange",
    "EditionDraft",
    "Review",
    "Signatures",
    "Staged",
    "TermChange",
    "Terms",
    "ceremony",
    "head",
    "is_published",
    "is_throwaway",
    "measure",
    "publish",
    "refresh",
    "review",
    "sign",
    "signatures",
    "stage",
    "states",
]
