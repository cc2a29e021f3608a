from unicodedata import normalize

import pytest
from imapclient.imap_utf7 import decode, encode
from servers.entry import enter, item, letter
from servers.fixtures import StartServer
from servers.oddly import Folder, OddServer

from emulator.servers.instance import Server, User
from migrator.errors import FolderRefused
from migrator.folders import ExistingFolder
from migrator.mailbox import Appended, Mailbox, Selected


def named(mailbox: Mailbox, *levels: str) -> str:
    shape = mailbox.shape()
    return shape.prefix + shape.delimiter.join(levels)


def found(mailbox: Mailbox, name: str) -> ExistingFolder:
    (one,) = [folder for folder in mailbox.shape().folders if folder.name == name]
    return one


def test_a_fresh_mailbox_has_its_inbox_and_says_how_names_are_made(mailbox: Mailbox, mailbox_server: Server) -> None:
    shape = mailbox.shape()
    assert [folder.name for folder in shape.folders] == ["INBOX"]
    assert (shape.prefix, shape.delimiter) == (("", ".") if mailbox_server.kind == "dovecot" else ("INBOX.", "."))
    assert shape.can_create_special_use == (mailbox_server.kind == "cyrus")


@pytest.mark.parametrize(
    ("layout", "prefix", "delimiter"),
    [("maildir", "", "."), ("maildir-fs", "", "/"), ("sdbox", "", "/"), ("mdbox", "INBOX.", ".")],
)
def test_each_layout_takes_folders_and_mail(
    start_server: StartServer, layout: str, prefix: str, delimiter: str
) -> None:
    server = start_server("dovecot", layout=layout)
    with enter(server, server.new_user()) as mailbox:
        shape = mailbox.shape()
        assert (shape.prefix, shape.delimiter) == (prefix, delimiter)
        name = named(mailbox, "Kunden", "Müller & Söhne 📬", "2023")
        mailbox.create(name)
        selected = mailbox.select(name)
        mailbox.append(selected, [item(letter(1)), item(letter(2))])
        assert dict(mailbox.bodies([1, 2])) == {1: letter(1), 2: letter(2)}


def test_pymap_has_no_namespaces_and_is_used_all_the_same(pymap_server: Server) -> None:
    with enter(pymap_server, User("demo")) as mailbox:
        shape = mailbox.shape()
        assert (shape.prefix, shape.delimiter) == ("", "/")
        mailbox.create("A & B/Ü")
        selected = mailbox.select("A & B/Ü")
        first, second = mailbox.append(selected, [item(letter(1)), item(letter(2))])
        assert isinstance(first, Appended)
        assert isinstance(second, Appended)
        assert dict(mailbox.bodies([first.uid, second.uid])) == {first.uid: letter(1), second.uid: letter(2)}
        assert mailbox.quota() is None


@pytest.mark.parametrize(
    "level", ["R & D", "Grüße", "日本語", "📬 Post", "a b  c ", "007", "2023", "nil", "x~y", "q'r+s=t"]
)
def test_a_name_comes_back_from_the_server_as_it_was_made(mailbox: Mailbox, level: str) -> None:
    name = named(mailbox, level)
    mailbox.create(name)
    assert found(mailbox, name).selectable
    assert mailbox.select(name).exists == 0


@pytest.mark.parametrize("level", ["per%cent", "st*r", 'qu"ote', "back\\slash", "{3}", "<a>", "NIL"])
def test_a_name_some_servers_refuse_is_made_or_refused_and_nothing_between(mailbox: Mailbox, level: str) -> None:
    name = named(mailbox, level)
    reason = ""
    try:
        mailbox.create(name)
    except FolderRefused as refused:
        reason = refused.detail
        assert name not in [folder.name for folder in mailbox.shape().folders]
    else:
        assert found(mailbox, name).selectable
    assert reason in {"", "name-refused"}


def test_dovecot_takes_wildcards_and_quotes_in_names_and_cyrus_does_not(
    mailbox: Mailbox, mailbox_server: Server
) -> None:
    for level in ("per%cent", 'qu"ote', "back\\slash", "<a>", "{3}"):
        if mailbox_server.kind == "dovecot":
            mailbox.create(named(mailbox, level))
        else:
            with pytest.raises(FolderRefused, match="name-refused"):
                mailbox.create(named(mailbox, level))


def test_a_wildcard_in_a_name_does_not_pass_for_another_folder(mailbox: Mailbox) -> None:
    mailbox.create(named(mailbox, "percent"))
    try:
        mailbox.create(named(mailbox, "per%nt"))
    except FolderRefused:
        return
    assert found(mailbox, named(mailbox, "per%nt")).selectable


@pytest.mark.parametrize("char", ["\r\n", "\n", "\0", "\t", "\x7f", "\x85"])
def test_a_control_character_in_a_name_is_refused_before_it_is_sent(mailbox: Mailbox, char: str) -> None:
    for act in (mailbox.create, mailbox.select, lambda name: mailbox.copy([1], name)):
        mailbox.select("INBOX")
        with pytest.raises(FolderRefused, match="control-character"):
            act(f"a{char}zz1 CREATE pwn")
    assert mailbox.select("INBOX").exists == 0


def test_half_a_character_is_refused(mailbox: Mailbox) -> None:
    with pytest.raises(FolderRefused, match="name-refused"):
        mailbox.create("a\ud83d")


@pytest.mark.parametrize("levels", [("a", "", "b"), ("a", ""), ("", "a")])
def test_an_empty_level_is_refused_since_cyrus_would_make_another_name_of_it(
    mailbox: Mailbox, levels: tuple[str, ...]
) -> None:
    with pytest.raises(FolderRefused, match="empty-level"):
        mailbox.create(named(mailbox, *levels))
    assert [folder.name for folder in mailbox.shape().folders] == ["INBOX"]


def test_a_name_that_the_server_changes_is_refused(start_server: StartServer) -> None:
    """Dovecot with the prefix `INBOX.` makes `INBOX.INBOX`, and never shows it."""
    server = start_server("dovecot", layout="mdbox")
    with enter(server, server.new_user()) as mailbox, pytest.raises(FolderRefused, match="name-changed"):
        mailbox.create("INBOX.INBOX")


def test_a_name_too_long_for_the_server_is_refused(dovecot_server: Server) -> None:
    with enter(dovecot_server, dovecot_server.new_user()) as mailbox:
        with pytest.raises(FolderRefused, match="name-refused"):
            mailbox.create("é" * 130)
        assert mailbox.select("INBOX").exists == 0


def test_a_name_outside_the_users_namespace_is_refused(start_server: StartServer) -> None:
    for server in (start_server("cyrus"), start_server("dovecot", layout="mdbox")):
        with enter(server, server.new_user()) as mailbox, pytest.raises(FolderRefused):
            mailbox.create("Elsewhere.Folder")


def test_creating_twice_is_fine_and_subscribes(mailbox: Mailbox, mailbox_server: Server, user: User) -> None:
    name = named(mailbox, "Twice")
    with mailbox_server.observer(user) as observer:
        observer.create_folder(name)
        mailbox.create(name)
        mailbox.create(name)
        mailbox.create("INBOX")
        mailbox.create("inbox")
        subscribed = [folder for _, _, folder in observer.list_sub_folders()]
    assert name in subscribed


def test_a_parent_without_mail_becomes_a_folder_of_its_own_when_asked(mailbox: Mailbox) -> None:
    mailbox.create(named(mailbox, "Parent", "Child"))
    mailbox.create(named(mailbox, "Parent"))
    assert found(mailbox, named(mailbox, "Parent")).selectable


def test_a_special_use_is_given_where_the_server_allows_and_shown_where_it_has_one(mailbox: Mailbox) -> None:
    mailbox.create(named(mailbox, "Sent"), "\\Sent")
    assert found(mailbox, named(mailbox, "Sent")).special_use == "\\Sent"


def test_a_special_use_that_is_taken_does_not_hinder_the_folder(cyrus_server: Server) -> None:
    with enter(cyrus_server, cyrus_server.new_user()) as mailbox:
        mailbox.create("INBOX.Sent", "\\Sent")
        mailbox.create("INBOX.Gesendet", "\\Sent")
        assert found(mailbox, "INBOX.Sent").special_use == "\\Sent"
        assert found(mailbox, "INBOX.Gesendet").special_use is None


def test_a_made_up_special_use_is_not_sent(cyrus_server: Server) -> None:
    with enter(cyrus_server, cyrus_server.new_user()) as mailbox:
        mailbox.create("INBOX.Odd", "\\Nonsense) zz")
        assert found(mailbox, "INBOX.Odd").special_use is None


def test_other_peoples_folders_are_not_listed(cyrus_server: Server) -> None:
    mine, theirs = cyrus_server.new_user(), cyrus_server.new_user()
    with cyrus_server.observer(theirs) as observer:
        observer.create_folder("INBOX.Shared")
        observer.setacl("INBOX.Shared", mine.name, "lrswi")
    with cyrus_server.observer(mine) as observer:
        assert any(name.startswith("user.") for _, _, name in observer.list_folders())
    with enter(cyrus_server, mine) as mailbox:
        assert [folder.name for folder in mailbox.shape().folders] == ["INBOX"]


def test_a_missing_folder_cannot_be_selected(mailbox: Mailbox) -> None:
    with pytest.raises(FolderRefused, match="missing"):
        mailbox.select(named(mailbox, "Nowhere"))


def test_selecting_tells_of_keywords_and_numbers(mailbox: Mailbox, inbox: Selected) -> None:
    mailbox.append(inbox, [item(letter(), "\\Seen", "$Work")] * 3)
    again = mailbox.select("INBOX")
    assert (again.exists, again.uidnext, again.uidvalidity) == (3, 4, inbox.uidvalidity)
    assert again.keywords_allowed
    assert again.known_keywords == {"$Work"}
    assert not again.read_only


class _OneForm(dict[str, Folder]):
    """Folders by name in modified UTF-7, kept in Unicode's decomposed form, as a Mac's file system does."""

    @staticmethod
    def _kept(name: str) -> str:
        return str(encode(normalize("NFD", decode(name.encode()))), "ascii")

    def __setitem__(self, name: str, folder: Folder) -> None:
        super().__setitem__(self._kept(name), folder)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(self._kept(str(name)))

    def get(self, name: str, default: Folder | None = None) -> Folder | None:  # type: ignore[override]
        return super().get(self._kept(name), default)


def test_a_folder_that_is_shown_in_another_unicode_form_is_made_and_found_again() -> None:
    odd = OddServer()
    odd.folders = _OneForm(odd.folders)
    with odd.running() as server, enter(server, server.new_user()) as mailbox:
        assert mailbox.create("Büro")
        assert not mailbox.create("Büro")
        assert mailbox.append(mailbox.select("Büro"), [item(letter())]) == [Appended(1)]


def test_a_folder_of_another_unicode_form_is_another_where_the_server_does_not_open_it_so() -> None:
    class Refuses(OddServer):
        def refusal(self, command: str, _arguments: str) -> str | None:
            return "NO no" if command == "CREATE" else None

    odd = Refuses()
    odd.folders[str(encode(normalize("NFD", "Büro")), "ascii")] = Folder(7)
    refused = pytest.raises(FolderRefused, match="name-refused")
    with odd.running() as server, enter(server, server.new_user()) as mailbox, refused:
        mailbox.create("Büro")
