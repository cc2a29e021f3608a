from collections.abc import Iterator

import pytest
from desk import Desk
from engine import gmail_door, new_ledger, renewed
from key_leaks import leaks
from redis import Redis
from stand_in import Google

from app.embedded import EmbeddedStore, start
from emulator.servers.instance import Server
from migrator.gmail import Gmail
from migrator.ledger import Ledger
from migrator.mailbox import Mailbox, Password, Target, open_mailbox


@pytest.fixture(scope="session")
def engine_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    with start(tmp_path_factory.mktemp("engine"), persistent=False) as store:
        yield store


@pytest.fixture
def redis(engine_store: EmbeddedStore) -> Iterator[Redis]:
    """A store without any key; at the end of the test no key may be left that has no end."""
    with Redis.from_url(engine_store.url) as client:
        client.flushall()
        yield client
        assert leaks(client) == []


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    return new_ledger(redis)


@pytest.fixture(scope="session")
def google_process() -> Iterator[tuple[Google, dict[str, object]]]:
    with Google() as google:
        yield google, google.control("settings")


@pytest.fixture
def google(google_process: tuple[Google, dict[str, object]]) -> Google:
    """The stand-in as if just started, with one empty account."""
    return renewed(*google_process)


@pytest.fixture
def gmail(google: Google, redis: Redis) -> Iterator[Gmail]:
    """The door to the stand-in's account, without any waiting."""
    with gmail_door(google, redis) as door:
        yield door


@pytest.fixture
def new_mailbox(dovecot_server: Server) -> Iterator[Mailbox]:
    """An empty mailbox on Dovecot, entered."""
    user = dovecot_server.new_user()
    with open_mailbox(
        Target(dovecot_server.host, dovecot_server.port, "none"), Password(user.name, user.password)
    ) as new:
        yield new


@pytest.fixture
def desk(mailbox_server: Server, redis: Redis) -> Desk:
    """A migration into an empty mailbox: on Dovecot, then on Cyrus."""
    return Desk(mailbox_server, redis)
