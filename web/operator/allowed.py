"""What a customer's permission adds to what operators are told of his import: these fields and no others."""

from datetime import datetime

from pydantic import Field

from jobs.migration import State
from web.operator.models import Code, Count, Told


class OutcomeTold(Told):
    """How many messages ended in one way, in words."""

    words: str
    messages: Count


class FailureTold(Told):
    """How many messages were not copied for one reason."""

    word: Code
    sentence: str
    messages: Count


class FolderNamed(Told):
    """A folder with its name, by permission."""

    name: str = Field(repr=False)
    messages: Count


class ChangeTold(Told):
    """One change of state."""

    at: datetime
    state: State
    code: Code
    sentence: str


class Allowed(Told):
    """What the customer's permission shows, once: null is what he does not allow. Each stands in the audit log."""

    at: datetime
    outcomes: tuple[OutcomeTold, ...] | None = None
    folders: tuple[FolderNamed, ...] | None = None
    failures: tuple[FailureTold, ...] | None = None
    history: tuple[ChangeTold, ...] | None = None
