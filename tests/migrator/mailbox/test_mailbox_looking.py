import random
import time
import tracemalloc
from datetime import UTC, datetime

import pytest
from servers.entry import enter, item, letter
from servers.fixtures import StartServer

from emulator.servers.instance import Limits, Server
from migrator.errors import FolderRefused
from migrator.mailbox import Appended, Mailbox, Selected
from migrator.mailbox.uids import expand, runs, sets


def fill(mailbox: Mailbox, selected: Selected, count: int) -> list[bytes]:
    wires = [letter(n, b"x" * n + b"\r\n") for n in range(1, count + 1)]
    results = mailbox.append(selected, [item(wire, "\\Seen" if n % 2 else "$Even") for n, wire in enumerate(wires, 1)])
    assert results == [Appended(n) for n in range(1, count + 1)]
    return wires


def test_sizes_flags_dates_and_bodies_come_by_uid(mailbox: Mailbox, inbox: Selected) -> None:
    wires = fill(mailbox, inbox, 5)
    assert mailbox.sizes([2, 5, 77]) == {2: len(wires[1]), 5: len(wires[4])}
    assert mailbox.flags(range(1, 3)) == {1: {"\\Seen"}, 2: {"$Even"}}
    assert mailbox.dates([3]) == {3: datetime.fromtimestamp(1_700_000_000, UTC)}
    assert list(mailbox.bodies([4, 1, 99])) == [(1, wires[0]), (4, wires[3])]


def test_looking_at_nothing_asks_nothing(mailbox: Mailbox, inbox: Selected) -> None:
    assert inbox.exists == 0
    assert mailbox.sizes([]) == {}
    assert mailbox.sizes(range(5, 5)) == {}
    assert mailbox.flags([1]) == {}
    assert list(mailbox.bodies(range(1, 10))) == []
    assert mailbox.copy([], "INBOX") == {}


def test_asking_beyond_the_end_does_not_answer_with_the_last_message(mailbox: Mailbox, inbox: Selected) -> None:
    fill(mailbox, inbox, 3)
    assert mailbox.sizes(range(10, 2**32)) == {}
    assert set(mailbox.sizes(range(3, 2**32))) == {3}


def test_looking_at_bodies_marks_nothing_as_seen(mailbox: Mailbox, inbox: Selected) -> None:
    fill(mailbox, inbox, 2)
    assert len(list(mailbox.bodies([1, 2]))) == 2
    assert mailbox.flags([2]) == {2: {"$Even"}}


def test_looking_needs_a_selected_folder(mailbox: Mailbox) -> None:
    with pytest.raises(ValueError, match="select"):
        mailbox.sizes([1])
    with pytest.raises(ValueError, match="select"):
        next(mailbox.bodies([1]))


def test_ten_thousand_sizes_take_a_second(dovecot_server: Server) -> None:
    with enter(dovecot_server, dovecot_server.new_user()) as mailbox:
        selected = mailbox.select("INBOX")
        wires = fill(mailbox, selected, 500)
        for _ in range(19):
            mailbox.copy(range(1, 501), "INBOX")
        begin = time.process_time()
        found = mailbox.sizes(range(1, 2**32))
        assert time.process_time() - begin < 1
        assert found == {n + 1: len(wires[n % 500]) for n in range(10_000)}
        odd = range(1, 10_001, 2)
        assert list(mailbox.sizes(odd)) == list(odd)


def test_bodies_are_fetched_a_few_at_a_time(mailbox: Mailbox, inbox: Selected) -> None:
    wires = [letter(n, b"x" * 3_000_000) for n in range(8)]
    mailbox.append(inbox, [item(wire) for wire in wires])
    tracemalloc.start()
    for uid, body in mailbox.bodies(range(1, 9)):
        assert body == wires[uid - 1]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 14_000_000


@pytest.mark.parametrize("kind", ["dovecot", "cyrus"])
@pytest.mark.parametrize("without", [frozenset[str](), frozenset({"UIDPLUS"})])
def test_copies_are_found_in_the_other_folder(start_server: StartServer, kind: str, without: frozenset[str]) -> None:
    server = start_server(kind, Limits(without=without))
    with enter(server, server.new_user()) as mailbox:
        other = mailbox.shape().prefix + "Other"
        mailbox.create(other)
        mailbox.append(mailbox.select(other), [item(letter(90)), item(letter(91))])
        wires = fill(mailbox, mailbox.select("INBOX"), 9)
        assert mailbox.copy([1, 2, 3, 7, 99, 5], other) == {1: 3, 2: 4, 3: 5, 5: 6, 7: 7}
        assert mailbox.copy([98, 99], other) == {}
        assert mailbox.flags([2]) == {2: {"$Even"}}, "the first folder is the selected one again"
        mailbox.select(other)
        assert dict(mailbox.bodies([3, 7])) == {3: wires[0], 7: wires[6]}
        assert mailbox.flags([4]) == {4: {"$Even"}}


def test_a_mailbox_holds_mail_wherever_it_lies(mailbox: Mailbox) -> None:
    shape = mailbox.shape()
    other = f"{shape.prefix}Other"
    mailbox.create(other)
    assert not mailbox.holds_mail(mailbox.shape())
    fill(mailbox, mailbox.select(other), 1)
    assert mailbox.holds_mail(mailbox.shape())


def test_copying_into_a_missing_folder_is_refused(mailbox: Mailbox, inbox: Selected) -> None:
    fill(mailbox, inbox, 1)
    with pytest.raises(FolderRefused, match="missing"):
        mailbox.copy([1], mailbox.shape().prefix + "Nowhere")


def test_uid_sets_are_short_and_whole() -> None:
    rng = random.Random(1)
    uids = rng.sample(range(1, 1_000_000), 20_000)
    lines = list(sets(uids))
    assert max(map(len, lines)) <= 4000
    assert sorted(uid for line in lines for uid in expand(line, 10**6)) == sorted(uids)
    assert list(sets(range(1, 100_001))) == [b"1:100000"]
    assert list(sets([5, 3, 4, 9])) == [b"3:5,9"]
    assert list(runs([])) == []


def test_a_huge_set_from_a_server_is_not_written_out() -> None:
    assert expand(b"1:4294967295", 3) == [1, 2, 3, 4]
