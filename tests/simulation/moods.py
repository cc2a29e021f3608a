"""How Google answers now and then: each class is one documented or reported answer, its text names the source.

A mood sees every request first. `cursed` are the messages that it never gives out: their failure is true.
"""

import random
import time
from datetime import UTC, datetime

from .account import mail_of
from .clock import START
from .google import Answer, Google, Request, refusal

MOODS: dict[str, tuple[type["Mood"], float]] = {}


def mood(name: str, likely: float) -> object:
    """Enter a class under its name, with the share of seeds that get it."""

    def entered(kind: type[Mood]) -> type[Mood]:
        MOODS[name] = (kind, likely)
        return kind

    return entered


class Mood:
    """Nothing unusual."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.cursed: set[int] = set()

    def begin(self, google: Google) -> None:
        """Look at the account first."""

    def answer(self, google: Google, request: Request) -> Answer | None:
        """Answer instead of Google, or return None."""


def make(name: str, rng: random.Random) -> Mood:
    return MOODS[name][0](rng)


class _NowAndThen(Mood):
    """So many of the requests, each time for the same few answers in a row, are answered otherwise."""

    share, most = 0.08, 12

    def answer(self, google: Google, request: Request) -> Answer | None:
        if request.method in {"token", "revoke"} or self.most == 0 or self.rng.random() >= self.share:
            return None
        self.most -= 1
        return self.odd(request)

    def odd(self, request: Request) -> Answer:
        raise NotImplementedError


@mood("backend-errors", 0.2)
class BackendErrors(_NowAndThen):
    """5xx (Gmail API, "Resolve errors")."""

    def odd(self, request: Request) -> Answer:
        return refusal(self.rng.choice([500, 502, 503]), "backendError")


@mood("connection-breaks", 0.15)
class ConnectionBreaks(_NowAndThen):
    """The network between us and Google."""

    def odd(self, request: Request) -> Answer:
        raise ConnectionResetError


@mood("rate-limits", 0.2)
class RateLimits(_NowAndThen):
    """Quota by the minute, said as 403 and as 429, and too many at once."""

    most = 6

    def odd(self, request: Request) -> Answer:
        return self.rng.choice(
            [
                refusal(403, "userRateLimitExceeded"),
                refusal(429, "rateLimitExceeded"),
                refusal(429, "rateLimitExceeded", "Too many concurrent requests for user"),
            ]
        )


@mood("bandwidth", 0.08)
class Bandwidth(_NowAndThen):
    """Bytes per day: the end of the wait stands in the text alone."""

    share, most = 0.03, 1

    def odd(self, request: Request) -> Answer:
        until = datetime.fromtimestamp(time.time() + self.rng.choice([600, 7200]), UTC).isoformat()[:19]
        return refusal(429, "userRateLimitExceeded", f"User-rate limit exceeded.  Retry after {until}.961Z")


@mood("failed-precondition", 0.12)
class FailedPrecondition(_NowAndThen):
    """400 failedPrecondition, seen intermittently."""

    most = 4

    def odd(self, request: Request) -> Answer:
        return refusal(400, "failedPrecondition", "Precondition check failed.")


@mood("damaged-answers", 0.12)
class DamagedAnswers(_NowAndThen):
    """Bodies that were cut short."""

    most = 4

    def odd(self, request: Request) -> Answer:
        return Answer(200, b'{"id": "1", "raw": "AAAA')


@mood("html-answers", 0.1)
class HtmlAnswers(_NowAndThen):
    """Google's own error pages, in HTML, with a status of any kind."""

    most = 4

    def odd(self, request: Request) -> Answer:
        return Answer(self.rng.choice([403, 404, 500, 502]), b"<!DOCTYPE html><title>Error</title><p>That's an error.")


@mood("odd-4xx", 0.1)
class Odd4xx(_NowAndThen):
    """408, 409, 499 and 421 have been reported, each gone with the next try."""

    most = 4

    def odd(self, request: Request) -> Answer:
        return refusal(self.rng.choice([408, 409, 421, 499]), "backendError", "The operation was cancelled.")


@mood("some-401", 0.1)
class Some401(_NowAndThen):
    """A few 401s in a row with a valid grant."""

    left = 0

    def answer(self, google: Google, request: Request) -> Answer | None:
        if request.method in {"token", "revoke"}:
            return None
        if self.left == 0 and self.most and self.rng.random() < 0.03:
            self.left, self.most = self.rng.randint(1, 4), self.most - 1
        if self.left == 0:
            return None
        self.left -= 1
        return refusal(401, "authError", "Invalid Credentials")


class _OneMessage(Mood):
    """One message alone is never given out."""

    def begin(self, google: Google) -> None:
        self.cursed = {self.rng.choice(sorted(google.account.mails))} if google.account.mails else set()

    def answer(self, google: Google, request: Request) -> Answer | None:
        if request.method != "get" or int(request.id, 16) not in self.cursed:
            return None
        return self.odd()

    def odd(self) -> Answer:
        return refusal(500, "backendError")


@mood("one-500", 0.08)
class OneBroken(_OneMessage):
    """500 for one message for ever, all others are fine."""


@mood("one-4xx", 0.08)
class OneForbidden(_OneMessage):
    """403, 410, 451 for one message: nothing the account is at fault for."""

    def begin(self, google: Google) -> None:
        super().begin(google)
        self.status, self.reason = self.rng.choice([(403, "forbidden"), (410, "deleted"), (451, "legal"), (400, "x")])

    def odd(self) -> Answer:
        return refusal(self.status, self.reason)


@mood("one-damaged", 0.06)
class OneDamaged(_OneMessage):
    """One message whose bytes never arrive whole."""

    def odd(self) -> Answer:
        return Answer(200, {"id": "1", "raw": "AA=A"})


# --- what the account's owner does meanwhile --------------------------------------------------------------------------


class _Meanwhile(Mood):
    """Something happens at some request after the listing."""

    def begin(self, google: Google) -> None:
        self.at = self.rng.randint(4, 8 + len(google.account.mails))
        self.done = False

    def answer(self, google: Google, request: Request) -> Answer | None:
        if not self.done and sum(google.asked.values()) >= self.at and request.method in {"get", "history", "list"}:
            self.done = True
            self.change(google)
        return None

    def change(self, google: Google) -> None:
        raise NotImplementedError


@mood("mail-arrives", 0.25)
class MailArrives(_Meanwhile):
    """New mail comes in."""

    def change(self, google: Google) -> None:
        for n in range(self.rng.randint(1, 3)):
            google.account.arrive(mail_of(self.rng, 900 + n, google.account, now=START - 60 + n))


@mood("mail-deleted", 0.15)
class MailDeleted(_Meanwhile):
    """A message is deleted for good."""

    def change(self, google: Google) -> None:
        if google.account.mails:
            google.account.delete(self.rng.choice(sorted(google.account.mails)))


@mood("rescued", 0.1)
class Rescued(_Meanwhile):
    """What lay in spam or trash is moved to the inbox."""

    def change(self, google: Google) -> None:
        for mail in list(google.account.mails.values()):
            if thrown := mail.labels & {"SPAM", "TRASH"}:
                google.account.relabel(mail.id, {"INBOX"}, thrown)


@mood("trashed", 0.08)
class Trashed(_Meanwhile):
    """A message is thrown away."""

    def change(self, google: Google) -> None:
        if google.account.mails:
            google.account.relabel(self.rng.choice(sorted(google.account.mails)), {"TRASH"}, {"INBOX"})


@mood("label-made", 0.08)
class LabelMade(_Meanwhile):
    """A label is made, and mail gets it."""

    def change(self, google: Google) -> None:
        google.account.labels["Label_new"] = "Made meanwhile"
        for message_id in self.rng.sample(sorted(google.account.mails), min(3, len(google.account.mails))):
            google.account.relabel(message_id, {"Label_new"}, set())


@mood("label-renamed", 0.05)
class LabelRenamed(_Meanwhile):
    """A label gets another name."""

    def change(self, google: Google) -> None:
        for label in list(google.account.labels)[:1]:
            google.account.labels[label] += " (renamed)"


@mood("label-deleted", 0.05)
class LabelDeleted(_Meanwhile):
    """A label is deleted; the messages stay."""

    def change(self, google: Google) -> None:
        for label in list(google.account.labels)[:1]:
            del google.account.labels[label]
            for mail in [m for m in google.account.mails.values() if label in m.labels]:
                google.account.relabel(mail.id, set(), {label})


@mood("draft-saved", 0.08)
class DraftSaved(_Meanwhile):
    """A draft is saved again: its message gets another id, the old one is gone."""

    def change(self, google: Google) -> None:
        for mail in [m for m in google.account.mails.values() if "DRAFT" in m.labels][:1]:
            google.account.delete(mail.id)
            again = mail_of(self.rng, 950, google.account, now=START - 30)
            again.labels = set(mail.labels)
            google.account.arrive(again)


# --- what Google says of the whole account ----------------------------------------------------------------------------


class WholeAccount(Mood):
    """From some request on Google refuses the account; nobody but a person can change that. `reason`: what is shown."""

    reasons: frozenset[str] = frozenset({"reconnect-needed"})

    def begin(self, google: Google) -> None:
        self.at = self.rng.randint(0, 6 + len(google.account.mails))

    def answer(self, google: Google, request: Request) -> Answer | None:
        if request.method == "revoke" or sum(google.asked.values()) < self.at:
            return None
        return self.odd(request)

    def odd(self, request: Request) -> Answer | None:
        raise NotImplementedError


@mood("grant-revoked", 0.04)
class GrantRevoked(WholeAccount):
    """The customer takes the permission back, or changes the password."""

    def odd(self, request: Request) -> Answer | None:
        if request.method == "token":
            return Answer(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
        return refusal(401, "authError", "Invalid Credentials")


@mood("session-control", 0.03)
class SessionControl(WholeAccount):
    """Workspace asks for a new sign-in: `invalid_grant` with `invalid_rapt`."""

    def odd(self, request: Request) -> Answer | None:
        if request.method == "token":
            return Answer(400, {"error": "invalid_grant", "error_subtype": "invalid_rapt"})
        return refusal(401, "authError", "Invalid Credentials")


@mood("no-gmail", 0.03)
class NoGmail(WholeAccount):
    """400 failedPrecondition "Mail service not enabled": there is no Gmail on this account."""

    reasons = frozenset({"google-refused", "google-no-mailbox", "no-gmail"})

    def odd(self, request: Request) -> Answer | None:
        return None if request.method == "token" else refusal(400, "failedPrecondition", "Mail service not enabled")


@mood("domain-policy", 0.03)
class DomainPolicy(WholeAccount):
    """The Workspace administrator forbids third-party access."""

    reasons = frozenset({"google-refused"})

    def odd(self, request: Request) -> Answer | None:
        return (
            None
            if request.method == "token"
            else refusal(403, "domainPolicy", "The domain administrators have disabled Gmail apps.")
        )
