"""Writing releases: TUF metadata, signing by files, and the one commit.

ceremony     make keys and an empty repository             once, offline, on one machine
make_key, propose_first, propose_change, review_change, sign_change, finish
             the same, and each later change of keys       by files, each holder on a machine of their own
reminders    what expires when, and what is due            the portal, and whoever holds keys
measure      what a list of short prefixes covers          the portal
stage        live keys -> a folder with data, unsigned     the portal
review       what a signature would stand for, recomputed  the release manager
sign         review, then sign exactly what was shown      the release manager's machine
join         signatures of several copies, together        anyone
signatures   how many a staged release has by now          the portal
publish      copy, sign online, rename timestamp.json      the portal, needs only the online keys
refresh      renew the online signatures                   the portal, daily
mirror       upload the folder to where it is served from  the portal, after publish and refresh
head         number of the newest release
"""

from takedown.blocklist.root import is_throwaway
from takedown.publish.ceremony import ceremony
from takedown.publish.commit import head, is_published, publish, refresh, states
from takedown.publish.cover import Cover, measure
from takedown.publish.mirror import Mirrored, mirror
from takedown.publish.public_keys import make_key
from takedown.publish.reminders import Reminder, key_status, reminders
from takedown.publish.review import EditionChange, Review, review
from takedown.publish.root_change_finish import finish
from takedown.publish.root_change_propose import propose_change, propose_first
from takedown.publish.root_change_sign import ChangeReview, check_change_key, review_change, sign_change
from takedown.publish.sign import check_key, join, sign
from takedown.publish.signatures import Signatures, signatures
from takedown.publish.stage import EditionDraft, Staged, stage
from takedown.publish.terms import TermChange, Terms

__all__ = [
    "ChangeReview",
    "Cover",
    "EditionChange",
    "EditionDraft",
    "Mirrored",
    "Reminder",
    "Review",
    "Signatures",
    "Staged",
    "TermChange",
    "Terms",
    "ceremony",
    "check_change_key",
    "check_key",
    "finish",
    "head",
    "is_published",
    "is_throwaway",
    "join",
    "key_status",
    "make_key",
    "measure",
    "mirror",
    "propose_change",
    "propose_first",
    "publish",
    "refresh",
    "reminders",
    "review",
    "review_change",
    "sign",
    "sign_change",
    "signatures",
    "stage",
    "states",
]
