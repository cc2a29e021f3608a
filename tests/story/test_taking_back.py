"""A whole import with its summary, taken back: the mailbox is what it was, and then nothing is kept of it."""

from pathlib import Path

from servers.entry import enter, item, letter
from stand_in import Google
from story.house import house
from story.layouts import Layout

from emulator.servers.instance import Server
from jobs import audit
from jobs.erasing import erase
from jobs.launch import mailbox_as_bytes
from jobs.migration import State
from jobs.undoing import Place, undo
from migrator.labels import Choices
from migrator.mailbox import Password, Target
from oauth.handover import sealed_for


def test_a_mailbox_is_what_it_was_before_the_import(small: Layout, mailbox_server: Server, tmp_path: Path) -> None:
    with (
        Google(seed_dir=small.folder, layout=small.rows) as google,
        house(tmp_path, google, mailbox_server, migrations={"summary_from": "import@host.example"}) as home,
    ):
        user = mailbox_server.new_user()
        with enter(mailbox_server, user) as mailbox:
            mailbox.append(mailbox.select("INBOX"), [item(letter(1)), item(letter(2), r"\Deleted")])
            before = {folder.name for folder in mailbox.shape().folders}
        home.start_worker()
        migration = home.launch(user, Choices(policy="copy-per-label"))
        # Cyrus refuses some of these mails.
        assert home.wait(migration).state in {State.DONE, State.DONE_WITH_EXCEPTIONS}, home.report(migration)
        copies = sum(home.report(migration).folders.values())
        with enter(mailbox_server, user) as mailbox:
            newest = mailbox.select("INBOX").exists
            ((_, summary),) = mailbox.bodies([newest])
        assert b"From: Mail import <import@host.example>" in summary
        assert f"/imports/{migration}".encode() in summary.replace(b"=\r\n", b"")
        place = Place(Target(mailbox_server.host, mailbox_server.port, "none"))
        handed = sealed_for("undo", mailbox_as_bytes(Password(user.name, user.password)))
        undone = undo(home.state, migration, place, handed)
        assert (undone.removed, undone.changed, undone.missing, undone.refused) == (copies, 0, 0, 0)
        assert copies > 100
        with enter(mailbox_server, user) as mailbox:
            mailbox.select("INBOX")
            assert mailbox.flags(range(1, 2**32)) == {1: frozenset(), 2: frozenset({r"\Deleted"})}
            left = {folder.name for folder in mailbox.shape().folders if folder.selectable} - before
            # Cyrus protects folders with a special use, and has made the parents of folders by itself.
            assert mailbox_server.kind == "cyrus" or left == set()
            assert [name for name in left if mailbox.select(name).exists] == []
        assert erase(home.state, home.vault, migration)
        assert [str(e.act) for e in audit.entries(home.state, migration)][-2:] == ["undoing", "erased"]
