"""The folders that an undo removes: those that the import made, the parents that came along, and no other."""

import pytest
from desk import INBOX, Desk, batch, staged
from redis import Redis
from taking_back import Book, Killed, counts, taken_back

from emulator.servers.instance import Server
from migrator.ledger import Ledger
from migrator.naming import FolderNames, NamedFolder

DEEP, BROAD, NEW = 1, 2, 3


class NestedDesk(Desk):
    """A migration with labels below labels, of which most hold no mail of their own."""

    labels = (("Clients", "North", "2019"), ("Clients", "South"), ("New",))

    def new_migration(self) -> Ledger:
        ledger = super().new_migration()
        with self.enter() as mailbox:
            shape = mailbox.shape()
        self.prefix, self.delimiter = shape.prefix, shape.delimiter
        rows = [NamedFolder("INBOX", "INBOX"), *(NamedFolder("/".join(n), self.full(*n)) for n in self.labels)]
        ledger.write(FolderNames(rows, shape.delimiter, shape.prefix).kept(ledger))
        return ledger

    def full(self, *levels: str) -> str:
        return self.prefix + self.delimiter.join(levels)


def names(desk: Desk) -> set[str]:
    """Return the names of all folders that are not merely implied by others."""
    with desk.server.observer(desk.user) as observer:
        return {name for flags, _, name in observer.list_folders() if b"\\NonExistent" not in flags}


@pytest.fixture(params=["dovecot", "cyrus"])
def nested(request: pytest.FixtureRequest, redis: Redis) -> NestedDesk:
    server: Server = request.getfixturevalue(f"{request.param}_server")
    return NestedDesk(server, redis)


@pytest.fixture
def on_any_layout(dovecot_layout: Server, redis: Redis) -> NestedDesk:
    return NestedDesk(dovecot_layout, redis)


def filed(desk: Desk) -> None:
    desk.file(batch([0]), batch([1, 2], DEEP), batch([3], BROAD), batch([4], NEW))


def test_on_every_layout_the_parents_that_came_along_go_too(on_any_layout: NestedDesk) -> None:
    before = names(on_any_layout)
    filed(on_any_layout)
    undone = taken_back(on_any_layout)
    assert counts(undone) == (5, 0, 0, 0)
    assert names(on_any_layout) == before
    assert (undone.folders_used, undone.folders_refused) == (0, 0)
    assert len(undone.gone) >= 3


def test_on_both_servers(nested: NestedDesk) -> None:
    before = names(nested)
    filed(nested)
    undone = taken_back(nested)
    assert names(nested) == before
    assert (undone.folders_used, undone.folders_refused) == (0, 0)


@pytest.mark.parametrize("kind", ["dovecot", "cyrus"])
def test_a_label_with_mail_goes_though_what_lay_between_it_and_those_below_was_no_label(
    request: pytest.FixtureRequest, redis: Redis, kind: str
) -> None:
    class Gapped(NestedDesk):
        labels = (("Clients", "North", "2019", "Q4"), ("Clients", "North"), ("Clients",))

    desk = Gapped(request.getfixturevalue(f"{kind}_server"), redis)
    before = names(desk)
    filed(desk)
    undone = taken_back(desk)
    assert names(desk) == before
    assert (undone.folders_used, undone.folders_refused) == (0, 0)


def test_a_parent_that_was_there_before_stays(on_any_layout: NestedDesk) -> None:
    desk = on_any_layout
    with desk.enter() as mailbox:
        mailbox.create(desk.full("Clients"))
    before = names(desk)
    filed(desk)
    taken_back(desk)
    assert names(desk) == before


def test_a_parent_that_was_only_implied_before_stays_with_what_implies_it(on_any_layout: NestedDesk) -> None:
    desk = on_any_layout
    with desk.enter() as mailbox:
        mailbox.create(desk.full("Clients", "Mine"))
    before = names(desk)
    filed(desk)
    taken_back(desk)
    assert names(desk) == before


def test_a_parent_in_which_the_customer_has_a_folder_by_now_stays_and_is_told(on_any_layout: NestedDesk) -> None:
    desk = on_any_layout
    filed(desk)
    with desk.enter() as mailbox:
        mailbox.create(desk.full("Clients", "North", "Mine"))
    undone = taken_back(desk)
    left = names(desk)
    assert desk.full("Clients", "North", "Mine") in left
    assert not {desk.full("Clients", "North", "2019"), desk.full("Clients", "South"), desk.full("New")} & left
    assert (undone.folders_used, undone.folders_refused) == (2, 0)


def test_what_a_slice_that_died_had_made_goes_too(on_any_layout: NestedDesk) -> None:
    """It dies between CREATE and whatever comes after it."""
    desk = on_any_layout
    before = names(desk)
    with desk.slice() as filing:
        mailbox = filing._folders.mailbox
        create, mailbox.create = mailbox.create, None  # type: ignore[method-assign]

        def dying(name: str, special_use: str | None = None) -> bool:
            create(name, special_use)
            raise Killed

        mailbox.create = dying  # type: ignore[method-assign]
        with pytest.raises(Killed):
            filing.file(DEEP, batch([1], DEEP))
    filed(desk)
    taken_back(desk)
    assert names(desk) == before


def test_cut_off_between_folders_it_counts_each_once(on_any_layout: NestedDesk) -> None:
    filed(on_any_layout)
    whole = len(on_any_layout.ledger.made())

    class Dies(Book):
        def write(self, undone: object) -> None:
            super().write(undone)  # type: ignore[arg-type]
            if len(self.read().gone) == 2:
                raise Killed

    book = Dies()
    with pytest.raises(Killed):
        taken_back(on_any_layout, book)
    again = Book(book.read())
    undone = taken_back(on_any_layout, again)
    assert 2 <= len(undone.gone) <= whole
    assert (undone.folders_used, undone.folders_refused) == (0, 0)


def test_a_flag_that_the_server_dropped_is_no_change_by_the_customer(nested: NestedDesk) -> None:
    nested.file([staged(0), staged(1, flags=(r"\Flagged",))])
    kept = nested.ledger.flagged([(1, ())], anew=True)
    nested.ledger.write(*kept)
    with nested.server.observer(nested.user) as observer:
        observer.select_folder("INBOX")
        observer.remove_flags([uid for _, uid in nested.placed(INBOX)], [rb"\Flagged"])
    assert counts(taken_back(nested)) == (2, 0, 0, 0)
