"""The process that looks an account over for a preview: it holds the token and the mailbox's password, and ends.

It reads labels and counts, no message, and changes nothing; what it answers is what the customer is shown.
"""

from dataclasses import dataclass, field
from typing import Any

from app.closing import close_doors, tell_refusal
from app.config import Config
from app.exchanging import ByFile, granted
from app.stores import connect
from jobs.apart import Ask, Json
from jobs.launch import grant_of
from migrator.foldermap import map_folders
from migrator.folders import FolderMap, MailboxShape
from migrator.gmail import Gmail
from migrator.labels import Choices, Label, catalogue_of
from migrator.mailbox import Credentials, open_mailbox
from migrator.preview import storage_effect
from migrator.quota import PROFILES, Meter
from migrator.retry import Patience, attempt
from migrator.survey import Survey, survey
from oauth.grant import Grant, SingleFlightCredentials
from oauth.revocation import give_back, is_dead
from oauth.vault import Safe

MAX_BYTES = 1 << 22
"""Longest answer: names and counts of all folders. Gmail allows 10,000 labels of 225 characters."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A grant that lies sealed under the key of an id made for this preview."""

    migration: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Look:
    """What the process is told: configuration, state store, where the grant is, the mailbox, the customer's choices."""

    config: Config
    state_url: str
    source: ByFile | Sealed
    mailbox: Credentials = field(repr=False)
    choices: Choices


def look(task: Look, _: Ask) -> Json:
    """Answer what an import would do; the fields are those of `app.previewing.Seen`."""
    google, patience = task.config.google, Patience()
    credentials = SingleFlightCredentials(_grant(task), task.config.client)
    reach = close_doors(task.config, task.state_url, tell_refusal, _unheard, to_mailbox=True)
    meter = Meter(connect(task.state_url), f"{google.project}:{_meter_name(task.source)}", PROFILES[google.profile])
    with (
        open_mailbox(task.config.target, task.mailbox, connect=reach) as mailbox,
        Gmail(credentials, google.api, meter, patience) as gmail,
    ):
        labels = attempt(patience, gmail.labels)
        seen = survey(gmail, labels, patience)
        shape, quota = mailbox.shape(), mailbox.quota()
    return {**_effect(labels, seen, shape, task.choices), "limit": None if quota is None else quota.limit}


def give_up(task: Look, _: Ask) -> Json:
    """Give the sealed grant back, and answer `{"dead": ...}`: whether Google says that it is dead."""
    client, grant = task.config.client, _grant(task)
    close_doors(task.config, task.state_url, tell_refusal, _unheard, to_mailbox=False)
    return {"dead": give_back(client, grant.refresh_token) and is_dead(client, grant)}


def _unheard(_: str) -> None:
    """A preview has no receipt, so nobody notes which hosts it contacts."""


def _grant(task: Look) -> Grant:
    if isinstance(task.source, ByFile):
        return granted(task.source, task.config.client)
    return grant_of(Safe(connect(task.state_url), task.source.migration, task.source.key))


def _meter_name(source: ByFile | Sealed) -> str:
    """Return a name for the quota's bucket; whose account a file is for is not known, and not asked."""
    return "preview" if isinstance(source, ByFile) else source.migration


def _effect(labels: tuple[Label, ...], seen: Survey, shape: MailboxShape, choices: Choices) -> dict[str, Any]:
    folder_map: FolderMap = map_folders(labels, shape, choices)
    effect = storage_effect(seen.label_sets, catalogue_of(labels), folder_map, choices, seen.likely_bytes)
    return {
        "folders": dict(effect.folders),
        "skipped": {str(reason): count for reason, count in effect.skipped.items()},
        "notes": [[note.kind, note.old, note.new] for note in folder_map.notes if note.old != note.new],
        "messages": len(seen.label_sets),
        "at_least": seen.at_least,
        "at_most": seen.at_most,
        "one_copy": [effect.one_copy_messages, effect.one_copy_bytes],
        "copy_per_label": [effect.copy_per_label_messages, effect.copy_per_label_bytes],
    }
