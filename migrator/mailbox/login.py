"""Entering the mailbox: LOGIN, or SASL PLAIN, XOAUTH2 and OAUTHBEARER by AUTHENTICATE."""

import base64
from functools import singledispatch

from migrator.errors import LoginRefused

from . import answers
from .target import Credentials, MasterUser, OAuthToken, Password
from .wire import Wire


def log_in(wire: Wire, capabilities: frozenset[str], credentials: Credentials) -> None:
    """Log in, or raise LoginRefused (or MailboxUnreachable where the server is only busy).

    `capabilities` are those before login: a mechanism the server does not advertise is not tried, so a secret is
    never sent in a form the server did not ask for.
    """
    answer = _enter(credentials, wire, capabilities)
    if not answer.ok:
        raise answers.login_refusal(answer)
    wire.state = "AUTH"


@singledispatch
def _enter(credentials: Credentials, wire: Wire, capabilities: frozenset[str]) -> answers.Answer:
    raise TypeError(type(credentials))


@_enter.register
def _(credentials: Password, wire: Wire, capabilities: frozenset[str]) -> answers.Answer:
    user, password = credentials.user, credentials.password
    if "LOGINDISABLED" in capabilities or not (user + password).isascii():  # quoted strings are 7-bit
        return _authenticate(wire, capabilities, "PLAIN", _plain("", user, password))
    return wire.run(b"LOGIN %b %b" % (_quoted(user), _quoted(password)))


@_enter.register
def _(credentials: MasterUser, wire: Wire, capabilities: frozenset[str]) -> answers.Answer:
    response = _plain(credentials.authzid, credentials.user, credentials.password)
    return _authenticate(wire, capabilities, "PLAIN", response)


@_enter.register
def _(credentials: OAuthToken, wire: Wire, capabilities: frozenset[str]) -> answers.Answer:
    user, token = _clean(credentials.user), _clean(credentials.token)
    if credentials.mechanism == "xoauth2":  # developers.google.com/workspace/gmail/imap/xoauth2-protocol
        response = f"user={user}\x01auth=Bearer {token}\x01\x01"
        return _authenticate(wire, capabilities, "XOAUTH2", response.encode())
    name = user.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 §4
    response = f"n,a={name},\x01auth=Bearer {token}\x01\x01"  # RFC 7628 §3.1
    return _authenticate(wire, capabilities, "OAUTHBEARER", response.encode(), closing=b"AQ==")


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
