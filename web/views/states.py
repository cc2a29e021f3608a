"""What each state and each reason means to a customer: where the import stands, and what happens next.

Operators have sentences of their own (`app.sentences`); these speak of nothing a customer can't see or do.
"""

from dataclasses import dataclass
from typing import Literal

from jobs.migration import State
from web.views.language import N_

Tone = Literal["busy", "waiting", "yours", "stopped", "resting", "good"]
"""busy: we work · waiting: we go on by ourselves · yours: the customer has to do something · stopped: our side or the
host's has to · resting: paused or ended early as asked · good: done."""


@dataclass(frozen=True, slots=True)
class Words:
    """A state in words: `headline` is the big sentence, `then` what happens next; both may hold `{host}`, `{time}`."""

    tone: Tone
    headline: str
    then: str


BADGES: dict[Tone, str] = {
    "busy": N_("Working"),
    "waiting": N_("Waiting"),
    "yours": N_("Needs you"),
    "stopped": N_("Stopped"),
    "resting": N_("Resting"),
    "good": N_("Finished"),
}
"""The tone as a word beside its colour."""

PHASES: dict[State, Words] = {
    State.PLANNING: Words(
        "busy",
        N_("We are counting your mail"),
        N_("Then the copying begins by itself, newest mail first."),
    ),
    State.COPYING: Words(
        "busy",
        N_("Your mail is coming over"),
        N_("What has arrived can be read in your new mailbox already."),
    ),
    State.VERIFYING: Words(
        "busy",
        N_("We are looking after every copy"),
        N_("We look in your mailbox whether each message arrived. Then our access to Google is removed."),
    ),
    State.FINISHING: Words(
        "busy",
        N_("We are tidying up"),
        N_("Our access to Google is removed, and what we held is destroyed. Then you get the result."),
    ),
}

_GOOGLE_SILENT = Words(
    "waiting", N_("Google does not answer at the moment"), N_("We try again at {time} by ourselves. Nothing is lost.")
)
_MAILBOX_SILENT = Words(
    "waiting",
    N_("Your new mailbox does not answer at the moment"),
    N_("We try again at {time} by ourselves. Nothing is lost."),
)
_REFUSES = Words(
    "waiting",
    N_("Your new mailbox accepts no mail at the moment"),
    N_("We try again at {time} by ourselves. Nothing is lost."),
)
_SLOW_DOWN = Words("waiting", N_("Google asked us to slow down"), N_("We go on at {time} by ourselves."))

WAITING: dict[str, Words] = {
    "google-quota": _SLOW_DOWN,
    "google-concurrency": _SLOW_DOWN,
    "google-bandwidth": Words(
        "waiting",
        N_("Google's limit for one day is reached"),
        N_("Google lets only so much be read in a day. We go on at {time} by ourselves."),
    ),
    "messages-deferred": Words(
        "waiting",
        N_("Some messages need another try"),
        N_("Everything else has been copied. We try these again at {time} by ourselves."),
    ),
    "google-down": _GOOGLE_SILENT,
    "google-unavailable": _GOOGLE_SILENT,
    "answer-damaged": _GOOGLE_SILENT,
    "connection-lost": _MAILBOX_SILENT,
    "server-misbehaves": _MAILBOX_SILENT,
    "mailbox-unreachable": _MAILBOX_SILENT,
    "mailbox-refuses": _REFUSES,
    "google-client-refused": Words(
        "waiting",
        N_("Google does not accept our application at the moment"),
        N_("{host} has to fix this; there is nothing for you to do. Your import then continues by itself."),
    ),
    "mailbox-full": Words(
        "yours",
        N_("Your new mailbox is full"),
        N_("Delete what you don't need there, or ask {host} for more space. We look again at {time} and go on."),
    ),
    "failed-messages": Words(
        "yours",
        N_("Some messages could not be copied"),
        N_(
            "Everything else is in your new mailbox. Try them again, or finish without them: they stay in your Gmail. "
            "If you do nothing, we finish without them at {time}."
        ),
    ),
    "revocation-unconfirmed": Words(
        "waiting",
        N_("Google has not confirmed yet that our access is removed"),
        N_("The copying is over. We ask Google again at {time} by ourselves."),
    ),
}
"""Reason code -> words of a migration that waits."""

WAITING_ELSE = Words("waiting", N_("We have to wait a moment"), N_("We go on at {time} by ourselves. Nothing is lost."))

_PASSWORD = Words(
    "yours",
    N_("Your new mailbox does not accept the password"),
    N_(
        "If you changed it, come in here once more with the new one: then we go on by ourselves. If {host} has put it "
        "right, press “Try again”. Your place is kept until {time}."
    ),
)

PAUSED: dict[str, Words] = {
    "asked": Words(
        "resting", N_("Paused"), N_("Nothing moves until you go on. If you don't by {time}, the import is ended.")
    ),
    "reconnect-needed": Words(
        "yours",
        N_("Please connect your Google Account again"),
        N_(
            "Google no longer accepts our access; that happens after a change of password, for instance. "
            "Nothing is lost: we go on where we stopped. Please do it by {time}."
        ),
    ),
    "key-lost": Words(
        "yours",
        N_("Please connect your Google Account again"),
        N_(
            "We have lost the key to our access and to your mailbox, so nobody can use them any more. Nothing else is "
            "lost: connect again, and we go on where we stopped. You may have to come in here once more before. "
            "Please do it by {time}."
        ),
    ),
    "login-refused": _PASSWORD,
    "not-started": Words(
        "yours", N_("Not started yet"), N_("Your Google Account is connected. Nothing is copied until you start.")
    ),
}

PAUSED_ELSE = Words("resting", N_("Paused"), N_("Nothing moves until it is resumed. Your place is kept until {time}."))

_AT_THE_HOST = Words(
    "stopped",
    N_("We can't reach your new mailbox"),
    N_("{host} has to put this right. Then press “Try again”. Your place is kept until {time}."),
)
_BEGIN_AGAIN = Words(
    "yours",
    N_("This import can't go on"),
    N_("Cancel it and begin again: what has arrived is recognised, and nothing comes twice."),
)

FAILED: dict[str, Words] = {
    "no-gmail": Words(
        "yours",
        N_("This Google Account has no Gmail"),
        N_(
            "If a company or school manages it, ask its administrator to turn Gmail on, then press “Try again”. "
            "Otherwise cancel this import and connect another account. Your place is kept until {time}."
        ),
    ),
    "google-refused": Words(
        "yours",
        N_("Google does not allow it"),
        N_(
            "Your account's administrator may have forbidden such access. Ask there, then press “Try again”. "
            "Your place is kept until {time}."
        ),
    ),
    "login-refused": _PASSWORD,
    "unknown-host": _AT_THE_HOST,
    "certificate-invalid": _AT_THE_HOST,
    "host-not-allowed": _AT_THE_HOST,
    "key-lost": _BEGIN_AGAIN,
    "seal-broken": _BEGIN_AGAIN,
}
"""Reason code -> words of a migration that failed."""

FAILED_ELSE = Words(
    "stopped",
    N_("Something went wrong on our side"),
    N_("Nothing is lost. Press “Try again”; if it stops again, tell the support of {host} the code below."),
)
FAILED_FOR_GOOD = Words(
    "stopped",
    N_("Something went wrong on our side"),
    N_("Cancel this import and begin again: what has arrived is recognised, and nothing comes twice."),
)

ENDED: dict[State, Words] = {
    State.DONE: Words("good", N_("Your mail has arrived"), N_("Every message of your Gmail is accounted for below.")),
    State.DONE_WITH_EXCEPTIONS: Words(
        "good",
        N_("Your mail has arrived, with exceptions"),
        N_("Some messages could not be copied. They are still in your Gmail; the list below leads to them."),
    ),
    State.CANCELLED: Words(
        "resting", N_("Import cancelled"), N_("What had arrived until then stays in your new mailbox.")
    ),
    State.EXPIRED: Words(
        "stopped",
        N_("This import was ended, because nothing moved for three days"),
        N_("What had arrived stays in your new mailbox. Begin again when you like: nothing comes twice."),
    ),
}
