"""The mail servers that imports go to: reached, under a good certificate, and able to take a login."""

import ipaddress
import time
from collections.abc import Iterator

from app.checks.finding import Finding, bad, ok, warn
from app.config import Config
from migrator.errors import CertificateInvalid, LoginRefused, MailboxUnreachable, UnknownHost
from migrator.mailbox import Greeting, Target, greeting

_SECONDS = 5.0
_DAY = 86_400
_SOON_DAYS = 7

_CERTIFICATES = {
    "expired": ("its certificate has expired", "Renew the certificate, and look why that did not happen by itself."),
    "wrong-name": (
        "its certificate is for another name",
        "Name the host as its certificate does in {setting}, or renew the certificate.",
    ),
    "untrusted": (
        "its certificate is from an unknown authority",
        "Name the authority's file in {setting}.ca_file, or take a certificate that all systems trust.",
    ),
    "no-tls": ("it offers no STARTTLS", 'Set {setting}.port to 993 and {setting}.tls to "implicit".'),
}


def mail_servers(config: Config) -> Iterator[Finding]:
    """Look at every mail server that the configuration names, once."""
    targets = _targets(config)
    if not targets:
        yield bad("mailbox", "no mail server is named", "Name the server that takes the mail in mailbox.host.")
    for target, setting in targets.items():
        yield from _server(setting, target)


def _targets(config: Config) -> dict[Target, str]:
    """Return the servers, with the setting that names each."""
    named = {f"signin.hosts.{domain}": row for domain, row in config.signin.hosts.items()}
    found = {"mailbox": config.mailbox, **named}
    rows = {setting: config.model_copy(update={"mailbox": row}).target for setting, row in found.items() if row.host}
    return {target: setting for setting, target in reversed(rows.items())}


def _server(setting: str, target: Target) -> Iterator[Finding]:
    place = f"{target.host}:{target.port}"
    if target.tls == "none" and not _is_here(target.host):
        found = f"passwords and mail go to {place} in the clear"
        yield bad(setting, found, f'Set {setting}.tls to "implicit" or "starttls".')
    try:
        said = greeting(target, _SECONDS)
    except UnknownHost:
        way_out = f"Mend {setting}.host, or this machine's name server."
        yield bad(setting, f"{target.host} has no address", way_out)
    except CertificateInvalid as error:
        found, way_out = _CERTIFICATES[error.detail]
        yield bad(setting, f"{place}: {found}", way_out.format(setting=setting))
    except LoginRefused:
        way_out = "Let it ask for a login first: whose mailbox would it be?"
        yield bad(setting, f"{place} is logged in before anybody spoke (PREAUTH)", way_out)
    except MailboxUnreachable:
        way_out = f"Start it, let this machine reach it, or mend host, port and tls of {setting}."
        yield bad(setting, f"no mail server answers at {place}", way_out)
    except OSError:
        yield bad(setting, "its ca_file cannot be read", "Name a file with the authority's certificate (PEM).")
    else:
        yield _greeted(setting, place, said)


def _greeted(setting: str, place: str, said: Greeting) -> Finding:
    if "LOGINDISABLED" in said.capabilities and not any(word.startswith("AUTH=") for word in said.capabilities):
        return bad(setting, f"{place} takes no login this way", f"Set {setting}.tls as the server wants it.")
    if said.valid_until is None:
        return ok(setting, f"{place} answers, in the clear on this machine")
    days = int((said.valid_until - time.time()) // _DAY)
    if days < _SOON_DAYS:
        return warn(setting, f"the certificate of {place} ends in {days} days", "Renew the certificate.")
    return ok(setting, f"{place} answers; its certificate is good for {days} days")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
