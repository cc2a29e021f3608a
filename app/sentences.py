"""One table turns codes into sentences with a next step; nothing else speaks to people about errors."""

_SENTENCES = {
    "not-started": "Not started yet.",
    "google-quota": "Google asked us to slow down; we go on by ourselves.",
    "google-bandwidth": "Google's limit of bytes per day is reached; we go on by ourselves.",
    "google-concurrency": "Google asked for fewer requests at once; we go on by ourselves.",
    "google-down": "Google does not answer; we try again by ourselves.",
    "google-unavailable": "Google does not answer; we try again by ourselves.",
    "answer-damaged": "Google's answer was damaged; we try again by ourselves.",
    "connection-lost": "The connection to the mailbox broke; we try again by ourselves.",
    "mailbox-unreachable": "The mailbox server does not answer or allows no further connection; "
    "we try again by ourselves.",
    "mailbox-full": "The mailbox is full. Free some space or raise its quota; we go on by ourselves.",
    "reconnect-needed": "Google no longer accepts our access. Connect the Google account again.",
    "google-refused": "Google refuses access for good: the account's domain forbids it, or the Gmail API is not "
    "enabled in the host's Google project. Ask the account's administrator, then resume.",
    "google-request-refused": "Google did not understand a request. Look for a newer version, then resume.",
    "login-refused": "The mailbox does not accept user name and password. With a new password: "
    "`migrator reconnect ID --mailbox`, or the customer comes in with it. Where the mailbox accepts the old one again, "
    "resume.",
    "unknown-host": "The mailbox host has no address. Check mailbox.host in the configuration and resume.",
    "host-not-allowed": "The mailbox host has no public address, or is none that we may connect to. "
    "Cancel this import and begin it again with the host's full name, and port 993 or 143.",
    "certificate-invalid": "The mailbox host's certificate is not valid (expired, other name, or unknown authority). "
    "Renew it, or name its authority in mailbox.ca_file, and resume.",
    "folder-refused": "The mailbox server does not take a folder. See the report for its name.",
    "revocation-unconfirmed": "Google has not yet confirmed that our access is removed; we ask again by ourselves.",
    "messages-deferred": "A few messages could not be copied yet; we try them again by ourselves.",
    "store-away": "The state store does not answer; we try again by ourselves.",
    "child-killed": "The process of this import was killed. While the import waits it is restarted automatically; "
    "once it has stopped, check the worker's log and resume.",
    "out-of-memory": "The import needed more memory than worker.memory_mib allows. While it waits it is retried "
    "automatically; once it has stopped, raise the limit and resume.",
    "slice-overtime": "The import hung. While it waits it is retried automatically; once it has stopped, check the "
    "mailbox server and resume.",
    "asked": "Paused as asked. Resume it when you like.",
    "key-lost": "The key of this import's secrets was lost with the key store. The customer connects again on the "
    "import's page, or `migrator reconnect ID` does it here; it goes on where it was.",
    "key-store-away": "The key store does not answer; we try again by ourselves.",
    "audit-broken": "The audit log is damaged, and nothing is done unlogged. Run `migrator audit verify`.",
    "audit-busy": "The audit log is too busy; we try again by ourselves.",
    "account-busy": "This Gmail account is being imported already. Wait for the end of that import, or cancel it.",
    "egress-refused": "The import's process did something it must not do, and was ended. Look at the audit log and the "
    "worker's log before you resume.",
    "lease-lost": "Another worker has taken this import over. If it does not go on, resume it.",
    "worker-lost": "The worker was interrupted again and again for half an hour. Look at the worker and its Redis, "
    "then resume.",
}

_CONSENTS = {
    "consent-denied": "Access was not allowed at Google, so nothing was granted and nothing was copied. Begin again "
    "when you like.",
    "consent-not-ours": "This answer from Google belongs to no consent that was begun here: it was used before, it "
    "came after more than ten minutes, or it was begun in another browser. Begin again.",
    "scope-mismatch": "Google granted something else than read-only access to Gmail; it was given back. Begin again "
    "and leave the one permission ticked.",
    "no-refresh-token": "Google gave access for one hour only; it was given back. Begin again.",
    "wrong-account": "Another Google account was chosen than the one this import is for, so its access was not kept. "
    "Begin again with the right account.",
    "not-given-back": "Google has not confirmed that our access is removed. Remove it yourself at "
    "https://myaccount.google.com/permissions.",
    "code-refused": "Google did not accept the answer to the consent. Begin again.",
    "google-silent": "Google did not answer, so nothing was granted. Try again in a moment.",
    "not-connected": "The account could not be connected; nothing was kept. Try again; if it happens again, look at "
    "the log.",
    "grant-unreadable": "The file holds no grant: JSON with a refresh_token is needed.",
    "master-key-unusable": "The file of master keys cannot be used. Look at store.master_key_file.",
    "seal-broken": "A stored secret cannot be opened. Connect the import again, or cancel it and begin a new one.",
}

_FAILURES = {
    "nul-characters": "it holds NUL bytes, which the mailbox server does not take",
    "bare-newlines": "it holds bare newlines, which the mailbox server does not take",
    "invalid-header": "its header is not valid to the mailbox server",
    "empty": "it is empty",
    "too-large": "it is larger than the mailbox server allows",
    "8-bit-header": "its header holds 8-bit characters, which the mailbox server does not take",
    "keywords": "the mailbox server does not take its keywords",
    "protocol-error": "the mailbox server found the command invalid that brought it",
    "refused": "the mailbox server refused it without a reason we know",
    "connection-broke": "the mailbox server breaks the connection whenever it is sent",
    "read-only": "its folder is read-only",
    "missing": "its folder was removed during the import",
    "no-permission": "the mailbox server does not allow its folder to be made or used",
    "name-refused": "the mailbox server refuses its folder's name",
    "name-changed": "the mailbox server makes another name of its folder's",
    "control-character": "its folder's name holds control characters",
    "empty-level": "its folder's name has an empty part",
    "moved-or-removed": "it was moved or removed in the mailbox during the import",
    "content-differs": "the mailbox holds something else in its place",
    "kills-the-import": "the import died each time it was tried (more memory needed than worker.memory_mib?)",
    "unreadable": "Google gives no readable copy of it",
}


def codes() -> frozenset[str]:
    """Return the codes of states that have a sentence here."""
    return frozenset(_SENTENCES)


def sentence(code: str) -> str:
    """Return what a state's reason means and what to do; an unknown code stands for itself."""
    known = (_SENTENCES | _CONSENTS).get(code.partition(":")[0])
    return known or (code and f"Stopped with code {code}. Look at the worker's log, then resume.")


def failure(word: str) -> str:
    """Return why one message failed, in words."""
    return _FAILURES.get(word, f"the mailbox server refused it ({word})")


_NOTES = {
    "special-name": "has the name of a special folder, so it becomes",
    "case-twin": "differs only by upper and lower case from another folder, so it becomes",
    "unicode-twin": "differs only by its Unicode form from another folder, so it becomes",
    "name-taken": "would share a folder with another label, so it becomes",
    "replaced": "holds characters that mail servers do not take, so it becomes",
    "shortened": "is longer than mail servers allow, so it becomes",
    "parent-missing": "is nested, though its parent is no label; it becomes",
    "hidden": "is hidden in Gmail; it becomes",
}


def note(kind: str) -> str:
    """Return what a note of the folder plan says between the label's name and its folder's."""
    return _NOTES.get(kind, "becomes")
