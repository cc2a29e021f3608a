"""The door to Gmail: reads ids, labels and messages, and can do nothing else.

The one place that imports googleapiclient, google-auth's transports and httplib2.
"""

from migrator.gmail.answers import HistoryTooOld, RequestRefused, TooManyAtOnce
from migrator.gmail.reader import Account, Gmail, Listing, Page

__all__ = ["Account", "Gmail", "HistoryTooOld", "Listing", "Page", "RequestRefused", "TooManyAtOnce"]
