"""Why one message was not copied, in words that follow "because": those of its failure, else those of its outcome."""

from migrator.outcome import Mark
from web.views.language import N_, _

WORDS: dict[str, str] = {
    "nul-characters": N_("your mail server takes no messages with NUL bytes"),
    "bare-newlines": N_("your mail server takes no messages with bare line feeds"),
    "invalid-header": N_("your mail server finds its header invalid"),
    "empty": N_("it is empty"),
    "too-large": N_("it is larger than your mail server allows"),
    "8-bit-header": N_("your mail server takes no 8-bit characters in headers"),
    "virus": N_("your mail server takes its content for harmful or unwanted"),
    "refused-alone": N_("your mail server refused it again and again, and accepted all others"),
    "protocol-error": N_("your mail server did not understand how it was sent"),
    "refused": N_("your mail server refused it"),
    "connection-broke": N_("your mail server breaks off whenever it is sent"),
    "server-fault": N_("your mail server reported an internal error whenever it was sent"),
    "read-only": N_("its folder can only be read"),
    "missing": N_("its folder was removed during the import"),
    "no-permission": N_("your mail server does not allow its folder"),
    "name-refused": N_("your mail server refuses the name of its folder"),
    "name-changed": N_("your mail server changes the name of its folder"),
    "control-character": N_("the name of its folder holds control characters"),
    "empty-level": N_("the name of its folder has an empty part"),
    "foreign-name": N_("its folder would not be part of your mailbox"),
    "shared": N_("other people can read its folder"),
    "no-subfolders": N_("the folder above its folder cannot contain folders"),
    "too-many-folders": N_("your mail server allows no more folders"),
    "folder-unusable": N_("your mail server refused its folder"),
    "moved-or-removed": N_("somebody moved or removed it in your mailbox during the import"),
    "content-differs": N_("something else lies in its place in your mailbox"),
    "kills-the-import": N_("it is too much for us: the import broke off each time it was tried"),
    "unreadable": N_("Google gives no readable copy"),
}
"""The ledger's word for a failure -> what it means to a customer."""

OUTCOMES: dict[Mark, str] = {
    Mark.SKIPPED_CHAT: N_("left out: a chat is no mail"),
    Mark.SKIPPED_SPAM: N_("left out: spam, as chosen"),
    Mark.SKIPPED_TRASH: N_("left out: trash, as chosen"),
    Mark.SKIPPED_LABEL: N_("left out: labels not chosen"),
    Mark.SKIPPED_GONE: N_("left out: deleted in Gmail during the import"),
    Mark.SKIPPED_PERIOD: N_("left out: older than the period"),
    Mark.FAILED_REFUSED: N_("your mail server refused it"),
    Mark.FAILED_FOLDER: N_("your mail server refused its folder"),
    Mark.FAILED_DAMAGED: N_("it is damaged"),
    Mark.FAILED_MISSING: N_("it was not found in your mailbox afterwards"),
    Mark.FAILED_GOOGLE: N_("Google gives no readable copy"),
}


def why(mark: Mark, word: str = "") -> str:
    """Return why a message that ended so was not copied; `word` is the ledger's for its failure, or empty."""
    return _(WORDS.get(word, OUTCOMES[mark]))
