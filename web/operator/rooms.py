"""The rooms behind the console's pages about imports, as values and functions."""

from collections.abc import Callable
from dataclasses import dataclass, field

from redis import Redis

from jobs.audit import Flaw, Shelf
from jobs.kept import Where
from jobs.overview import Stores, clients_of
from jobs.selecting import HostOf


@dataclass(frozen=True, slots=True)
class Rooms:
    """What those pages look into.

    Attributes:
        stores: a client for each store.
        hosts: the mail servers that mail may go to.
        host_of: the mail server of a domain's mailboxes; of the empty domain: the one that is configured.
        sentence: what a code means and what to do.
        failure: why one message was not copied, by its word.
        flaw: what is wrong with an entry of the audit log.
        shelf: the closed days of the audit log; None where the console cannot read them.
    """

    stores: Stores = field(repr=False)
    hosts: tuple[str, ...]
    host_of: HostOf
    sentence: Callable[[str], str]
    failure: Callable[[str], str]
    flaw: Callable[[Flaw], str]
    shelf: Shelf | None = None

    @property
    def state(self) -> Redis:
        """The state store."""
        return clients_of(self.stores, Where.STATE)[0]

    @property
    def broker(self) -> Redis:
        """The message broker."""
        return clients_of(self.stores, Where.BROKER)[0]
