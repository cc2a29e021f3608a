"""Why something on the network cannot be reached, in words: by the classes of exceptions, never by their texts."""

import socket
import ssl
from dataclasses import dataclass

from app.checks.finding import causes

_EXPIRED, _WRONG_NAME, _WRONG_ADDRESS = 10, 62, 64  # X509_V_ERR_* of OpenSSL


@dataclass(frozen=True, slots=True)
class Reason:
    """What is in the way, and what to do about it."""

    found: str
    way_out: str


_REASONS: tuple[tuple[type[BaseException], Reason], ...] = (
    (
        socket.gaierror,
        Reason("its name has no address", "Mend the name in {setting}, or this machine's name server."),
    ),
    (
        FileNotFoundError,
        Reason("its socket is not there", "Start it, or mend the path in {setting}."),
    ),
    (
        ConnectionRefusedError,
        Reason("nothing listens there", "Start it, or mend host and port in {setting}."),
    ),
    (
        PermissionError,
        Reason("this user may not connect to it", "Let the worker's user open the socket that {setting} names."),
    ),
    (
        TimeoutError,
        Reason("it does not answer in time", "Let this machine reach what {setting} names: look at firewall and load."),
    ),
    (
        ssl.SSLError,
        Reason("it does not speak TLS", "Mend the port in {setting}, or let it speak TLS."),
    ),
    (
        OSError,
        Reason("the connection broke", "Look at its log, and at the network between."),
    ),
)


def reason(error: BaseException, setting: str, ca_setting: str = "") -> Reason | None:
    """Return why, and the way out; None for what is no network's error.

    Args:
        error: what was raised.
        setting: names the place.
        ca_setting: names the authorities to trust there; empty where there is no such setting.
    """
    chain = tuple(causes(error))
    untrusted = next((one for one in chain if isinstance(one, ssl.SSLCertVerificationError)), None)
    if untrusted:
        return _certificate(untrusted.verify_code, setting, ca_setting)
    found = next((why for kind, why in _REASONS if any(isinstance(one, kind) for one in chain)), None)
    return Reason(found.found, found.way_out.format(setting=setting)) if found else None


def _certificate(code: int, setting: str, ca_setting: str) -> Reason:
    if code == _EXPIRED:
        return Reason(
            "its certificate has expired", "Renew the certificate, and look why that did not happen by itself."
        )
    if code in {_WRONG_NAME, _WRONG_ADDRESS}:
        return Reason("its certificate is for another name", f"Mend the name in {setting}, or renew the certificate.")
    trusted = f"Let what {setting} names show one that is trusted."
    way_out = f"Name the authority's file in {ca_setting}." if ca_setting else trusted
    return Reason("its certificate is from an unknown authority", way_out)
