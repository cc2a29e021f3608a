"""One table turns codes into sentences with a next step; nothing else speaks to people about errors."""

from migrator.receipt import PERMISSIONS_PAGE

_SENTENCES = {
    "not-started": "Not started yet.",
    "google-quota": "Google asked us to slow down; we resume automatically.",
    "google-bandwidth": "Google's limit of bytes per day is reached; we resume automatically.",
    "google-concurrency": "Google asked for fewer requests at once; we resume automatically.",
    "google-down": "Google does not answer; we retry automatically.",
    "google-unavailable": "Google does not answer; we retry automatically.",
    "answer-damaged": "Google's answer was damaged; we retry automatically.",
    "connection-lost": "The connection to the mailbox broke; we retry automatically.",
    "server-misbehaves": "The mailbox server sends answers that make no sense; we retry automatically.",
    "failed-messages": "Some messages could not be copied. Retry them, or finish without them: `migrator retry ID` or "
    "`migrator finish ID`. After a day the import finishes without them.",
    "mailbox-unreachable": "The mailbox server does not answer, allows no further connection, or accepts no mail at "
    "present; we retry automatically.",
    "mailbox-refuses": "The mailbox server refuses our commands without a reason we know; we retry automatically.",
    "messages-deferred": "Some messages were refused for now; we retry them automatically.",
    "mailbox-full": "The mailbox is full. Free some space or raise its quota; we resume automatically.",
    "reconnect-needed": "Google no longer accepts our access, or asks for a new sign-in. Connect the Google account "
    "again.",
    "no-gmail": "This Google account has no Gmail. Its administrator can turn Gmail on; then resume. Otherwise cancel "
    "this import and connect another account.",
    "google-refused": "Google, or the administrator of the account's organisation, does not allow this access. Ask the "
    "administrator to allow it, then resume.",
    "google-client-refused": "Google does not accept this service's OAuth client or project. Check google.client_id, "
    "its secret, and that the Gmail API is enabled in the project; then the import resumes automatically.",
    "login-refused": "The mailbox does not accept user name and password. With a new password: "
    "`migrator reconnect ID --mailbox`, or the customer comes in with it. Where the mailbox accepts the old one again, "
    "resume.",
    "unknown-host": "The mailbox host has no address. Check mailbox.host in the configuration and resume.",
    "host-not-allowed": "The mailbox host has no public address, or is none that we may connect to. "
    "Cancel this import and begin it again with the host's full name, and port 993 or 143.",
    "certificate-invalid": "The mailbox host's certificate is not valid (expired, other name, or unknown authority). "
    "Renew it, or name its authority in mailbox.ca_file, and resume.",
    "folder-refused": "The mailbox server does not take a folder. See the report for its name.",
    "revocation-unconfirmed": "Google has not yet confirmed that our access is removed; we ask again automatically.",
    "store-away": "The state store does not answer; we retry automatically.",
    "child-killed": "The process of this import was killed. While the import waits it is restarted automatically; "
    "once it has stopped, check the worker's log and resume.",
    "out-of-memory": "The import needed more memory than worker.memory_mib allows. While it waits it is retried "
    "automatically; once it has stopped, raise the limit and resume.",
    "slice-overtime": "The import hung. While it waits it is retried automatically; once it has stopped, check the "
    "mailbox server and resume.",
    "asked": "Paused as asked. Resume it when you like.",
    "key-lost": "The key of this import's secrets was lost with the key store. The customer connects again on the "
    "import's page, or `migrator reconnect ID` does it here; it goes on where it was.",
    "key-store-away": "The key store does not answer; we retry automatically.",
    "audit-broken": "The audit log is damaged, and nothing is done unlogged. Run `migrator audit verify`.",
    "audit-busy": "No worker keeps the audit log; we retry automatically.",
    "account-busy": "An import of this Gmail account is already running. Wait for its end, or cancel it.",
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
    "wrong-account": "Another Google account was chosen than the one this import is for, so it is not used. Begin "
    "again with the right account.",
    "not-given-back": f"Google has not confirmed that our access is removed. Remove it yourself at {PERMISSIONS_PAGE}.",
    "give-back-pending": "Google did not say which account this is, so the access is not used, and a worker gives it "
    f"back as soon as that is known. It can also be removed at {PERMISSIONS_PAGE}. Try again in a moment.",
    "answer-lost": "Google's answer was lost, so nobody knows whether it granted access. Connect again, or remove our "
    f"access at {PERMISSIONS_PAGE}.",
    "answer-pending": "Google's answer was lost, so nobody knows whether it granted access; a worker asks again. "
    f"Connect again, or remove our access at {PERMISSIONS_PAGE}.",
    "code-refused": "Google rejected the authorization code, so nothing was granted. Begin again.",
    "google-silent": "Google isn't answering properly, and we have no access to the account. Try again in a moment.",
    "not-connected": "The account could not be connected. If access was granted, a worker gives it back. Try again; if "
    "it happens again, look at the log.",
    "grant-unreadable": "The file holds no grant: JSON with a refresh_token is needed.",
    "master-key-unusable": "The file of master keys cannot be used. Look at store.master_key_file.",
    "workers-key-unusable": "A file of the workers' keys cannot be used. Look at store.workers_key_file.",
    "seal-broken": "A stored secret cannot be opened. Connect the import again, or cancel it and begin a new one.",
}

_FAILURES = {
    "nul-characters": "it holds NUL bytes, which the mailbox server does not take",
    "bare-newlines": "it holds bare newlines, which the mailbox server does not take",
    "invalid-header": "its header is not valid to the mailbox server",
    "empty": "it is empty",
    "too-large": "it is larger than the mailbox server allows",
    "8-bit-header": "its header holds 8-bit characters, which the mailbox server does not take",
    "virus": "the mailbox server takes its content for harmful or unwanted",
    "refused-alone": "the mailbox server refused it again and again without a reason, while it accepted all others",
    "protocol-error": "the mailbox server found the command invalid that brought it",
    "refused": "the mailbox server refused it without a reason we know",
    "connection-broke": "the mailbox server breaks the connection whenever it is sent",
    "server-fault": "the mailbox server reported an internal error whenever it was sent",
    "read-only": "its folder is read-only",
    "missing": "its folder was removed during the import",
    "no-permission": "the mailbox server does not allow its folder to be made or used",
    "name-refused": "the mailbox server refuses its folder's name",
    "name-changed": "the mailbox server makes another name of its folder's",
    "control-character": "its folder's name holds control characters",
    "empty-level": "its folder's name has an empty part",
    "foreign-name": "its folder would lie outside the customer's own part of the mailbox server",
    "shared": "its folder can be read by other people",
    "no-subfolders": "the folder above its folder cannot contain folders",
    "too-many-folders": "the mailbox server allows no more folders",
    "folder-unusable": "the mailbox server refused its folder without a reason we know",
    "moved-or-removed": "it was moved or removed in the mailbox during the import",
    "content-differs": "the mailbox holds something else in its place",
    "kills-the-import": "the import died each time it was tried (more memory needed than worker.memory_mib?)",
    "unreadable": "Google gives no readable copy of it",
}


def codes() -> frozenset[str]:
    """Return the codes of states that have a sentence here."""
    return frozenset(_SENTENCES)


def consent_codes() -> frozenset[str]:
    """Return the codes of consents that connected nothing."""
    return frozenset(_CONSENTS)


def sentence(code: str) -> str:
    """Return what a state's reason means and what to do; an unknown code stands for itself."""
    known = (_SENTENCES | _CONSENTS).get(code.partition(":")[0])
    return known or (code and f"Stopped with code {code}. Look at the worker's log, then resume.")


def failure(word: str) -> str:
    """Return why one message failed, in words."""
    return _FAILURES.get(word, f"the mailbox server refused it ({word})")


_REMARKS = {
    "deleted-later": "deleted in Gmail after they were copied (drafts that were saved again or sent, too)",
    "trashed-later": "moved to spam or trash in Gmail after they were copied",
    "changed-meanwhile": "given other labels, read or starred in Gmail while the import ran",
    "unknown-label": "with a label that Gmail itself does not list",
    "renamed-labels": "labels renamed in Gmail during the import; their folders keep the first name",
}


def remark(word: str) -> str:
    """Return what is to be said of some copies, or labels, beside the outcomes."""
    return _REMARKS.get(word, word)


_NOTES = {
    "special-name": "has the name of a special folder, so it becomes",
    "foreign-name": "has the name of folders shared with other people, so it becomes",
    "no-subfolders": "would lie in a folder that cannot contain folders, so it becomes",
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
