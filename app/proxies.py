"""Proxies that the environment names: ignored, and said so.

The service goes to Google and to the mailbox itself. A proxy would be one more who could see whom it reaches, and the
libraries would each follow such a variable in their own way; a slice that did would be ended as an intrusion.
"""

import os

SENTENCE = (
    "The environment names a proxy ({}). It is ignored: the service connects to Google and to the mailbox directly. "
    "Let the firewall pass that, and unset the variable for the service."
)

_SUFFIX = "_proxy"
_ignored: set[str] = set()


def named() -> tuple[str, ...]:
    """Return the names of the variables that name a proxy, whether or not they are ignored already."""
    found = {name for name, value in os.environ.items() if value and name.lower().endswith(_SUFFIX)}
    return tuple(sorted(name for name in found | _ignored if name.lower() != "no_proxy"))


def ignore() -> None:
    """Take all of them out of the environment, for this process and those it starts."""
    for name in [name for name in os.environ if name.lower().endswith(_SUFFIX)]:
        _ignored.add(name)
        del os.environ[name]


def sentence() -> str:
    """Return what is to be said about them; empty where there are none."""
    return SENTENCE.format(", ".join(named())) if named() else ""
