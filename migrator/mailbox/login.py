"""Entering the mailbox: LOGIN, or SASL PLAIN, XOAUTH2 and OAUTHBEARER by AUTHENTICATE."""

import base64

from migrator.errors import LoginRefused

from . import answers
from .target import Credentials, MasterUser, OAuthToken, Password
from .wire import Wire


class RefusedWithoutReason(LoginRefused):
    """Refused by a NO without a code (RFC 5530): most likely the password, but nobody said so."""


def log_in(wire: Wire, capabilities: frozenset[str], credentials: Credentials) -> None:
    """Log in, or raise LoginRefused or RefusedWithoutReason (or MailboxUnreachable where the server is only busy).

    `capabilities` are those before login: a mechanism the server does not advertise is not tried, so a secret is
    never sent in a form the server did not ask for.
    """
    answer = _enter(credentials, wire, capabilities)
    if not answer.ok:
        refusal = answers.login_refusal(answer)
        if isinstance(refusal, LoginRefused) and not answer.code:
            raise RefusedWithoutReason(refusal.detail)
        raise refusal
    wire.state = "AUTH"


def _enter(credentials: Credentials, wire: Wire, capabilities: frozenset[str]) -> answers.Answer:
    match credentials:
        case Password(user, password):
            if "LOGINDISABLED" in capabilities or not (user + password).isascii():  # quoted strings are 7-bit
                return _authenticate(wire, capabilities, "PLAIN", _plain("", user, password))
            return wire.run(b"LOGIN %b %b" % (_quoted(user), _quoted(password)))
        case MasterUser(authzid, user, password):
            return _authenticate(wire, capabilities, "PLAIN", _plain(authzid, user, password))
        case OAuthToken(user, token, mechanism):
            if mechanism == "xoauth2":
                return _authenticate(wire, capabilities, "XOAUTH2", _xoauth2(_clean(user), _clean(token)))
            return _authenticate(wire, capabilities, "OAUTHBEARER", _bearer(_clean(user), _clean(token)), b"AQ==")


def _xoauth2(user: str, token: str) -> bytes:
    """Return the response of developers.google.com/workspace/gmail/imap/xoauth2-protocol."""
    return f"user={user}\x01auth=Bearer {token}\x01\x01".encode()


def _bearer(user: str, token: str) -> bytes:
    """Return the response of RFC 7628 §3.1; the name is escaped as RFC 5801 §4 has it."""
    name = user.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={name},\x01auth=Bearer {token}\x01\x01".encode()


def _authenticate(
    wire: Wire, capabilities: frozenset[str], mechanism: str, response: bytes, closing: bytes = b""
) -> answers.Answer:
    """Run AUTHENTICATE (RFC 9051 §6.2.2); `closing` answers the reason a server gives for a refusal (RFC 7628 §3.2.3).

    The response goes with the command where the server has SASL-IR (RFC 4959): one round trip instead of two.
    """
    if f"AUTH={mechanism}" not in capabilities:
        raise LoginRefused("mechanism-missing")
    encoded = base64.b64encode(response)
    if "SASL-IR" in capabilities:
        tag = wire.begin(b"AUTHENTICATE %b %b" % (mechanism.encode(), encoded))
        replies = [closing]
    else:
        tag = wire.begin(b"AUTHENTICATE %b" % mechanism.encode())
        replies = [encoded, closing]
    for reply in replies:
        if wire.asks_for_more(tag):
            wire.send(reply + b"\r\n")
    return wire.finish(tag)


def _plain(authzid: str, user: str, password: str) -> bytes:
    return "\0".join(map(_clean, (authzid, user, password))).encode()


def _quoted(text: str) -> bytes:
    return b'"%b"' % _clean(text).replace("\\", "\\\\").replace('"', '\\"').encode()


def _clean(text: str) -> str:
    """Return `text`, unless it holds control characters: a line end in a user name would be a command of its own."""
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):  # noqa: PLR2004
        raise LoginRefused("control-character")
    return text
