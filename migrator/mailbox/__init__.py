"""The door to the customer's new mailbox: the only place that speaks IMAP."""

from .answers import FULL_FOR, UNREACHABLE_FOR
from .door import Mailbox, open_mailbox
from .greeting import Greeting, greeting
from .target import Credentials, MasterUser, OAuthToken, Password, Target
from .values import Appended, Attributes, Item, Quota, Refused, Selected, Unsent
from .wire import Connect

__all__ = [
    "FULL_FOR",
    "UNREACHABLE_FOR",
    "Appended",
    "Attributes",
    "Connect",
    "Credentials",
    "Greeting",
    "Item",
    "Mailbox",
    "MasterUser",
    "OAuthToken",
    "Password",
    "Quota",
    "Refused",
    "Selected",
    "Target",
    "Unsent",
    "greeting",
    "open_mailbox",
]
