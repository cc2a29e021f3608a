"""What each label policy would cost in the mailbox, computed before the customer chooses."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from migrator.folders import FolderMap
from migrator.labels import Catalogue, Choices, Skip, SkipReason, folders_for
from migrator.period import midnight
from migrator.survey import Group, Survey

_BEGINNING = "2004-04-01"
"""Gmail's first day: little mail in it is older."""


@dataclass(frozen=True, slots=True)
class StorageEffect:
    """Messages per folder (full name) under the chosen policy, and what both policies would store.

    `skipped` counts messages by reason; messages listed = `one_copy_messages` + the sum of `skipped`. Bytes are an
    estimate. A quota counts every copy, also where the server stores it once. Not `exact`: the period begins between
    two days of the survey, and mail of that span is taken to have arrived evenly.
    """

    folders: Mapping[str, int]
    skipped: Mapping[SkipReason, int]
    one_copy_messages: int
    copy_per_label_messages: int
    one_copy_bytes: int
    copy_per_label_bytes: int
    exact: bool = True


def effect_of(survey: Survey, catalogue: Catalogue, folder_map: FolderMap, choices: Choices) -> StorageEffect:
    """Return the effect of copying an account under these choices; nobody is asked for it."""
    shares = _shares(survey, choices.since)
    folders: Counter[str] = Counter()
    skipped: Counter[SkipReason] = Counter()
    messages, octets = Counter[str](), Counter[str]()
    several = replace(choices, policy="copy-per-label")
    for group, too_old in chain.from_iterable(_parts(group, shares[group.age]) for group in survey.groups):
        places = folders_for(group.label_ids, catalogue, choices, too_old=too_old)
        if isinstance(places, Skip):
            skipped[places.reason] += group.messages
            continue
        for key in places:
            folders[folder_map.targets[key].name] += group.messages
        for policy, copies in (("one", 1), ("several", _copies(group.label_ids, catalogue, several))):
            messages[policy] += group.messages * copies
            octets[policy] += group.likely * copies
    exact = all(shares[group.age] in {0.0, 1.0} for group in survey.groups)
    return StorageEffect(
        folders, skipped, messages["one"], messages["several"], octets["one"], octets["several"], exact
    )


def _copies(label_ids: frozenset[str], catalogue: Catalogue, several: Choices) -> int:
    places = folders_for(label_ids, catalogue, several)
    return 0 if isinstance(places, Skip) else len(places)


def _shares(survey: Survey, since: str) -> list[float]:
    """Return for each age of the survey which share of its mail arrived in the period."""
    if not since:
        return [1.0] * (len(survey.days) + 1)
    first = midnight(since)
    starts = [midnight(day) for day in (*survey.days, _BEGINNING)]
    ends = [midnight(survey.today) + 86_400, *starts[:-1]]
    return [min(1.0, max(0.0, (end - first) / (end - start))) for start, end in zip(starts, ends, strict=True)]


def _parts(group: Group, share: float) -> Iterator[tuple[Group, bool]]:
    """Yield the part of a group that arrived in the period, and the part that is too old."""
    kept = round(group.messages * share)
    if kept:
        yield replace(group, messages=kept, likely=round(group.likely * kept / group.messages)), False
    if kept < group.messages:
        yield replace(group, messages=group.messages - kept, likely=0), True
