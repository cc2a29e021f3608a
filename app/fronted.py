"""Whether a proxy evidently stands in front of a site, and the configuration does not say where it names who asks."""

from urllib.parse import urlsplit

from app.config import Served

UNNAMED = "a proxy stands in front and is not named: all who sign in count as one"
WAY_OUT = 'Have the proxy overwrite X-Real-IP (deploy/proxy/ has files), and set {}.client_header = "X-Real-IP".'

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def is_proxy_unnamed(site: Served) -> bool:
    """Tell whether somebody ends TLS or passes requests on to this machine alone, and all who come count as one."""
    place = urlsplit(site.url)
    if not place.hostname or site.proxies.header:
        return False
    from_here = site.host.strip("[]") in _LOOPBACK and place.hostname not in _LOOPBACK
    return place.scheme == "https" or from_here
