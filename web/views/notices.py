"""Everything a customer may be told instead of the page he asked for, by code, and his way on from there.

Operators have sentences of their own (`app.sentences`); these name nothing that a customer can't see or do.
"""

from dataclasses import dataclass
from http import HTTPStatus

from migrator.receipt import PERMISSIONS_PAGE
from web.views.host import Host
from web.views.language import N_, _
from web.views.notice import Notice, notice


@dataclass(frozen=True, slots=True)
class Said:
    """A notice in words: `title` and `words` (which may hold `{host}`), the place to go to, and the HTTP status."""

    title: str
    words: str
    place: str
    place_words: str
    status: HTTPStatus

    @property
    def is_away(self) -> bool:
        """True if the place is none of ours."""
        return self.place.startswith("https://")


_START = ("/", N_("To the start"))
_SIGN_IN = ("/signin", N_("Sign in"))
_CONNECT = ("/connect", N_("Connect again"))
_GOOGLE = (PERMISSIONS_PAGE, N_("Remove it at Google"))
_NOWHERE = ("", "")

_NOT_CONNECTED = N_("Your Gmail is not connected")
_LATER = N_("Please try again later")

NOTICES: dict[str, Said] = {
    "not-found": Said(
        N_("There is no such page"),
        N_("Perhaps the link is not complete, or what it led to is gone: results are kept for a day."),
        *_START,
        HTTPStatus.NOT_FOUND,
    ),
    "import-gone": Said(
        N_("Nothing is left of this import"),
        N_("It ended more than a day ago, or you have erased it. Your mail is in your mailbox."),
        *_START,
        HTTPStatus.NOT_FOUND,
    ),
    "signed-out": Said(
        N_("You are signed out"),
        N_("An import that is under way goes on without you. Sign in again whenever you want to see how it stands."),
        *_SIGN_IN,
        HTTPStatus.OK,
    ),
    "session-over": Said(
        N_("Please sign in again"),
        N_("You have been away for a while, so we signed you out. An import that is under way goes on meanwhile."),
        *_SIGN_IN,
        HTTPStatus.FORBIDDEN,
    ),
    "mailbox-forgotten": Said(
        N_("Please sign in again"),
        N_("We no longer hold your mailbox's password. Sign in once more to go on; an import under way continues."),
        *_SIGN_IN,
        HTTPStatus.FORBIDDEN,
    ),
    "launch-needed": Said(
        N_("Please open this page from your control panel"),
        N_("Sign in at {host} and press the button for bringing your Gmail there. An import under way goes on."),
        *_NOWHERE,
        HTTPStatus.FORBIDDEN,
    ),
    "launch-refused": Said(
        N_("This link is no longer good"),
        N_("It works once, and for a minute. Go back to your control panel at {host} and press the button again."),
        *_NOWHERE,
        HTTPStatus.FORBIDDEN,
    ),
    "nobody-comes-in": Said(
        N_("This page is not set up yet"),
        N_("{host} has not said yet how its customers come in here. Please tell its support."),
        *_NOWHERE,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
    "too-often": Said(
        _LATER,
        N_("There were too many tries. Please wait some minutes."),
        *_NOWHERE,
        HTTPStatus.TOO_MANY_REQUESTS,
    ),
    "busy": Said(
        _LATER,
        N_("Our server is busy. Nothing was changed; please try again in a few minutes."),
        *_NOWHERE,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
    "store-trouble": Said(
        N_("We are busy, please try again"),
        N_("We can't answer just now. Please try again in a moment. An import under way resumes automatically."),
        "/",
        N_("Try again"),
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
    "mailbox-silent": Said(
        _LATER,
        N_("The mail server of {host} does not answer just now, so we can't check your password."),
        *_SIGN_IN,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
    "unreadable-form": Said(
        N_("Something is missing"),
        N_("We did not understand what was sent. Go back, look at the fields, and try again."),
        *_START,
        HTTPStatus.BAD_REQUEST,
    ),
    "error": Said(
        N_("Something went wrong on our side"),
        N_("Your mail and your import are safe. Please try again; if it happens again, tell the support of {host}."),
        *_START,
        HTTPStatus.INTERNAL_SERVER_ERROR,
    ),
    "audit-broken": Said(
        N_("Something went wrong on our side"),
        N_("We could not write this down in our log, so we did not do it. Please try again, or tell {host}."),
        *_NOWHERE,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
    "not-ended": Said(
        N_("This import has not ended yet"),
        N_("Cancel it first, or wait for its end. Then what we hold can be erased at once, and copies taken back."),
        *_START,
        HTTPStatus.CONFLICT,
    ),
    "undo-under-way": Said(
        N_("An undo is running"),
        N_("It reads what you want to erase. Please wait until it is done."),
        *_START,
        HTTPStatus.CONFLICT,
    ),
    "already-started": Said(
        N_("This import has been started already"),
        N_("Nothing was changed. Look how it stands."),
        *_START,
        HTTPStatus.CONFLICT,
    ),
    "not-possible": Said(
        N_("This can't be done now"),
        N_("The import has moved on since the page was shown. Nothing was changed. Look how it stands."),
        *_START,
        HTTPStatus.CONFLICT,
    ),
    "not-waiting": Said(
        _NOT_CONNECTED,
        N_("This import does not wait to be connected any more. Nothing was changed."),
        *_START,
        HTTPStatus.CONFLICT,
    ),
    "connecting": Said(
        N_("Connecting your Gmail"),
        N_("Please wait a few seconds: this page reloads by itself."),
        *_NOWHERE,
        HTTPStatus.ACCEPTED,
    ),
    "consent-denied": Said(
        _NOT_CONNECTED,
        N_("You did not allow it at Google. That is fine: nothing was granted, and nothing was copied."),
        *_CONNECT,
        HTTPStatus.BAD_REQUEST,
    ),
    "consent-not-ours": Said(
        _NOT_CONNECTED,
        N_(
            "Google's answer came after more than ten minutes, for the second time, or in another browser than the one "
            "you began in. To keep your mail safe, we did not take it. Please connect again."
        ),
        *_CONNECT,
        HTTPStatus.FORBIDDEN,
    ),
    "scope-mismatch": Said(
        _NOT_CONNECTED,
        N_(
            "Google granted something else than reading your Gmail, so we gave it back. Please connect again, and "
            "leave the one permission ticked."
        ),
        *_CONNECT,
        HTTPStatus.BAD_REQUEST,
    ),
    "no-refresh-token": Said(
        _NOT_CONNECTED,
        N_("Google gave access for one hour only, and your import may take longer. We gave it back; connect again."),
        *_CONNECT,
        HTTPStatus.BAD_REQUEST,
    ),
    "wrong-account": Said(
        _NOT_CONNECTED,
        N_(
            "You chose another Google Account than the one this import is for, so we won't use it. Please connect "
            "again, with the right account."
        ),
        *_CONNECT,
        HTTPStatus.BAD_REQUEST,
    ),
    "not-given-back": Said(
        N_("Please act: remove our access"),
        N_(
            "Google granted something that we do not want to keep, and has not confirmed that it took it back. Remove "
            "our access yourself, in your Google Account."
        ),
        *_GOOGLE,
        HTTPStatus.BAD_GATEWAY,
    ),
    "give-back-pending": Said(
        _NOT_CONNECTED,
        N_(
            "Google did not tell us which account this is, so we don't use the access and will give it back "
            "automatically as soon as we know. You can also remove it yourself, in your Google Account; that also ends "
            "an import of the same account. Please try again in a moment."
        ),
        *_GOOGLE,
        HTTPStatus.BAD_GATEWAY,
    ),
    "answer-lost": Said(
        N_("Please act: remove our access"),
        N_(
            "Google's answer did not reach us, so we can't tell whether it granted us access. Please connect again. If "
            "you don't want to, remove our access in your Google Account."
        ),
        *_GOOGLE,
        HTTPStatus.BAD_GATEWAY,
    ),
    "answer-pending": Said(
        _NOT_CONNECTED,
        N_(
            "Google isn't answering properly at the moment, so we can't tell whether it granted us access. We keep "
            "asking, and give back any access we find. Please try again in a moment. If you don't want to, remove our "
            "access in your Google Account."
        ),
        *_GOOGLE,
        HTTPStatus.BAD_GATEWAY,
    ),
    "code-refused": Said(
        _NOT_CONNECTED,
        N_("Google rejected the authorization code, so nothing was granted. Please connect again."),
        *_CONNECT,
        HTTPStatus.BAD_REQUEST,
    ),
    "google-silent": Said(
        _NOT_CONNECTED,
        N_(
            "Google isn't answering properly at the moment, and we have no access to your Gmail. Please try again soon."
        ),
        *_CONNECT,
        HTTPStatus.BAD_GATEWAY,
    ),
    "no-gmail": Said(
        _NOT_CONNECTED,
        N_(
            "This Google Account has no Gmail. Connect another account; if a company or school manages this one, its "
            "administrator can turn Gmail on."
        ),
        *_CONNECT,
        HTTPStatus.BAD_GATEWAY,
    ),
    "google-client-refused": Said(
        _NOT_CONNECTED,
        N_(
            "Google does not accept {host} at the moment, so nobody can connect. {host} has to fix this. Please tell "
            "its support, and try again later."
        ),
        *_CONNECT,
        HTTPStatus.BAD_GATEWAY,
    ),
    "google-refused": Said(
        _NOT_CONNECTED,
        N_(
            "Google does not allow it for this account. If a company or school manages it, its administrator may have "
            "forbidden such access: ask there."
        ),
        *_CONNECT,
        HTTPStatus.BAD_GATEWAY,
    ),
    "not-connected": Said(
        _NOT_CONNECTED,
        N_(
            "Something went wrong on our side. If Google granted us access, we give it back automatically. Please try "
            "again, or tell the support of {host}."
        ),
        *_CONNECT,
        HTTPStatus.BAD_GATEWAY,
    ),
    "account-busy": Said(
        N_("This Gmail account is being imported already"),
        N_("An import of this account is already running. Wait for its end, or cancel it; then begin again."),
        *_START,
        HTTPStatus.CONFLICT,
    ),
    "other-mailbox": Said(
        _NOT_CONNECTED,
        N_("This import goes into another mailbox than the one you came in for. Please come in for that one."),
        *_START,
        HTTPStatus.CONFLICT,
    ),
    "login-refused": Said(
        N_("You are not signed in"),
        N_("Address and password don't belong together, or the mailbox is none of ours. Look at both and try again."),
        *_SIGN_IN,
        HTTPStatus.FORBIDDEN,
    ),
    "key-lost": Said(
        N_("This import can't go on"),
        N_("Cancel it and begin again: what has arrived is recognised, and nothing comes twice."),
        *_START,
        HTTPStatus.CONFLICT,
    ),
}
"""Code -> what is said, where the way leads on, the status. Codes are those of the error trees, or words of ours."""

ALIKE = {
    **dict.fromkeys(("google-down", "google-unavailable", "answer-damaged"), "google-silent"),
    **dict.fromkeys(("google-quota", "google-bandwidth", "google-concurrency"), "google-silent"),
    **dict.fromkeys(("reconnect-needed",), "not-connected"),
    "seal-broken": "key-lost",
    "audit-busy": "audit-broken",
}
"""Codes that come to the same for a customer."""


def said_of(code: str) -> Said:
    """Return the row of a code; what no customer can do anything about is an error of ours."""
    return NOTICES.get(ALIKE.get(code, code), NOTICES["error"])


def notice_of(host: Host, code: str, place: str = "", place_words: str = "") -> Notice:
    """Return the page for a code; `place` is where its button leads instead of where it usually does."""
    said = said_of(code)
    place_words = place_words or (_(said.place_words) if said.place_words else _("Go on"))
    where = place or said.place
    return notice(host, _(said.title), _words(host, said), where, place_words if where else "")


def words_for(code: str, host: Host) -> str:
    """Return the sentence of a code alone, for a page that shows what went wrong the last time."""
    return _words(host, said_of(code))


def _words(host: Host, said: Said) -> str:
    return _(said.words).format(host=host.name)
