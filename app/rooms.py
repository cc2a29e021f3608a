"""What the operators' pages look into, in this installation."""

from functools import partial

from app.cli_audit import flaw_sentence
from app.config import Config
from app.hosts import config_at
from app.sentences import failure, sentence
from app.stores import Stores, connect
from jobs.audit import Shelf
from jobs.kept import Where
from migrator.errors import UnknownHost
from web.operator.rooms import Rooms


def rooms_of(config: Config, stores: Stores) -> Rooms:
    """Return the rooms behind the console's pages; the broker's client stays open as long as the process lives."""
    hosts = {config.mailbox.host, *(row.host for row in config.signin.hosts.values())}
    return Rooms(
        stores={Where.STATE: stores.state, Where.KEYS: stores.keystores, Where.BROKER: connect(stores.urls.broker)},
        hosts=tuple(sorted(hosts - {""})),
        host_of=partial(host_of, config),
        sentence=sentence,
        failure=failure,
        flaw=flaw_sentence,
        shelf=Shelf(config.audit_folder),
    )


def host_of(config: Config, domain: str) -> str:
    """Return the mail server of a domain; empty where the configuration does not know it (any more)."""
    try:
        return config_at(config, domain).mailbox.host
    except UnknownHost:
        return ""
