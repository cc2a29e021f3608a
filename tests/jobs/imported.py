"""An import that ended a moment ago, with its mailbox on a real server."""

from pathlib import Path

from redis import Redis
from servers.entry import item, letter
from vaults import make_keys, vault_of

from emulator.servers.instance import Server
from jobs import audit, mailboxes
from jobs.launch import mailbox_as_bytes
from jobs.migration import State, record_key
from jobs.requests import create
from jobs.slice import advance, ended
from jobs.tickets import claim, release
from jobs.undoing import Place, undo
from migrator.ledger import Ledger
from migrator.mailbox import Credentials, Password, Target, open_mailbox
from migrator.records import FolderState, Placed
from migrator.undo import Undone
from oauth.handover import Handed, sealed_for


class Import:
    """An import of six messages into two folders, ended a moment ago; one mail was there before."""

    def __init__(self, redis: Redis, url: str, server: Server, folder: Path) -> None:
        self.redis, self.url, self.server = redis, url, server
        self.master = make_keys(folder)
        self.vault = vault_of(redis, self.master)
        self.user = server.new_user()
        self.place = Place(Target(server.host, server.port, "none"))
        self.credentials = Password(self.user.name, self.user.password)
        self.id = create(redis, "c1").id
        mailboxes.remember(redis, self.vault, self.id, self.credentials)
        self.folders = self._filled()
        for end in (advance(State.FINISHING), ended(State.DONE)):
            claimed = claim(redis, 10.0)
            assert claimed is not None
            release(redis, claimed.id, claimed.token, end)

    def _filled(self) -> list[str]:
        ledger = Ledger(self.redis, self.id)
        with open_mailbox(self.place.target, self.credentials) as mailbox:
            names = ["INBOX", mailbox.shape().prefix + "Work"]
            mailbox.append(mailbox.select("INBOX"), [item(letter(99))])
            for number, name in enumerate(names):
                mailbox.create(name)
                selected = mailbox.select(name)
                wires = [letter(10 * number + n) for n in range(3)]
                uids = [answer.uid for answer in mailbox.append(selected, [item(wire) for wire in wires])]  # type: ignore[union-attr]
                placed = [
                    Placed(10 * number + n, uid, len(wire), b"d" * 16, b"l" * 8)
                    for n, (uid, wire) in enumerate(zip(uids, wires, strict=True))
                ]
                state = FolderState(name, selected.uidvalidity, selected.uidnext, uids[-1] + 1)
                ledger.write(ledger.folder(number, state), *ledger.place(number, placed))
            ledger.write(ledger.made_folders([names[1]]))
        return names

    def undo(self, **changes: object) -> Undone:
        given = {"place": self.place, "handed": self.handed(), **changes}
        return undo(self.redis, self.id, **given)  # type: ignore[arg-type]

    def handed(self, credentials: Credentials | None = None) -> Handed:
        """Return the mailbox's credentials, or others, as they are handed over."""
        return sealed_for("undo", mailbox_as_bytes(credentials or self.credentials))

    def lying(self) -> dict[str, int]:
        with self.server.observer(self.user) as observer:
            there = [name for name in self.folders if observer.folder_exists(name)]
            return {name: observer.folder_status(name, ["MESSAGES"])[b"MESSAGES"] for name in there}

    def acts(self) -> list[str]:
        return [str(entry.act) for entry in audit.entries(self.redis, self.id)]

    def part(self, name: str) -> str:
        return f"{record_key(self.id)}:{name}"
