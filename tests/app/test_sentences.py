import inspect
import re

import pytest

import migrator.errors
import migrator.gmail
from app.sentences import failure, note, sentence
from migrator.errors import MigrationError, Permanent, Transient, Waiting
from migrator.failures import OWN_FAULT
from migrator.folders import NoteKind
from migrator.mailbox.answers import MESSAGE_WORDS, UNEXPLAINED_WORDS
from migrator.refusals import BROKEN, FOLDER_WORDS

BRANCHES = {MigrationError, Transient, Waiting, Permanent}
# What a message's own outcome says; these never become a migration's reason.
OF_MESSAGES = {"message-refused", "message-gone", "history-too-old"}
OTHER_WORDS = {BROKEN, "moved-or-removed", "content-differs", "unreadable"}


def leaves() -> list[type[MigrationError]]:
    found = [
        kind
        for module in (migrator.errors, migrator.gmail)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, MigrationError) and kind not in BRANCHES
    ]
    return sorted(set(found), key=lambda kind: kind.code)


@pytest.mark.parametrize("kind", leaves(), ids=lambda kind: kind.code)
def test_every_error_a_migration_can_rest_on_has_a_sentence_of_its_own(kind: type[MigrationError]) -> None:
    if kind.code not in OF_MESSAGES:
        assert not sentence(kind.code).startswith("Stopped with code")


def test_every_error_has_a_code_of_its_own_that_holds_no_content() -> None:
    codes = [kind.code for kind in leaves()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z][a-z-]+", code) for code in codes)


@pytest.mark.parametrize("word", sorted(MESSAGE_WORDS | UNEXPLAINED_WORDS | FOLDER_WORDS | OWN_FAULT | OTHER_WORDS))
def test_every_reason_of_a_failed_message_has_words_of_its_own(word: str) -> None:
    assert f"({word})" not in failure(word)


@pytest.mark.parametrize("kind", NoteKind.__args__)  # type: ignore[attr-defined]
def test_every_note_of_the_folder_plan_has_words_of_its_own(kind: str) -> None:
    assert note(kind) != note("unheard-of")


@pytest.mark.parametrize("kind", leaves(), ids=lambda kind: kind.code)
def test_a_sentence_says_what_happens_next(kind: type[MigrationError]) -> None:
    text = sentence(kind.code)
    assert text.endswith(".")
    if issubclass(kind, Waiting | Transient) and kind.code not in OF_MESSAGES:
        assert "automatically" in text
    elif kind.code not in OF_MESSAGES:
        assert re.search(r"resume|[Cc]onnect|report", text)


def test_a_code_nobody_wrote_down_still_says_what_to_do() -> None:
    assert "internal-error:KeyError" in sentence("internal-error:KeyError")
    assert "resume" in sentence("internal-error:KeyError")
    assert sentence("") == ""
    assert "weird-word" in failure("weird-word")
