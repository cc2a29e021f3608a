"""What was found before the start, in the shapes of the screens; every choice's effect is computed here, asking nobody.

Apart from `app.seen`, which the process that looks also needs: that one has no use for pages.
"""

from dataclasses import dataclass, replace

from app.seen import Seen
from migrator.foldermap import map_folders
from migrator.labels import Choices, Label, catalogue_of, empty_and_hidden
from migrator.preview import effect_of
from web.views.check import Counted
from web.views.choose import Looked


@dataclass(frozen=True, slots=True)
class Failed:
    """The account could not be looked over; `code` is one of `app.sentences`, or says what happened to the process."""

    code: str


@dataclass(frozen=True, slots=True)
class Found:
    """The account and the mailbox as they were a moment ago."""

    seen: Seen

    @property
    def labels(self) -> tuple[Label, ...]:
        """The account's labels, system and user."""
        return self.seen.labels


def counted(found: Found) -> Counted:
    """Return the figures for the screen Check."""
    seen = found.seen
    users = sum(label.type == "user" for label in seen.labels)
    return Counted(seen.survey.messages, users, seen.survey.at_least, seen.survey.at_most, seen.free)


def looked(found: Found, choices: Choices) -> Looked:
    """Return what these choices would do, for the screen Choose."""
    seen = found.seen
    folder_map = map_folders(seen.labels, seen.shape, choices)
    effect = effect_of(seen.survey, catalogue_of(seen.labels), folder_map, choices)
    return Looked(seen.labels, folder_map, effect, seen.survey.by_label, seen.free, seen.holds_mail)


def usual(found: Found | None, choices: Choices) -> Choices:
    """Return the host's choices for this account: hidden labels without mail start unticked, where they are known."""
    if found is None:
        return choices
    empty = empty_and_hidden(found.labels, found.seen.survey.by_label)
    return replace(choices, skip_labels=choices.skip_labels | empty)
