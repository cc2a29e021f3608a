"""The addresses by which browsers and the panel find us and we find the panel."""

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from app.checks.finding import Finding, bad, ok, warn
from app.checks.reaching import reason
from app.config import Config
from app.fronted import UNNAMED, WAY_OUT, is_proxy_unnamed

_SECONDS = 5.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_HTTPS = 443


def addresses(config: Config) -> Iterator[Finding]:
    """Look at those that are set."""
    for setting, url in _served(config).items():
        if url:
            yield _public(setting, url)
    for section, site in {"web": config.web, "console": config.console}.items():
        if is_proxy_unnamed(site):
            yield warn(f"{section}.client_header", UNNAMED, WAY_OUT.format(section))
    if config.hook.url:
        yield _hook(config)


def _served(config: Config) -> dict[str, str]:
    return {"web.url": config.web.url, "console.url": config.console.url}


def _public(setting: str, url: str) -> Finding:
    place = urlsplit(url)
    host = place.hostname or ""
    if not host:
        return bad(setting, "is no address", f"Write {setting} as https://host.")
    if place.scheme != "https" and host not in _LOOPBACK:
        way_out = f"Let a proxy end TLS before it, and write {setting} with https://."
        return bad(setting, "not https: sessions would travel in the clear", way_out)
    try:
        socket.getaddrinfo(host, place.port or _HTTPS)
    except (OSError, UnicodeError):
        return bad(setting, f"{host} has no address", f"Give {host} an address in the DNS, or mend {setting}.")
    return ok(setting, f"{host} has an address")


def _hook(config: Config) -> Finding:
    """Connect as a post would, and send nothing."""
    setting, place = "hook.url", urlsplit(config.hook.url)
    host = place.hostname or ""
    if place.scheme != "https" and host not in _LOOPBACK:
        return bad(setting, "not https", f"Write {setting} with https://.")
    try:
        with socket.create_connection((host, place.port or _HTTPS), _SECONDS) as line:
            if place.scheme == "https":
                trusted = ssl.create_default_context(cafile=config.hook.ca_file)
                trusted.wrap_socket(line, server_hostname=host).close()
    except (OSError, UnicodeError) as error:
        why = reason(error, setting, "hook.ca_file")
        return bad(setting, why.found if why else "cannot be reached", why.way_out if why else f"Mend {setting}.")
    return ok(setting, f"{host} answers")
