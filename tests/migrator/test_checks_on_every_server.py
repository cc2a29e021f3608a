"""What is checked after filing, and taken back, on every server and in every layout that runs here."""

from desk import INBOX, WORK, Desk, lost, staged, with_keywords
from engine import letter
from redis import Redis
from taking_back import names, taken_back
from verifying import verified

from emulator.servers.instance import Server
from migrator.outcome import Mark

BOTH = (r"\Seen", r"\Flagged")
EIGHT_BIT = b"Subject: Gr\xfc\xdfe\r\nMessage-ID: <9@example.com>\r\n\r\nbody"


def flags_of(desk: Desk) -> list[set[str]]:
    """Return the system flags of the first folder's messages, in order of their UIDs."""
    with desk.enter() as mailbox:
        mailbox.select(desk.name(INBOX))
        found = mailbox.flags(range(1, 100))
    return [{flag for flag in flags if flag.startswith("\\")} for _, flags in sorted(found.items())]


def filed(desk: Desk) -> None:
    desk.put(INBOX, letter(30))
    desk.file([with_keywords(0, "Work", flags=BOTH), staged(1, flags=())], [staged(2), staged(3, flags=BOTH)])
    desk.file([staged(4, WORK), staged(5, WORK, raw=EIGHT_BIT)])


def test_flags_arrive_or_are_set_and_what_is_lost_is_counted(every_server: Server, redis: Redis) -> None:
    desk = Desk(every_server, redis)
    filed(desk)
    assert flags_of(desk) == [set(), set(BOTH), set(), {r"\Seen"}, set(BOTH)]
    flags, dates = lost(desk)
    assert flags == (1 if every_server.kind == "imap4d" else 0), "GNU imap4d knows no keywords"
    assert dates == 0 or every_server.kind == "imap4d", "it takes the date of the header"


def test_every_copy_is_found_and_none_fails(every_server: Server, redis: Redis) -> None:
    desk = Desk(every_server, redis)
    filed(desk)
    found = verified(desk)
    assert found["found"] == 6
    assert not found.keys() & {"missing", "unchecked", "unreadable"}
    assert set(desk.marks(*range(6))) <= {Mark.COPIED, Mark.COPIED_ALTERED}


def test_what_was_put_there_is_taken_back_where_the_server_can(every_server: Server, redis: Redis) -> None:
    desk = Desk(every_server, redis)
    before = names(desk)
    filed(desk)
    verified(desk)
    undone = taken_back(desk)
    with desk.enter() as mailbox:
        removed = 0 if mailbox.removal == "none" else 6
    assert (undone.removed, undone.refused) == (removed, 6 - removed)
    assert (undone.changed, undone.missing, undone.doubtful) == (0, 0, 0)
    if removed:
        assert names(desk) == before
