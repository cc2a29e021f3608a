from collections.abc import Iterator

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker
from key_leaks import leaks

from app.embedded import EmbeddedStore
from jobs.broker import QUEUE, TICKET, make_broker, queued_tickets, send_tickets
from jobs.retention import BROKER_SECONDS, HOUR

CANARY = "canary-0b5e55ed"


@pytest.fixture
def broker(store: EmbeddedStore) -> Iterator[RedisBroker]:
    broker = make_broker(store.broker_url)
    yield broker
    broker.client.close()


def test_a_traceback_is_taken_out_of_a_message_before_it_is_stored(broker: RedisBroker) -> None:
    options = {"traceback": CANARY, "kept": "kept-option"}
    broker.enqueue(dramatiq.Message(queue_name=QUEUE, actor_name=TICKET, args=(), kwargs={}, options=options))
    stored = broker.client.hvals("{dramatiq}:slices.msgs")
    assert len(stored) == 1
    assert b"kept-option" in stored[0]
    assert CANARY.encode() not in stored[0]


def test_nothing_in_the_broker_stores_exceptions_or_opens_a_port(broker: RedisBroker) -> None:
    names = ["StripTraceback", "EndDates", "AgeLimit", "TimeLimit", "Retries"]
    assert [type(one).__name__ for one in broker.middleware] == names


def test_every_key_of_the_broker_has_an_end_date_as_soon_as_a_ticket_is_sent(broker: RedisBroker) -> None:
    send_tickets(broker, 3)
    assert queued_tickets(broker) == 3
    assert broker.client.dbsize() >= 3
    assert leaks(broker.client) == []


def test_tickets_and_dead_letters_are_kept_a_day_at_most(broker: RedisBroker) -> None:
    assert BROKER_SECONDS <= 24 * HOUR
    assert broker.dead_message_ttl <= 24 * HOUR * 1000


def test_an_answer_of_the_broker_is_waited_for(broker: RedisBroker) -> None:
    assert broker.client.connection_pool.connection_kwargs["socket_timeout"] == 60
