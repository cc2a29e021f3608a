"""The processes that look an account over before its import: each holds the token and the mailbox's password, and ends.

They read labels and counts, no message, and change nothing; what they answer is what the customer is shown.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from app.closing import close_doors, outside_of
from app.config import Config
from app.exchanging import ByFile, granted
from app.permitting import account_meter, meter_of
from app.seen import Seen, row_of
from jobs.apart import GOES_ON, SECONDS, Ask, Json, deaf, run_apart
from jobs.launch import grant_of, mailbox_of
from jobs.outside import tell_refusal
from jobs.storeline import state_store
from jobs.storeproxy import Access
from migrator.asking import asked
from migrator.foldermap import map_folders
from migrator.gmail import Gmail
from migrator.labels import Choices, catalogue_of
from migrator.mailbox import Credentials, open_mailbox
from migrator.preview import effect_of
from migrator.quota import Meter
from migrator.retry import Patience
from migrator.survey import survey
from oauth.grant import Grant, SingleFlightCredentials
from oauth.revocation import give_back, is_gone
from oauth.vault import Safe

_ASK_SECONDS = 2.0
_MEMORY_MIB = 1024

MAX_BYTES = 1 << 22
"""Longest answer: names and counts of all folders. Gmail allows 10,000 labels of 225 characters."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A grant that lies sealed under the key of an id made for this preview."""

    migration: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Look:
    """What the process is told: configuration, where the grant is, the mailbox, the customer's choices.

    `mailbox` None: its credentials lie sealed beside the grant.
    """

    config: Config
    source: ByFile | Sealed
    mailbox: Credentials | None = field(default=None, repr=False)
    choices: Choices = field(default_factory=Choices)


def apart(
    function: Callable[[Look, Ask], Json],
    task: Look,
    store: Access,
    hear: Ask = deaf,
    *,
    contacted: Callable[[str], None] | None = None,
    seconds: float = SECONDS,
    stop: threading.Event = GOES_ON,
) -> Json:
    """Have one of these functions done in a process that may ask so much of the store; `hear` answers what it asks.

    Raises:
        ApartFailed, CannotStart: as of `jobs.apart.run_apart`.
    """
    files = (str(task.source.path),) if isinstance(task.source, ByFile) else ()
    to_mailbox = function is not give_up
    outside = outside_of(task.config, store, to_mailbox=to_mailbox, contacted=contacted, readable=files)
    return run_apart(
        function,
        task,
        hear,
        outside=outside,
        seconds=seconds,
        memory_mib=_MEMORY_MIB,
        max_bytes=MAX_BYTES,
        stop=stop,
    )


def look(task: Look, _: Ask) -> Json:
    """Answer what an import would do; the fields are those of `app.previewing.Shown`."""
    # Whose account a file is for is not known, and not asked.
    account = "preview" if isinstance(task.source, ByFile) else task.source.migration
    meter = meter_of(task.config, state_store(), account)
    seen = _looked(task, meter, Patience())
    limit = None if seen.quota is None else seen.quota.limit
    return {**_effect(seen, task.choices), "limit": limit, "holds_mail": seen.holds_mail}


def look_over(task: Look, ask: Ask) -> Json:
    """Answer all that is to be known before the start of an import; `app.seen` reads and writes it.

    Its calls and contacts are the import's, and stand in its receipt. Asks its parent again and again whether the
    answer is still wanted: `{}`, and the reply is `{"wanted": ...}`.
    """
    if not isinstance(task.source, Sealed):
        raise TypeError("an import's grant lies sealed")
    store, migration = state_store(), task.source.migration
    meter = account_meter(task.config, store, migration)
    patience = Patience(asked=_while_wanted(ask))
    return row_of(_looked(task, meter, patience))


def give_up(task: Look, _: Ask) -> Json:
    """Give the sealed grant back, and answer `{"dead": ...}`: whether Google says that it is dead."""
    client, grant = task.config.client_as_of_now, _grant(task)
    close_doors(task.config, tell_refusal, to_mailbox=False)
    return {"dead": give_back(client, grant.refresh_token) and is_gone(client, grant)}


def _looked(task: Look, meter: Meter, patience: Patience) -> Seen:
    grant, mailbox, google = _grant(task), _mailbox(task), task.config.google
    credentials = SingleFlightCredentials(grant, task.config.client_as_of_now)
    reach = close_doors(task.config, tell_refusal, to_mailbox=True)
    with open_mailbox(task.config.target, mailbox, connect=reach) as entered:
        shape, quota = entered.shape(), entered.quota()
        holds_mail = entered.holds_mail(shape)
    with Gmail(credentials, google.api, meter, patience) as gmail:
        labels = asked(gmail, patience, gmail.labels)
        lanes = google.fetchers or meter.profile.fetchers
        found = survey(gmail, labels, patience, datetime.now(UTC).date(), lanes)
        return Seen(labels, found, shape, quota, holds_mail)


def _while_wanted(ask: Ask) -> Callable[[], bool]:
    """Return what tells that the answer is not wanted any more; the parent is asked every other second at most."""
    lock, asked_at, over = threading.Lock(), [time.monotonic()], threading.Event()

    def is_over() -> bool:
        with lock:
            if not over.is_set() and time.monotonic() - asked_at[0] >= _ASK_SECONDS:
                if not ask({})["wanted"]:
                    over.set()
                asked_at[0] = time.monotonic()
        return over.is_set()

    return is_over


def _grant(task: Look) -> Grant:
    if isinstance(task.source, ByFile):
        return granted(task.source.path)
    return grant_of(_safe(task.source))


def _mailbox(task: Look) -> Credentials:
    if task.mailbox or isinstance(task.source, ByFile):
        return cast("Credentials", task.mailbox)
    return mailbox_of(_safe(task.source))


def _safe(source: Sealed) -> Safe:
    return Safe(state_store(), source.migration, source.key)


def _effect(seen: Seen, choices: Choices) -> dict[str, Any]:
    folder_map = map_folders(seen.labels, seen.shape, choices)
    effect = effect_of(seen.survey, catalogue_of(seen.labels), folder_map, choices)
    return {
        "folders": dict(effect.folders),
        "skipped": {str(reason): count for reason, count in effect.skipped.items()},
        "notes": [[note.kind, note.old, note.new] for note in folder_map.notes if note.old != note.new],
        "messages": seen.survey.messages,
        "at_least": seen.survey.at_least,
        "at_most": seen.survey.at_most,
        "one_copy": [effect.one_copy_messages, effect.one_copy_bytes],
        "copy_per_label": [effect.copy_per_label_messages, effect.copy_per_label_bytes],
    }
