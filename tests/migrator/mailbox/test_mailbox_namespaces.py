"""What NAMESPACE and LIST say, oddly or not at all: a shape or an error of the tree, never anything else."""

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers.adversary import adversary, enter_hostile, polite

from migrator.errors import ConnectionLost, MigrationError, RefusedUnexplained
from migrator.folders import ExistingFolder, MailboxShape
from migrator.mailbox import listing, namespaces
from migrator.mailbox.specialuse import doubtful

CAPABLE = b"* CAPABILITY IMAP4rev1 NAMESPACE SPECIAL-USE UIDPLUS\r\n%T OK done\r\n"
PLAIN = b"* CAPABILITY IMAP4rev1 NAMESPACE UIDPLUS\r\n%T OK done\r\n"
BARE = b"* CAPABILITY IMAP4rev1 UIDPLUS\r\n%T OK done\r\n"


def shape(namespace: bytes, *lines: bytes, capable: bytes = CAPABLE) -> MailboxShape:
    """Return the shape of a server that says this to NAMESPACE, and these lines to every LIST."""
    listed = b"".join(b"* LIST %b\r\n" % line for line in lines) + b"%T OK done\r\n"
    said = {"CAPABILITY": capable, "NAMESPACE": (namespace and namespace + b"\r\n") + b"%T OK done\r\n", "LIST": listed}
    with adversary(polite(**said)) as (port, _), enter_hostile(port, patience=5) as mailbox:
        return mailbox.shape()


def names(found: MailboxShape) -> list[str]:
    return [folder.name for folder in found.folders]


@pytest.mark.parametrize(
    ("said", "prefix", "foreign"),
    [
        (b'(("" "/")) NIL NIL', "", ()),
        (b'(("INBOX." ".")) NIL NIL', "INBOX.", ()),
        (b'(("INBOX" "/")) NIL NIL', "INBOX/", ()),  # without the delimiter
        (b'(("Inbox/" "/")) NIL NIL', "INBOX/", ()),
        (b'(("INBOX." ".")) (("user." ".")) (("" "."))', "INBOX.", ("user.", "")),  # Cyrus
        (b'(("" "/")) (("Other Users/" "/")) (("Shared Folders/" "/"))', "", ("Other Users/", "Shared Folders/")),
        (b'(("INBOX." ".")) NIL (("#shared." ".")("shared." "."))', "INBOX.", ("#shared.", "shared.", "#")),  # Courier
        (b'(("" "/")("#mh/" "/")) (("~" "/")) (("#public/" "/"))', "", ("~", "#public/", "#")),  # UW
        (b'(("" "/")) NIL (("Shared/ann@example.com/" "/"))', "", ("Shared/ann@example.com/",)),  # mailcow
        (b'(("" "/")) NIL (("Dossiers partag&AOk-s/" "/"))', "", ("Dossiers partagés/",)),
        (b'(("" "/")) NIL (("Dossiers partag\xc3\xa9s/" "/"))', "", ("Dossiers partagés/",)),
        (b'(("" "/")) (("Shared" "/")) NIL', "", ("Shared/",)),
        (b'(("" "/")) NIL (("" "/"))', "INBOX/", ("",)),  # nothing tells them apart
        (b'(("Mail/" "/")) NIL (("mail/" "/"))', "", ("mail/",)),
        (b'NIL NIL (("" "/"))', "INBOX/", ("",)),
        (b'NIL (("user/" "/")) NIL', "", ("user/",)),
        (
            b'(("" "/" "X-PARAM" ("FLAG1" "FLAG2"))) NIL (("Shared/" "/" "TRANSLATION" ("Gemeinsam/")))',
            "",
            ("Shared/",),
        ),
        (b'((""   "/"))\tNIL   NIL ', "", ()),
        (b'(("" "/")) nil nil', "", ()),
        (b'(({0}\r\n "/")) NIL (({7}\r\nShared/ "/"))', "", ("Shared/",)),
    ],
)
def test_what_is_the_customers_own_is_read_from_namespace(said: bytes, prefix: str, foreign: tuple[str, ...]) -> None:
    found = shape(b"* NAMESPACE " + said, rb'(\Noselect) "/" ""')
    assert (found.prefix, found.foreign) == (prefix, foreign)
    assert found.delimiter in {"/", "."}


@pytest.mark.parametrize(
    "said", [b"", b"* NAMESPACE NIL NIL NIL", b"* NAMESPACE (((", b"* NAMESPACE )", b"* NAMESPACE", b"* OK what?"]
)
def test_where_namespace_says_nothing_usual_names_of_other_peoples_folders_are_foreign(said: bytes) -> None:
    found = shape(said, b'() "/" INBOX', b'() "/" Mine', b'() "/" Public/archive', b'() "/" "Shared Folders/x"')
    assert (found.prefix, found.delimiter) == ("", "/")
    assert names(found) == ["INBOX", "Mine"]
    for name in ("Public", "public/x", "Other Users/ann", "user/ann", "#news", "~ann"):
        assert not found.owns(name)
    assert found.owns("Publications")


@pytest.mark.parametrize("answer", [b"%T NO not now\r\n", b"%T BAD what?\r\n"])
def test_a_namespace_that_is_refused_is_as_good_as_none(answer: bytes) -> None:
    said = {"CAPABILITY": CAPABLE, "NAMESPACE": answer, "LIST": b'* LIST () "/" INBOX\r\n%T OK done\r\n'}
    with adversary(polite(**said)) as (port, _), enter_hostile(port, patience=5) as mailbox:
        assert names(mailbox.shape()) == ["INBOX"]


def test_a_list_that_is_refused_makes_the_import_wait() -> None:
    said = {"CAPABILITY": CAPABLE, "LIST": b"%T NO not now\r\n"}
    with (
        adversary(polite(**said)) as (port, _),
        enter_hostile(port, patience=5) as mailbox,
        pytest.raises(RefusedUnexplained, match="refused"),
    ):
        mailbox.shape()


def test_where_only_what_begins_with_the_prefix_is_the_customers_the_rest_is_left_out() -> None:
    found = shape(
        b'* NAMESPACE (("INBOX." ".")) (("user." ".")) (("" "."))',
        *(b'() "." ' + name for name in (b"INBOX", b"INBOX.Sent", b"archive", b"spam", b"user.bob")),
        rb'(\Archive) "." everybody',
    )
    assert names(found) == ["INBOX", "INBOX.Sent"]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b'() "/" Work', "Work"),
        (b'()  "/"   Work  ', "Work"),
        (b'()\t"/"\tWork', "Work"),
        (b'() "/" "Work/"', "Work"),
        (b'() "/" "B&APw-ro"', "Büro"),
        (b'() "/" "B\xc3\xbcro"', "Büro"),
        (b'() NIL "Work"', "Work"),
        (b'() "/" My old folder', "My old folder"),
        (b'() "/" {4}\r\nWork', "Work"),
        (b"() {1}\r\n/ {4}\r\nWork", "Work"),
        (b'() "/" 007', "007"),
        (b'() "/" "a \\"b\\" \\\\c"', 'a "b" \\c'),
        (b'() "/" Work ("CHILDINFO" ("SUBSCRIBED"))', "Work"),
    ],
)
def test_a_folder_is_read_however_its_line_is_written(line: bytes, name: str) -> None:
    found = shape(b'* NAMESPACE (("" "/")) NIL NIL', line)
    assert found.folders == (ExistingFolder(name),)


def test_inbox_is_one_folder_in_whichever_case_it_comes_and_each_folder_is_there_once() -> None:
    lines = [b'() "/" Inbox', rb'(\HasChildren) "/" INBOX', b'() "/" inbox/Work', b'() "/" INBOX/Work']
    assert names(shape(b'* NAMESPACE (("" "/")) NIL NIL', *lines)) == ["INBOX", "INBOX/Work"]


def test_lines_that_are_none_are_left_out() -> None:
    lines = [b"", b"(", b"() () ()", b'(\\Noselect "/" x', b"\xff\xfe", b'() "//" Odd', b'() "/" ""', b'() "/" Work']
    assert "Work" in names(shape(b'* NAMESPACE (("" "/")) NIL NIL', *lines))


FLAGS = rb"(\Seen \Answered \Flagged \Deleted \Draft)"


@pytest.mark.parametrize("capable", [CAPABLE, PLAIN, BARE])
def test_the_flags_of_messages_are_no_special_uses(capable: bytes) -> None:
    lines = [FLAGS + b' "/" ' + name for name in (b"INBOX", b"Todo", b"Sent")]
    found = shape(b'* NAMESPACE (("" "/")) NIL NIL', *lines, capable=capable)
    assert [folder.special_use for folder in found.folders] == [None, None, None]
    alone = shape(b'* NAMESPACE (("" "/")) NIL NIL', FLAGS + b' "/" Todo', capable=capable)
    assert [folder.special_use for folder in alone.folders] == [None]


def test_flagged_is_a_special_use_where_it_is_offered_and_on_one_folder() -> None:
    one, two = [rb'(\Flagged) "/" Starred', b'() "/" Work'], [rb'(\Flagged) "/" Starred', rb'(\Flagged) "/" Work']
    namespace = b'* NAMESPACE (("" "/")) NIL NIL'
    assert [folder.special_use for folder in shape(namespace, *one).folders] == ["\\Flagged", None]
    assert [folder.special_use for folder in shape(namespace, *one, capable=PLAIN).folders] == [None, None]
    assert [folder.special_use for folder in shape(namespace, *two).folders] == [None, None]


def test_a_special_use_is_believed_only_where_it_can_be_one() -> None:
    lines = [rb'(\Sent) "/" INBOX', rb'(\Archive \Noselect) "/" Old', rb'(\Trash) "/" Bin']
    found = shape(b'* NAMESPACE (("" "/")) NIL NIL', *lines)
    assert {folder.name: folder.special_use for folder in found.folders} == {
        "INBOX": None,
        "Old": None,
        "Bin": "\\Trash",
    }


def test_a_use_that_every_folder_has_means_nothing() -> None:
    assert doubtful(["\\Sent"] * 3) == {"\\Sent"}
    assert doubtful(["\\Sent", "\\Sent", None]) == frozenset()


# --- any bytes --------------------------------------------------------------------------------------------------------

_words = st.sampled_from(
    [
        *(
            b"(",
            b")",
            b"((",
            b"))",
            b'"',
            b"\\",
            b'""',
            b'"/"',
            b'"."',
            b"NIL",
            b"INBOX",
            b"{3}",
            b"{0}\r\n",
            b"&",
            b"&AOk-",
        ),
        *(b"\\Noselect", b"\\Flagged", b" ", b"\t", b"\xff", b"\xc3\xa9", b"\0", b'"INBOX."', b'"Shared/"', b"~", b"*"),
    ]
)
noise = st.one_of(st.binary(max_size=40), st.lists(_words, max_size=14).map(b" ".join), st.lists(_words).map(b"".join))


@given(noise, st.booleans())
def test_any_line_of_list_is_a_folder_or_none(line: bytes, offered: bool) -> None:  # noqa: FBT001
    found = listing.read(line, offered=offered)
    assert found is None or isinstance(found[1], ExistingFolder)


@given(noise, st.sampled_from(["", "/", "."]))
def test_any_namespace_leaves_the_customer_an_inbox(line: bytes, delimiter: str) -> None:
    own = namespaces.space(namespaces.read(line), delimiter)
    assert own.owns("INBOX")
    assert own.prefix in own.personal
    assert any(own.owns(f"{own.prefix}{letter}") for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(noise, st.lists(noise, max_size=3))
def test_whatever_a_server_says_there_is_a_shape_or_an_error_of_the_tree(namespace: bytes, lines: list[bytes]) -> None:
    with contextlib.suppress(MigrationError):
        found = shape(b"* NAMESPACE " + namespace.replace(b"%", b""), *(line.replace(b"%", b"") for line in lines))
        assert all(folder.name == "INBOX" or not folder.special_use or folder.selectable for folder in found.folders)


def test_an_error_of_the_tree_is_what_a_broken_line_costs() -> None:
    with pytest.raises(ConnectionLost):
        shape(b"NAMESPACE?")
