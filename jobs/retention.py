"""What is kept, where, who may see it, and until when: the one table behind every end date.

It drives the end dates set by the scripts in `jobs/lua`, the reconciler's sweep, what is unlinked at the end of a
migration, the overview (`migrator data`), docs/data.md and the tests' search for leaks.
"""

import secrets

from redis import Redis

from jobs.kept import HOUR, Kept, Sight, Until, Where
from jobs.migration import part_key

UNFINISHED_SECONDS = 72 * HOUR
"""A migration without progress for this long is gone, whatever state it is in."""

EXPIRE_SECONDS = 71 * HOUR
"""Without progress for this long it is ended as expired: one hour is left to revoke the grant and tell the customer."""

ENDED_SECONDS = 24 * HOUR
"""After its end a migration's keys live at most this long."""

PURGE_EARLY_SECONDS = 60
"""The sweeper purges this much before keys end by themselves: while the record still says whose traces to clear."""

QUEUE_SECONDS = 72 * HOUR
"""Keys of the queues live this long after their last use; a migration in them is gone by then."""

BROKER_SECONDS = 24 * HOUR
"""Keys of the message broker live this long after their last use; what they hold says an import's id at most."""

FLOW_SECONDS = 24 * HOUR
"""What went through in one minute, and which workers there are, is known for a day."""

REWRITE_WISH = "discard:rewrite"
"""That the state store's log is to be rewritten; its value is new with every wish."""

_LISTINGS = ("all", "SPAM", "TRASH", "CHAT", "large", "older")


def _ends(part: str, holds: str, sight: Sight = Sight.WORKER, names: tuple[str, ...] = ()) -> Kept:
    """Return the row of a part that is unlinked at the end of the migration."""
    return Kept(f"mig:{{<id>}}:{part}", Where.STATE, holds, sight, Until.END, names=names)


def _stays(part: str, holds: str, sight: Sight, why: str, listed_by: str = "") -> Kept:
    """Return the row of a part that somebody needs for a day after the end."""
    pattern = f"mig:{{<id>}}:{part}" if part else "mig:{<id>}"
    return Kept(pattern, Where.STATE, holds, sight, Until.DAY_AFTER, why, listed_by)


def _state(pattern: str, holds: str, sight: Sight, until: Until) -> Kept:
    return Kept(pattern, Where.STATE, holds, sight, until)


KEPT: tuple[Kept, ...] = (
    _stays(
        "",
        "how the import stands, since when and why, which process is at it, the customer's id at the host",
        Sight.CUSTOMER,
        "says how the import ended, and when the rest is forgotten",
    ),
    _stays(
        "history",
        "the last 50 states with time and reason code",
        Sight.ALLOWED,
        "answers what happened when a customer asks",
    ),
    _stays("choices", "what the customer chose", Sight.CUSTOMER, "says by which rules the mail was filed"),
    _ends("sealed", "grant, mailbox credentials and both addresses, sealed under the migration's key"),
    _ends("keystore", "which key store holds its key: by address, without a password; since when"),
    _ends("account", "the Gmail account's opaque name"),
    _ends("opened", "the phase for which the key was last handed out"),
    _ends("served", "which of the mail server's addresses answered last"),
    _ends("trying", "number of the one message being tried alone after a crash"),
    _ends(
        "survey",
        "what was found before the start: names of labels and folders, counts and sizes in all",
        Sight.OWNER,
    ),
    _ends("surveying", "that the account is being looked over"),
    _ends("labels", "label ids and names", Sight.ALLOWED),
    _ends("map", "which folder each label becomes", Sight.ALLOWED),
    _ends("listing", "how far the listing is"),
    _ends("found:*", "Gmail message ids listed so far", names=_LISTINGS),
    _ends("since", "Gmail's history id"),
    _ends("passes", "how often the history was asked for what changed meanwhile"),
    _ends("retry", "that messages which failed are to be tried again"),
    _ends("deferred", "messages to be tried again later: since when, how often, a word for why"),
    _ends("hold", "until when the import is held for messages that failed"),
    _ends("finish", "that the import is to finish without the messages that failed"),
    _ends("pauses", "how often the import paused in a row without progress"),
    _ends("keywords", "keywords that the mailbox refused, by folder number", Sight.ALLOWED),
    _ends("partial", "messages still to be put in further folders"),
    _ends("existing", "the mail that was there before: folder names, UIDs, sizes and keyed hashes"),
    _ends("elsewhere", "which messages were found in another folder than theirs: its name, UID"),
    _ends("intent", "the one command under way: sizes and keyed digests"),
    _ends("attributes", "by folder number, whether its server keeps flags, keywords and dates"),
    _ends("hashed", "by what the key of the keyed digests is told from others"),
    _ends("blind", "which messages have a keyed digest whose key is lost"),
    _stays(
        "ids",
        "Gmail message ids in copying order",
        Sight.OWNER,
        "links a message that failed to the original in the customer's own Gmail",
    ),
    _stays("marks", "one outcome per message, shown as sums", Sight.CUSTOMER, "the report's sums are counted from it"),
    _stays("reasons", "a word for each message that failed", Sight.ALLOWED, "says why a message was not copied"),
    _stays(
        "remarks",
        "which messages changed at Gmail after they were copied, or carry a label that Gmail does not list",
        Sight.CUSTOMER,
        "says which copies do not show the account as it is by now",
    ),
    _stays(
        "relabelled",
        "ids of labels that were renamed meanwhile",
        Sight.CUSTOMER,
        "says that folders keep the names they had",
    ),
    _stays("counts", "messages and bytes by folder number", Sight.CUSTOMER, "the report's sums by folder"),
    _stays("folders", "folder names, UIDVALIDITY, UIDNEXT", Sight.ALLOWED, "the report's names of folders"),
    _stays(
        "placed:*",
        "UID, size and keyed digest per message",
        Sight.WORKER,
        "an undo finds by UID what was copied; with the key destroyed nobody can test a digest any more",
        listed_by="folders",
    ),
    _stays(
        "created", "names of the folders that were made", Sight.WORKER, "an undo removes the folders that it empties"
    ),
    _stays(
        "flagged",
        "which messages were starred or drafts",
        Sight.WORKER,
        "an undo leaves what the customer starred himself",
    ),
    _stays("mailbox", "the mailbox's opaque name", Sight.WORKER, "an undo goes into no other mailbox"),
    _stays(
        "undo", "how far an undo is, in counts", Sight.CUSTOMER, "an undo that was cut off goes on where it stopped"
    ),
    _stays("undoing", "that an undo is running", Sight.WORKER, "one undo runs at a time"),
    _stays(
        "undo-wish", "that an undo was asked for, or the code it was stopped by", Sight.CUSTOMER, "says how it stands"
    ),
    _stays(
        "permission",
        "what the customer lets support see, and until when",
        Sight.CUSTOMER,
        "the customer sees it, and takes it back",
    ),
    _stays(
        "asked",
        "what support asks the customer to let it see, and until when",
        Sight.CUSTOMER,
        "the customer can answer it for a day",
    ),
    _stays(
        "summary",
        "where in the mailbox the summary message lies",
        Sight.WORKER,
        "the summary is sent once, and an undo takes it along",
    ),
    _stays("verified", "how far the check is and what it found", Sight.CUSTOMER, "says that the copies were looked up"),
    _stays("calls", "calls of each Gmail method", Sight.CUSTOMER, "the receipt says what was read"),
    _stays("hosts", "hosts and ports connected to", Sight.CUSTOMER, "the receipt says where the mail went"),
    _stays("tls", "TLS version and cipher to the mailbox", Sight.CUSTOMER, "the receipt says how the mail travelled"),
    _stays(
        "revocation",
        "tries to revoke the grant, whether it is dead",
        Sight.CUSTOMER,
        "says whether the customer has to remove the access himself",
    ),
    _stays("discarding", "when each step of discarding was done", Sight.CUSTOMER, "the receipt's times come from it"),
    _stays(
        "events",
        "states and reason codes that the host is still to be told",
        Sight.OPERATOR,
        "the host hears how the import ended though its receiver was away",
    ),
    _stays("receipt", "the signed receipt", Sight.OWNER, "the customer has a day to fetch it"),
    _state("account:*", "which migration holds a Gmail account's grant, by opaque name", Sight.WORKER, Until.END),
    Kept(
        "jobs:of:*",
        Where.STATE,
        "ids of a customer's imports, under his opaque id",
        Sight.CUSTOMER,
        Until.DAY_AFTER,
        "a customer who comes back finds his imports",
    ),
    _state("jobs:ready:*", "ids of migrations ready to run, by customer", Sight.OPERATOR, Until.QUEUE),
    _state("jobs:ring", "customers with ready work, in turn", Sight.OPERATOR, Until.QUEUE),
    _state("jobs:turn", "a counter", Sight.OPERATOR, Until.QUEUE),
    _state("jobs:leases", "ids of running migrations and their deadlines", Sight.OPERATOR, Until.QUEUE),
    _state("jobs:due", "ids of waiting migrations and their times", Sight.OPERATOR, Until.QUEUE),
    _state(
        "jobs:undos",
        "ids of imports whose undo is asked for, and when workers are told of each",
        Sight.OPERATOR,
        Until.QUEUE,
    ),
    _state("jobs:ends", "ids of all migrations and when to end or purge them", Sight.OPERATOR, Until.QUEUE),
    _state(
        "jobs:exchanges",
        "accounts being connected, consents whose outcome is open: ids, customers' opaque ids, what is known",
        Sight.OPERATOR,
        Until.QUEUE,
    ),
    _state("jobs:whose", "ids of all migrations and their customers' opaque ids", Sight.OPERATOR, Until.QUEUE),
    _state("discard:*", "that the log is to be rewritten, and that it is under way", Sight.OPERATOR, Until.QUEUE),
    _state("durable:mark", "that somebody waits for the disk", Sight.OPERATOR, Until.HOUR),
    _state("reconcile:*", "that a reconciler acted, or logged a checkpoint, just now", Sight.OPERATOR, Until.HOUR),
    _state(
        "google:client-refused",
        "since when Google has refused our OAuth client, and its word for it",
        Sight.OPERATOR,
        Until.HOUR,
    ),
    _state("quota:*", "Google units reserved, by opaque account name", Sight.WORKER, Until.HOUR),
    _state("used:*", "Google units used in one minute, by project", Sight.OPERATOR, Until.DAY),
    _state("flow:total", "messages, bytes and error codes since the key began", Sight.OPERATOR, Until.QUEUE),
    _state("flow:*", "messages, bytes and error codes of one minute, of all imports", Sight.OPERATOR, Until.DAY),
    _state("workers", "ids of the workers and their last heartbeats", Sight.OPERATOR, Until.DAY),
    _state("worker:*", "a worker's machine, version, threads and last heartbeat", Sight.OPERATOR, Until.DAY),
    _state("pools", "how full the pools of servers and workers are, by kind of work", Sight.OPERATOR, Until.DAY),
    _state(
        "surveys:turns",
        "opaque ids of customers whose accounts were looked over lately, in the order of their turns",
        Sight.OPERATOR,
        Until.HOUR,
    ),
    _state("audit:inbox:*", "who is about to do what; no personal data", Sight.OPERATOR, Until.TAKEN),
    _state("audit:*", "who did what when, hash-chained; no personal data", Sight.OPERATOR, Until.AUDIT),
    _state("hooks:due", "ids of migrations of which the host is to be told, and when", Sight.OPERATOR, Until.QUEUE),
    _state(
        "web:session:*", "a session of the web pages, sealed, under the hash of its id", Sight.SERVICE, Until.SESSION
    ),
    _state(
        "staff:session:*",
        "a session of the console, sealed, under the hash of its id",
        Sight.SERVICE,
        Until.STAFF_SESSION,
    ),
    _state("staff:account:*", "a staff member's account, wrapped by the master key", Sight.SERVICE, Until.STAFF),
    _state("staff:name:*", "a staff member's opaque id, by opaque name", Sight.SERVICE, Until.STAFF),
    _state("staff:all", "the opaque ids of the staff", Sight.SERVICE, Until.STAFF),
    _state("staff:enrol:*", "for whom an enrolment code is, by the code's hash", Sight.SERVICE, Until.ENROLMENT),
    _state("staff:sso:*", "a single sign-on under way, wrapped by the master key", Sight.SERVICE, Until.CONSENT),
    _state(
        "launched:*",
        "that a launch was used, by hash, and for some seconds the session it began, sealed",
        Sight.SERVICE,
        Until.LAUNCHED,
    ),
    _state("ready:state", "that a server asked whether the store takes anything", Sight.OPERATOR, Until.HOUR),
    _state(
        "limit:*",
        "when something was tried, by opaque name of who tried",
        Sight.SERVICE,
        Until.HOUR,
    ),
    Kept("key:{<id>}", Where.KEYS, "the migration's key, sealed to the workers' public key", Sight.WORKER, Until.KEY),
    Kept(
        "sealto:{<id>}",
        Where.KEYS,
        "the public half of the migration's key, which opens nothing",
        Sight.SERVICE,
        Until.KEY,
    ),
    Kept(
        "shown:{<id>}",
        Where.KEYS,
        "the key of both addresses and of nothing else, wrapped by the master key",
        Sight.OWNER,
        Until.KEY,
    ),
    Kept(
        "consent:*",
        Where.KEYS,
        "a consent under way, wrapped by the master key, and what it came to, by hash",
        Sight.SERVICE,
        Until.CONSENT,
    ),
    Kept(
        "entrusted:*",
        Where.KEYS,
        "a mailbox's password until its import is connected, wrapped by the master key",
        Sight.SERVICE,
        Until.DEPOSIT,
    ),
    Kept(
        "launch:*", Where.KEYS, "a launch minted for the panel, wrapped by the master key", Sight.SERVICE, Until.LAUNCH
    ),
    Kept(
        "handed:*",
        Where.KEYS,
        "a mailbox's credentials until its undo has ended, sealed to the workers",
        Sight.WORKER,
        Until.HOUR,
    ),
    Kept("idempotent:*", Where.KEYS, "an answer to the panel, wrapped by the master key", Sight.SERVICE, Until.HOUR),
    Kept("ready:keys", Where.KEYS, "that a server asked whether the store takes anything", Sight.OPERATOR, Until.HOUR),
    Kept("{dramatiq}:*", Where.BROKER, "job messages: an import's id at most", Sight.OPERATOR, Until.BROKER),
    Kept("appendonlydir/*", Where.FILES, "the state store's log, unlinked values too", Sight.HOST, Until.REWRITE),
    Kept("*.audit", Where.FILES, "who did what on one day, sealed; no personal data", Sight.OPERATOR, Until.AUDIT),
    Kept("audit.key", Where.FILES, "the key of the audit log", Sight.HOST, Until.INSTALLATION),
    Kept("users.*", Where.FILES, "users and passwords of a store that came along", Sight.HOST, Until.INSTALLATION),
    Kept("worker-*/slice-*", Where.FILES, "temporary files of a slice", Sight.WORKER, Until.SLICE),
    Kept(
        "master.key",
        Where.FILES,
        "the master keys; they open nothing that is sealed for an import but its two addresses",
        Sight.HOST,
        Until.INSTALLATION,
    ),
    Kept(
        "workers.key",
        Where.FILES,
        "the workers' private keys; without a migration's key they open nothing",
        Sight.HOST,
        Until.INSTALLATION,
    ),
    Kept("workers.pub", Where.FILES, "the workers' public key", Sight.HOST, Until.INSTALLATION),
    Kept("receipt.key", Where.FILES, "the key that signs receipts", Sight.HOST, Until.INSTALLATION),
    Kept("standard error", Where.FILES, "the log: ids, states, codes, counts", Sight.OPERATOR, Until.HOST),
)


def migration_parts() -> tuple[str, ...]:
    """Return the parts of a migration whose names are fixed: `history`, `ids`, ... (without the record itself)."""
    return tuple(name for row in _of_migration() for name in row.parts)


def migration_families() -> dict[str, str]:
    """Return the parts with any number of keys: the name's beginning (`placed:`) -> the part that lists the rest."""
    return {row.part.removesuffix("*"): row.listed_by for row in _of_migration() if row.listed_by}


def parts_ended() -> tuple[str, ...]:
    """Return the parts of a migration that nobody needs after its end."""
    return tuple(name for row in _of_migration() if row.until is Until.END for name in row.parts)


def row_for(key: str, where: Where | None = None) -> Kept | None:
    """Return the row that a key's name fits, if any; of this store alone, where one is named."""
    stores = {where} if where else set(Where) - {Where.FILES}
    return next((row for row in KEPT if row.where in stores and row.matches(key)), None)


def unlink_at_end(redis: Redis, migration_id: str) -> int:
    """Unlink what nobody needs after the end, in one command; return how many keys there were. Twice is once.

    `jobs.accounts.release` comes first: it still reads which account the migration holds.
    """
    return redis.unlink(*(part_key(migration_id, part) for part in parts_ended()))


def ask_for_rewrite(redis: Redis) -> None:
    """Have the state store's log rewritten soon (`jobs.rewriting`): what was unlinked still lies in it."""
    redis.set(REWRITE_WISH, secrets.token_hex(8), ex=QUEUE_SECONDS)


def _of_migration() -> tuple[Kept, ...]:
    return tuple(row for row in KEPT if row.is_of_migration)
