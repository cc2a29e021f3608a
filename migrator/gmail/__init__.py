"""The door to Gmail: reads ids, labels and messages, and can do nothing else.

The one place that imports googleapiclient, google-auth's transports and httplib2.
"""

from migrator.gmail.answers import HistoryTooOld, TooManyAtOnce
from migrator.gmail.paging import Turns
from migrator.gmail.reader import MOST_PAGES, Gmail
from migrator.gmail.values import Account, Changes, Listing, Page

__all__ = ["MOST_PAGES", "Account", "Changes", "Gmail", "HistoryTooOld", "Listing", "Page", "TooManyAtOnce", "Turns"]
