"""What a refusal says, in whatever words: about the message, the folder, the room, or nothing that we know."""

from collections.abc import Iterator

import pytest
from servers.entry import enter, item, letter
from servers.scripted import Scripted, scripted

from emulator.servers.instance import User
from migrator.errors import FolderRefused, MailboxFull, MessageRefused, RefusedUnexplained
from migrator.failures import is_own_fault
from migrator.mailbox import Appended, Mailbox, Refused, Unsent, answers
from migrator.mailbox.answers import MESSAGE_WORDS, UNEXPLAINED_WORDS, Answer, create_refusal, folder_refusal, read

UNKNOWN = [
    "NO System I/O error",
    "NO Request is throttled. Suggested Backoff Time: 20000 milliseconds",
    "NO Der Dienst steht momentan nicht zur Verfügung",
    "NO Speicherfehler, bitte wenden Sie sich an den Support",
    "NO Erreur interne du serveur de messagerie",
    "NO Service momentanément suspendu",
    "NO Errore durante il salvataggio",
    "NO Внутренняя ошибка сервера",
    "NO サーバーが混み合っています",
    "NO error 0x80040305",
    "NO [X-BACKEND-7] shard 12 is draining",
    "NO [SERVERBUG] Internal error occurred. Refer to server log for more information.",
    "NO [UNAVAILABLE] Backend gone",
    "NO [INUSE] Mailbox is locked by another session",
    "NO [CONTACTADMIN] Policy 17",
    "NO Virus scanner not available, try again later",
    "NO Could not read header cache",
    "NO Permission denied",
    "NO Rate limit exceeded for mailbox",
    "NO Daily bandwidth quota exceeded, come back tomorrow",
    "NO [LIMIT] Too many messages appended per minute",
    "NO failed",
    "BAD Parse Error",
]
OWN = {
    "NO Message contains NUL characters": "nul-characters",
    "NO a null byte was found": "nul-characters",
    "NO Message contains bare newlines": "bare-newlines",
    "NO Message contains invalid header": "invalid-header",
    "NO Malformed From header": "invalid-header",
    "NO Message contains non-ASCII characters in header": "8-bit-header",
    "NO Can't save a zero byte message.": "empty",
    "NO [LIMIT] Mail size is larger than the maximum size allowed by server configuration": "too-large",
    "NO [TOOBIG] no": "too-large",
    "NO Message exceeds fixed maximum message size": "too-large",
    "NO message size 41943040 exceeds limit": "too-large",
    "NO This message is too big for us": "too-large",
    "NO Message exceeds the allowed 25 MB": "too-large",
    "NO Rejected: infected with Eicar-Test": "virus",
    "NO Attachments of this type are blocked": "virus",
    "NO message looks like spam": "virus",
}
FULL = [
    "NO [OVERQUOTA] full",
    "NO Your quota has been exceeded.",
    "NO Over quota",
    "NO [ALERT] You exceeded your mail quota.",
    "NO Quota exceeded (mailbox for user is full)",
    "NO mailbox is full",
    "NO Insufficient storage space",
    "NO Mailbox size limit exceeded",
    "NO Disk quota exceeded",
]


@pytest.fixture
def odd() -> Iterator[Scripted]:
    with scripted("IMAP4rev1 UIDPLUS QUOTA") as server:
        yield server


@pytest.fixture
def mailbox(odd: Scripted) -> Iterator[Mailbox]:
    with enter(odd.server, User("ann")) as opened:
        yield opened


def error(mailbox: Mailbox, body: bytes = b"hello\r\n") -> Exception:
    (result,) = mailbox.append(mailbox.select("INBOX"), [item(letter(1, body))])
    assert isinstance(result, Refused)
    return result.error


@pytest.mark.parametrize("words", UNKNOWN)
def test_words_that_name_no_reason_are_no_reason(odd: Scripted, mailbox: Mailbox, words: str) -> None:
    odd.refuse = lambda *_: words if _[0] == "APPEND" else None
    found = error(mailbox)
    assert isinstance(found, RefusedUnexplained)
    assert found.detail in UNEXPLAINED_WORDS


@pytest.mark.parametrize("words", OWN)
def test_a_reason_that_concerns_the_message_is_known(odd: Scripted, mailbox: Mailbox, words: str) -> None:
    odd.refuse = lambda *_: words if _[0] == "APPEND" else None
    found = error(mailbox)
    assert isinstance(found, MessageRefused)
    assert found.detail == OWN[words]


@pytest.mark.parametrize("words", FULL)
def test_a_full_mailbox_is_known_by_its_code_or_its_words(odd: Scripted, mailbox: Mailbox, words: str) -> None:
    odd.refuse = lambda *_: words if _[0] == "APPEND" else None
    assert isinstance(error(mailbox), MailboxFull)


def test_every_word_for_a_message_is_its_own_fault_and_no_other() -> None:
    assert all(map(is_own_fault, MESSAGE_WORDS))
    assert not any(map(is_own_fault, UNEXPLAINED_WORDS))


def test_in_a_language_we_do_not_know_the_quota_says_that_the_mailbox_is_full(odd: Scripted, mailbox: Mailbox) -> None:
    odd.refuse = lambda *_: "NO Postfach voll" if _[0] == "APPEND" else None
    odd.quota = (100, 100)
    assert isinstance(error(mailbox), MailboxFull)
    odd.quota = (10, 100)
    assert isinstance(error(mailbox), RefusedUnexplained)


def test_vague_words_about_room_are_checked_against_the_quota(odd: Scripted, mailbox: Mailbox) -> None:
    odd.refuse = lambda *_: "NO no space left" if _[0] == "APPEND" else None
    odd.quota = (10, 100)
    assert isinstance(error(mailbox), RefusedUnexplained)
    odd.quota = (100, 100)
    assert isinstance(error(mailbox), MailboxFull)


def test_what_is_larger_than_the_whole_quota_is_too_large_whatever_the_words(odd: Scripted, mailbox: Mailbox) -> None:
    odd.refuse = lambda *_: "NO Postfach voll" if _[0] == "APPEND" else None
    odd.quota = (0, 1)
    found = error(mailbox, b"x" * 2000 + b"\r\n")
    assert isinstance(found, MessageRefused)
    assert found.detail == "too-large"


# --- folders ----------------------------------------------------------------------------------------------------------


def said(text: str) -> Answer:
    status, _, rest = text.partition(" ")
    return read(status, rest.encode())


@pytest.mark.parametrize("words", ["NO [OVERQUOTA] no more", "NO [LIMIT] 500 folders", "NO Quota exceeded"])
def test_a_limit_met_by_create_concerns_that_folder(words: str) -> None:
    found = create_refusal(said(words))
    assert isinstance(found, FolderRefused)
    assert found.detail == "too-many-folders"


@pytest.mark.parametrize(
    ("words", "word"),
    [
        ("NO [CANNOT] Character not allowed", "name-refused"),
        ("NO no", "name-refused"),
        ("NO [NOPERM] x", "no-permission"),
    ],
)
def test_what_create_is_refused_for_may_be_the_name(words: str, word: str) -> None:
    found = create_refusal(said(words))
    assert isinstance(found, FolderRefused)
    assert found.detail == word


@pytest.mark.parametrize(
    "words", ["NO [UNAVAILABLE] x", "NO [SERVERBUG] x", "NO Temporary failure", "NO System I/O error"]
)
def test_passing_trouble_at_create_is_not_about_the_name(words: str) -> None:
    assert isinstance(create_refusal(said(words)), RefusedUnexplained)


@pytest.mark.parametrize("words", [text for text in UNKNOWN if "Permission" not in text])
def test_a_folder_refused_in_unknown_words_is_no_refused_folder(words: str) -> None:
    assert isinstance(folder_refusal(said(words)), RefusedUnexplained)


# --- keywords ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "way", ["IMAP4rev1 UIDPLUS", "IMAP4rev1 UIDPLUS LITERAL+", "IMAP4rev1 UIDPLUS LITERAL+ MULTIAPPEND"]
)
@pytest.mark.parametrize("words", ["NO APPEND failed", "NO [LIMIT] Too many user flags in mailbox", "NO nein"])
def test_a_message_refused_for_its_keywords_is_accepted_without_them(way: str, words: str) -> None:
    with scripted(way) as odd, enter(odd.server, User("ann")) as mailbox:
        odd.refuse = lambda verb, _, mail: words if verb == "APPEND" and b"$Odd" in mail.partition(b"|")[0] else None
        items = [item(letter(n), "\\Seen", *(("$Odd",) if n % 2 else ("Fine",))) for n in range(20)]
        results = mailbox.append(mailbox.select("INBOX"), items)
        uids = [result.uid for result in results if isinstance(result, Appended)]
        assert sorted(uids) == list(range(1, 21))
        lying = odd.folders["INBOX"].mail
        assert [lying[uid][1] for uid in uids] == ["\\Seen" if n % 2 else "\\Seen Fine" for n in range(20)]
        assert any(result.refused_keywords == {"$Odd"} for result in results if isinstance(result, Appended))


def test_bad_to_a_message_with_keywords_is_tried_without_them_where_the_server_asked_for_the_literal(
    odd: Scripted,
) -> None:
    odd.refuse = lambda verb, _, mail: "BAD Parse Error" if verb == "APPEND" and b"$Odd" in mail[:30] else None
    with enter(odd.server, User("ann")) as mailbox:
        results = mailbox.append(mailbox.select("INBOX"), [item(letter(1), "$Odd")], careful=True)
    assert results == [Appended(1, refused_keywords=frozenset({"$Odd"}), dropped_keywords=True)]


@pytest.mark.parametrize("way", ["IMAP4rev1 UIDPLUS", "IMAP4rev1 UIDPLUS LITERAL+"])
def test_a_message_that_is_kept_in_spite_of_its_refusal_is_not_sent_without_its_keywords(way: str) -> None:
    same = letter(7)
    items = [item(same, "$Odd"), item(same, "Fine"), item(same, "$Odd"), item(letter(8), "$Odd")]
    with scripted(way) as odd, enter(odd.server, User("ann")) as mailbox:

        def keep(verb: str, folder: str, mail: bytes) -> str | None:
            flags, _, raw = mail.partition(b"|")
            if verb != "APPEND" or b"$Odd" not in flags:
                return None
            odd.folders[folder].mail[odd.folders[folder].next] = (raw, flags.decode())
            return "NO replica lags behind"

        odd.refuse = keep
        results = mailbox.append(mailbox.select("INBOX"), items)
    assert results == [Appended(uid) for uid in (1, 2, 3, 4)]
    assert [flags for _, flags in odd.folders["INBOX"].mail.values()] == ["$Odd", "Fine", "$Odd", "$Odd"]


@pytest.mark.parametrize("way", ["IMAP4rev1 UIDPLUS LITERAL+", "IMAP4rev1 UIDPLUS LITERAL+ MULTIAPPEND"])
def test_where_nothing_is_accepted_most_of_a_batch_is_not_sent(way: str) -> None:
    with scripted(way) as odd, enter(odd.server, User("ann")) as mailbox:
        odd.refuse = lambda verb, *_: "NO what" if verb == "APPEND" else None
        results = mailbox.append(mailbox.select("INBOX"), [item(letter(n)) for n in range(50)])
    assert [type(result) for result in results] == [Refused] * 16 + [Unsent] * 34
    assert odd.count("APPEND") <= 17


def test_a_message_above_the_limit_is_known_before_it_is_sent() -> None:
    with scripted("IMAP4rev1 APPENDLIMIT=100") as odd, enter(odd.server, User("ann")) as mailbox:
        (result,) = mailbox.append(mailbox.select("INBOX"), [item(letter(1, b"x" * 200))])
        assert isinstance(result, Refused)
        assert str(result.error) == "message-refused: too-large"
        assert odd.count("APPEND") == 0
    assert answers.FULL_FOR == 900
