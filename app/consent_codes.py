"""The codes by which a consent may fail: whose affair each is, and as which error it is told."""

import structlog

from migrator.errors import (
    AnswerDamaged,
    BandwidthExhausted,
    ClientRefused,
    GoogleDown,
    GoogleRefused,
    GoogleUnavailable,
    NoGmail,
    QuotaExhausted,
    ReconnectNeeded,
)
from migrator.gmail import TooManyAtOnce
from oauth.errors import (
    AccessForbidden,
    ClientUnusable,
    CodeRefused,
    GoogleSilent,
    GrantError,
    GrantUnreadable,
    NotConnected,
)

_log = structlog.get_logger()

OF_GOOGLE = frozenset(
    kind.code
    for kind in (
        *(AnswerDamaged, BandwidthExhausted, ClientRefused, GoogleDown, GoogleRefused, GoogleUnavailable, NoGmail),
        *(QuotaExhausted, ReconnectNeeded, TooManyAtOnce),
    )
)
"""Why Google may not say whose account it is; every other code is a failure of our own."""

NOTHING_GRANTED = frozenset(
    kind.code for kind in (AccessForbidden, ClientUnusable, CodeRefused, GoogleSilent, GrantUnreadable)
)
"""How an exchange may fail of which it is known that nothing came of it."""


def error_of(told: str, migration: str) -> GrantError:
    """Return the error of a code that the process told, which may have Google's word behind a colon."""
    code, _, word = told.partition(":")
    kinds = {kind.code: kind for kind in GrantError.__subclasses__() if kind is not NotConnected}
    if code in kinds:
        return kinds[code](word)
    if code not in OF_GOOGLE:
        _log.error("not-connected", migration=migration, code=told)
        return NotConnected(NotConnected.code)
    return NotConnected(code)
