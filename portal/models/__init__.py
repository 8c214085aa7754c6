"""One noun a file. Foreign keys point upstream: submission, item, match, case, decision, entry, release."""

from portal.models.case import Case, CaseItem
from portal.models.control import SiteControl
from portal.models.decision import Decision, DecisionMatch
from portal.models.entry import Entry, Listing, Support, Told
from portal.models.event import Event
from portal.models.index import DatasetIndex
from portal.models.item import Item, SealedPicture
from portal.models.match import Match
from portal.models.message import Message
from portal.models.release import Mirror, Release, WaitingCount
from portal.models.report import ListFetches, MonthlyReport
from portal.models.submission import Submission
from portal.models.user import User

__all__ = [
    "Case",
    "CaseItem",
    "DatasetIndex",
    "Decision",
    "DecisionMatch",
    "Entry",
    "Event",
    "Item",
    "ListFetches",
    "Listing",
    "Match",
    "Message",
    "Mirror",
    "MonthlyReport",
    "Release",
    "SealedPicture",
    "SiteControl",
    "Submission",
    "Support",
    "Told",
    "User",
    "WaitingCount",
]
