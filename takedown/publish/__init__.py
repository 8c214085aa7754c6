"""Writing releases: TUF metadata, signing by files, and the one commit.

ceremony  make keys and an empty repository              once, offline
stage     live keys -> a folder with data, unsigned      the portal
review    what would change, recomputed                  the release manager
sign      review, then add one signature                 the release manager's machine
publish   copy, sign online, rename timestamp.json       the portal, needs only the online keys
refresh   renew the online signatures                    the portal, daily
head      number of the newest release
"""

from takedown.publish.ceremony import ceremony, is_throwaway
from takedown.publish.commit import head, publish, refresh
from takedown.publish.review import EditionChange, review, sign
from takedown.publish.stage import EditionDraft, Staged, stage

__all__ = [
    "EditionChange",
    "EditionDraft",
    "Staged",
    "ceremony",
    "head",
    "is_throwaway",
    "publish",
    "refresh",
    "review",
    "sign",
    "stage",
]
