"""What is to be true on every server people really have, in every layout."""

from servers.entry import enter, item, letter

from emulator.servers.instance import Server
from migrator.mailbox import Appended


def test_what_was_appended_in_several_goes_is_there_once_and_found(every_server: Server) -> None:
    user = every_server.new_user()
    with enter(every_server, user) as mailbox:
        inbox = mailbox.select("INBOX")
        goes = [range(1, 3), range(3, 5), range(5, 20)]
        results = [
            result
            for careful, go in enumerate(goes)
            for result in mailbox.append(inbox, [item(letter(n)) for n in go], careful=careful == 1)
        ]
        assert results == [Appended(n) for n in range(1, 20)]
        assert list(mailbox.sizes(range(1, 100))) == list(range(1, 20))
        assert [uid for uid, body in mailbox.bodies(range(1, 100)) if b"<%d@example.com>" % uid in body] == list(
            range(1, 20)
        )
    with every_server.observer(user) as observer:
        assert observer.select_folder("INBOX")[b"EXISTS"] == 19


def test_a_copy_of_what_was_just_appended_arrives(every_server: Server) -> None:
    with enter(every_server, every_server.new_user()) as mailbox:
        shape = mailbox.shape()
        mailbox.create(shape.prefix + "Todo")
        inbox = mailbox.select("INBOX")
        assert mailbox.append(inbox, [item(letter(1)), item(letter(2))]) == [Appended(1), Appended(2)]
        assert mailbox.copy([2, 1], shape.prefix + "Todo") == {1: 1, 2: 2}
        assert mailbox.select(shape.prefix + "Todo").exists == 2


def test_flags_are_kept_or_dropped_but_never_others(every_server: Server) -> None:
    with enter(every_server, every_server.new_user()) as mailbox:
        inbox = mailbox.select("INBOX")
        mailbox.append(inbox, [item(letter(1), "\\Seen", "\\Flagged", "Work"), item(letter(2), "\\Draft")])
        kept = mailbox.flags([1, 2])
        assert kept[1] <= {"\\Seen", "\\Flagged", "Work"}
        assert kept[2] <= {"\\Draft"}
        if (every_server.kind, every_server.store) != ("imap4d", "maildir"):
            assert kept[1] >= {"\\Seen", "\\Flagged"}
