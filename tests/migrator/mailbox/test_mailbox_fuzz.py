"""Whatever a server says, only errors of our tree come of it, after few commands and bytes."""

import contextlib
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers.adversary import CAPABLE, SELECTED
from servers.entry import item, letter
from servers.scripted_socket import ScriptedSocket, connecting_to

from migrator.errors import MigrationError
from migrator.mailbox import Mailbox, Password, Target, open_mailbox

DONE = b"%T OK done\r\n"
GOOD = {
    b"greeting": b"* OK [CAPABILITY IMAP4rev1] hello\r\n",
    b"CAPABILITY": CAPABLE.replace(b"QUOTA", b"QUOTA UNSELECT SPECIAL-USE LIST-EXTENDED") + DONE,
    b"LOGIN": b"%T OK [CAPABILITY IMAP4rev1 UIDPLUS MULTIAPPEND LITERAL+ NAMESPACE QUOTA] in\r\n",
    b"NAMESPACE": b'* NAMESPACE (("" "/")) (("user/" "/")) NIL\r\n' + DONE,
    b"LIST": b'* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST (\\Sent) "/" {4}\r\nSent\r\n* LIST () "/" "Todo"\r\n'
    + DONE,
    b"GETQUOTAROOT": b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 10 512)\r\n' + DONE,
    b"CREATE": b"%T NO [ALREADYEXISTS] there\r\n",
    b"SELECT": SELECTED.replace(b"0 EXISTS", b"2 EXISTS") + b"%T OK [READ-WRITE] open\r\n",
    b"EXAMINE": SELECTED + b"%T OK [READ-ONLY] open\r\n",
    b"STATUS": b"* STATUS Todo (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7)\r\n" + DONE,
    b"APPEND": b"%T OK [APPENDUID 7 3:4] kept\r\n",
    b"UID COPY": b"%T OK [COPYUID 7 1:2 8:9] copied\r\n",
    b"UID FETCH": b'* 1 FETCH (UID 1 RFC822.SIZE 5 FLAGS (\\Seen x) INTERNALDATE "01-Jan-2020 00:00:00 +0000" '
    b'BODY[] {5}\r\nabc\r\n)\r\n* 2 FETCH (FLAGS () UID 2 RFC822.SIZE 5 INTERNALDATE " 1-Jan-2020 00:00:00 +0000" '
    b'BODY[] "a")\r\n' + DONE,
}

PIECES = [
    *(b"* ", b"*", b"+ ", b"%T ", b"zz1 ", b"OK ", b"NO ", b"BAD ", b"BYE ", b"PREAUTH ", b"\r\n", b"\n", b"\r", b" "),
    *(b"{5}", b"{0}\r\n", b"{3}\r\nabc", b"{99999999999999999999}", b"{5}\r\n", b"(", b")", b'"', b"\\", b"[", b"]"),
    *(b"NIL", b"0", b"1 ", b"-1 ", b"4294967296 ", b"9" * 5000, b"\xff\xfe", b"\0", b"\xc3\xa4", b"&!!-", b"((((((("),
    *(b"UID ", b"FETCH ", b"RFC822.SIZE ", b"BODY[] ", b"FLAGS ", b"EXISTS", b"EXPUNGE", b"SEARCH ", b"LIST "),
    *(
        b"STATUS ",
        b"NAMESPACE ",
        b"CAPABILITY ",
        b"QUOTA ",
        b"STORAGE ",
        b"[UIDNEXT ",
        b"[UIDVALIDITY ",
        b"[APPENDUID ",
    ),
    *(
        b"[COPYUID ",
        b"[PERMANENTFLAGS (",
        b'INTERNALDATE "',
        b"99-Xxx-2020 25:61:61 +9999",
        b"[READ-ONLY]",
        b"(" * 3000,
    ),
]

piece = st.sampled_from(PIECES) | st.binary(max_size=5)


@st.composite
def spoilt(draw: st.DrawFn, good: bytes) -> bytes:
    """A good answer in which pieces were put, taken out or doubled; now and then nothing of it is left."""
    lines = good.splitlines(keepends=True)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(len(lines) - 1, 0)))
        match draw(st.sampled_from(["word", "word", "insert", "drop", "double", "line", "cut"])):
            case "word" if lines:
                words = re.split(rb"([\w.]+)", lines[at])
                words[draw(st.integers(0, len(words) - 1))] = draw(piece)
                lines[at] = b"".join(words)
            case "insert" if lines:
                cut = draw(st.integers(0, len(lines[at])))
                gone = draw(st.integers(0, 4))
                lines[at] = lines[at][:cut] + draw(piece) + lines[at][cut + gone :]
            case "drop":
                del lines[at : at + 1]
            case "double":
                lines[at:at] = lines[at : at + 1]
            case "line":
                lines[at:at] = [
                    b"".join(draw(st.lists(piece, max_size=8))) + draw(st.sampled_from([b"\r\n", b"\n", b""]))
                ]
            case "cut" if lines:
                lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
    return b"".join(lines)


PLAIN = GOOD | {
    b"LOGIN": b"%T OK [CAPABILITY IMAP4rev1 NAMESPACE QUOTA UNSELECT] in\r\n",
    b"APPEND": DONE,
    b"UID COPY": DONE,
    b"EXAMINE": GOOD[b"SELECT"],
    b"STATUS": b"* STATUS Todo (UIDNEXT 1)\r\n" + DONE,
}
"""Without UIDPLUS one looks where messages are."""

answers = st.fixed_dictionaries({command: st.just(good) | spoilt(good) for command, good in GOOD.items()})


def acts(mailbox: Mailbox) -> list[Callable[[], object]]:
    selected = mailbox.select("INBOX")
    return [
        lambda: mailbox.sizes(range(1, 100)),
        lambda: mailbox.flags([1, 2]),
        lambda: mailbox.dates([1, 2]),
        lambda: list(mailbox.bodies([1, 2])),
        lambda: mailbox.copy([1, 2], "Todo"),
        lambda: mailbox.append(selected, [item(letter(1), "\\Seen", "Work"), item(letter(2))]),
    ]


def use(scripted: ScriptedSocket) -> None:
    """Do all a slice does; once the connection is lost, the rest fails at once."""
    with open_mailbox(
        Target("127.0.0.1", 143, "none"), Password("ann", "x"), connect=connecting_to(scripted), wait=lambda _: None
    ) as mailbox:
        for act in (
            mailbox.shape,
            mailbox.quota,
            lambda: mailbox.create("Todo", "\\Sent"),
            lambda: mailbox.select("Todo"),
        ):
            with contextlib.suppress(MigrationError):
                act()
        for act in acts(mailbox):
            with contextlib.suppress(MigrationError):
                act()


NASTY = [
    *(b"", b"0", b"-1", b"99", b"4294967296", b"9" * 5000, b"NIL", b"{5}", b"{0}\r\n"),
    *(b"(", b")", b'"', b"\xff", b"\r\n", b"\n"),
]


@pytest.mark.parametrize("good", [GOOD, PLAIN], ids=["able", "plain"])
@pytest.mark.parametrize("command", sorted(GOOD), ids=lambda command: command.decode())
def test_no_word_of_a_good_answer_can_be_changed_into_anything_that_upsets_us(
    command: bytes, good: dict[bytes, bytes]
) -> None:
    words = [word for word in re.split(rb"([\w.+&-]+|[^\w\s])", good[command]) if word]
    for at in range(len(words)):
        for nasty in NASTY:
            said = b"".join([*words[:at], nasty, *words[at + 1 :]])
            scripted = ScriptedSocket(good | {command: said}, closes=False)
            with contextlib.suppress(MigrationError):
                use(scripted)
            assert len(scripted.commands) < 100


@settings(max_examples=500)
@given(said=answers, closes=st.booleans())
def test_whatever_a_server_says_only_our_errors_come_of_it(said: dict[bytes, bytes], closes: bool) -> None:  # noqa: FBT001
    scripted = ScriptedSocket(said, closes=closes)
    with contextlib.suppress(MigrationError):
        use(scripted)
    assert len(scripted.commands) < 100


@settings(max_examples=300)
@given(command=st.sampled_from(sorted(GOOD)), noise=st.lists(piece, max_size=40), closes=st.booleans())
def test_noise_instead_of_an_answer_is_borne(command: bytes, noise: list[bytes], closes: bool) -> None:  # noqa: FBT001
    scripted = ScriptedSocket(GOOD | {command: b"".join(noise)}, closes=closes)
    with contextlib.suppress(MigrationError):
        use(scripted)
    assert len(scripted.commands) < 100


@pytest.mark.parametrize("good", [GOOD, PLAIN], ids=["able", "plain"])
def test_the_good_servers_of_these_tests_are_some(good: dict[bytes, bytes]) -> None:
    scripted = ScriptedSocket(good, closes=False)
    use(scripted)
    assert {b"UID FETCH", b"UID COPY", b"APPEND", b"LOGOUT"} <= set(scripted.commands)
