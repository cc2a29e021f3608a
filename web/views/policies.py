"""What becomes of messages with several labels: the policies to choose from, each with what it stores."""

from dataclasses import dataclass

from migrator.preview import StorageEffect
from web.views.language import _
from web.views.wording import messages, size


@dataclass(frozen=True, slots=True)
class Policy:
    """One way to treat messages with several labels, with what it stores: `storage`, `fits`, empty where unknown."""

    value: str
    title: str
    words: str
    storage: str
    fits: str
    chosen: bool


def policies(effect: StorageEffect | None, free: int | None, chosen: str) -> tuple[Policy, ...]:
    """Return both policies with their storage.

    Args:
        effect: what they store; None where the mail was not counted.
        free: space in bytes, None where unknown.
        chosen: the policy ticked.
    """
    one = (effect.one_copy_messages, effect.one_copy_bytes) if effect else None
    several = (effect.copy_per_label_messages, effect.copy_per_label_bytes) if effect else None
    rows = (
        (
            "one-copy",
            _("One copy of each message"),
            _(
                "It lies in the folder of its most telling label; its other labels become tags, where your mail "
                "program shows tags."
            ),
            one,
        ),
        (
            "copy-per-label",
            _("A copy in the folder of each label"),
            _("As Gmail shows it: the same message in every folder. Each copy counts against your space."),
            several,
        ),
    )
    return tuple(
        Policy(value, title, words, _storage(stored), _fits(stored, free), value == chosen)
        for value, title, words, stored in rows
    )


def _storage(stored: tuple[int, int] | None) -> str:
    if stored is None:
        return ""
    return _("{messages}, about {size}").format(messages=messages(stored[0]), size=size(stored[1]))


def _fits(stored: tuple[int, int] | None, free: int | None) -> str:
    if stored is None or free is None:
        return ""
    words = _("fits into your {size} of free space") if stored[1] <= free else _("more than your {size} of free space")
    return words.format(size=size(free))
