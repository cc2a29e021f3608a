"""What the console is given. It knows no configuration; its pages add here what they need of the rooms behind them."""

from dataclasses import dataclass, field

from redis import Redis
from starlette.requests import Request

from web.limits import EVERYBODY, Limit, client_by, seconds_to_wait
from web.operator.accounts import Roster
from web.operator.rooms import Rooms
from web.operator.sso import SingleSignOn
from web.pools import StaffPools


@dataclass(frozen=True, slots=True)
class Console:
    """What the console may do, and where its sessions lie.

    Attributes:
        roster: where the accounts of the staff are kept, and the state store they lie in.
        rooms: what the pages about imports look into.
        name: whose console it is, as the staff knows it.
        url: the address at which browsers reach it.
        client_header: the header in which a proxy names the client's address, in small letters; empty where clients
            connect directly.
        sso: who signs members in elsewhere; None where nobody does.
        pools: where passwords are hashed and the provider is asked.
    """

    roster: Roster
    rooms: Rooms
    name: str
    url: str
    client_header: str = ""
    sso: SingleSignOn | None = None
    pools: StaffPools = field(default_factory=StaffPools)

    @property
    def state(self) -> Redis:
        """The state store."""
        return self.roster.state

    def seconds_to_wait(self, limit: Limit, request: Request) -> int:
        """Count a try by the client of a request, and return how long it has to wait (0: not at all)."""
        client = client_by(self.client_header, request)
        return seconds_to_wait(self.state, limit, self.roster.vault.pseudonyms(client)[0])

    def seconds_for_everybody(self, limit: Limit, *, count: bool) -> int:
        """Count a try by anybody, or only look, and return how long all have to wait (0: not at all)."""
        name = self.roster.vault.pseudonyms(EVERYBODY)[0]
        return seconds_to_wait(self.state, limit, name, count=count)
