"""What each label policy would cost in the mailbox, computed before the customer chooses."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from migrator.folders import FolderMap
from migrator.labels import Catalogue, Choices, Placement, SkipReason, place


@dataclass(frozen=True, slots=True)
class StorageEffect:
    """Messages per folder (full name) under the chosen policy, and what both policies would store.

    `skipped` counts messages by reason; messages listed = `one_copy_messages` + the sum of `skipped`. Bytes are an
    estimate at the account's mean size. A quota counts every copy, also where the server stores it once.
    """

    folders: Mapping[str, int]
    skipped: Mapping[SkipReason, int]
    one_copy_messages: int
    copy_per_label_messages: int
    one_copy_bytes: int
    copy_per_label_bytes: int


def storage_effect(
    label_sets: Iterable[frozenset[str]],
    catalogue: Catalogue,
    folder_map: FolderMap,
    choices: Choices,
    total_bytes: int = 0,
) -> StorageEffect:
    """Return the effect of copying messages with these label sets; `total_bytes` is the size of them all, if known."""
    sets = Counter(label_sets)
    folders: Counter[str] = Counter()
    skipped: Counter[SkipReason] = Counter()
    copies = 0
    for labels, messages in sets.items():
        placement = place(labels, catalogue, choices)
        if isinstance(placement, Placement):
            folders.update({folder_map.targets[key].name: messages for key in placement.folders})
            copies += messages * _copies(labels, catalogue, choices)
        else:
            skipped[placement.reason] += messages
    copied = sets.total() - skipped.total()
    mean = total_bytes / sets.total() if sets else 0
    return StorageEffect(folders, skipped, copied, copies, round(copied * mean), round(copies * mean))


def _copies(labels: frozenset[str], catalogue: Catalogue, choices: Choices) -> int:
    placement = place(labels, catalogue, replace(choices, policy="copy-per-label"))
    return len(placement.folders) if isinstance(placement, Placement) else 0
