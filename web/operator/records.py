"""What operators are told of the audit log, and of what is held: these fields and no others."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from jobs.audit import Act
from web.operator.models import Count, Time, Told


class EntryTold(Told):
    """One entry of the audit log."""

    number: Count
    at: datetime
    actor: Annotated[str, Field(pattern=r"^(customer|worker|terminal|panel|staff:[0-9a-f]{32})$")]
    act: Act
    migration: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")]
    code: Annotated[str, Field(pattern=r"^[a-z0-9:.-]{0,120}$")]


class VerdictTold(Told):
    """Whether the audit log is what was written, as found at a time; each flaw by the number of its entry."""

    at: datetime
    holds: bool
    first: Count
    last: Count
    flaws: tuple[str, ...]
    count: Count


class Search(Told):
    """What is looked for in the audit log; empty matches all. `day` is a date, in UTC."""

    migration: str = ""
    act: str = ""
    actor: str = ""
    day: str = ""
    problem: str = ""


class AuditPage(Told):
    """Entries that were looked for, the newest first. `before` is where the next page begins; 0 at the end."""

    search: Search
    entries: tuple[EntryTold, ...]
    before: Count
    verdict: VerdictTold | None
    broken: bool = Field(description="An entry could not be read, so there may be more.")


class DataRow(Told):
    """What one row of the retention table stands for now; `megabytes` is the memory it takes, rounded up."""

    pattern: str
    where: str
    holds: str
    sight: str
    until: str
    keys: Count
    megabytes: Count


class DataPage(Told):
    """What is held, as found at a time; null while the first look is under way."""

    at: Time
    seconds: Annotated[float, Field(ge=0)]
    looking: bool
    rows: tuple[DataRow, ...]
    outside: Count
    endless: Count
