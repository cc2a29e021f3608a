"""Servers on which other people have folders, too: every namespace style, and what a second user can see there."""

import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from imapclient.exceptions import IMAPClientError

from emulator.servers.certificates import Certificate
from emulator.servers.cyrus import Names, cyrus
from emulator.servers.dovecot import MAILDIR, MAILDIR_FS, SDBOX, Layout, dovecot
from emulator.servers.instance import Limits, Server, User

_MBOX = Layout("mbox:%h/mail:INBOX=%h/inbox", "/")
_NAMESPACES = """
namespace shared {
  type = shared
  separator = SEP
  prefix = SharedSEP%%uSEP
  location = THEIRS
  subscriptions = no
  list = children
}
namespace public {
  type = public
  separator = SEP
  prefix = PublicSEP
  location = COMMON
  subscriptions = no
  mailbox archive {
    auto = create
    special_use = \\Archive
  }
}
"""
_HIDDEN = (
    _NAMESPACES
    + """
namespace hidden {
  type = public
  separator = SEP
  prefix = TeamSEP
  location = COMMON2
  subscriptions = no
  hidden = yes
}
"""
)
_PLACES = {
    "maildir": (MAILDIR, "maildir:%%h/Maildir", "maildir:{home}/mail/common"),
    "maildir-fs": (MAILDIR_FS, "maildir:%%h/Maildir:LAYOUT=fs", "maildir:{home}/mail/common:LAYOUT=fs"),
    "sdbox": (SDBOX, "sdbox:%%h/sdbox", "sdbox:{home}/mail/common"),
    "mbox": (_MBOX, "mbox:%%h/mail", "mbox:{home}/mail/common"),
}
DOVECOTS = sorted(_PLACES)
CYRUSES = {
    "below": Names(),
    "below-slash": Names(slash=True),
    "beside-dot": Names(beside=True),
    "beside": Names(beside=True, slash=True),
}


@dataclass(frozen=True, slots=True)
class Shared:
    """A server with folders of other people, a customer on it and somebody else."""

    server: Server
    customer: User
    other: User

    def seen_by_the_other(self) -> dict[str, int]:
        """Return how many messages each folder holds that the other one can open."""
        return seen(self.server, self.other)


def seen(server: Server, user: User) -> dict[str, int]:
    """Return how many messages each folder holds that this user can open, without the empty ones."""
    found = {}
    with server.observer(user) as client:
        for flags, _, name in client.list_folders():
            if not {flag.lower() for flag in flags} & {b"\\noselect", b"\\nonexistent"}:
                with contextlib.suppress(IMAPClientError):  # with mbox Dovecot lists directories as if they held mail
                    found[name] = client.select_folder(name, readonly=True)[b"EXISTS"]
    return {name: count for name, count in found.items() if count}


@contextmanager
def shared_dovecot(certificate: Certificate, layout: str, *, acl: bool, hidden: bool = False) -> Iterator[Shared]:
    """Give a Dovecot with a shared and a public namespace; `hidden`: and one that is never told of.

    With `acl` everybody may do everything with the common folders, and the server tells the rights.
    """
    place, theirs, common = _PLACES[layout]
    more = (_HIDDEN if hidden else _NAMESPACES).replace("SEP", place.separator)
    more = more.replace("THEIRS", theirs).replace("COMMON2", f"{common}2").replace("COMMON", common)
    with tempfile.NamedTemporaryFile("w", prefix="acls-") as rights:
        for top in ("Public", "Team") if hidden else ("Public",):
            rights.write("".join(f"{top}{below} anyone lrwstipekxa\n" for below in ("", f"{place.separator}*")))
        rights.flush()
        Path(rights.name).chmod(0o644)
        if acl:
            more += f"plugin {{\n  acl = vfile:{rights.name}\n  acl_shared_dict = file:{{home}}/mail/shared.db\n}}\n"
        with dovecot(certificate, replace(place, more=more), Limits(acl=acl)) as server:
            yield Shared(server, server.new_user(), server.new_user())


@contextmanager
def shared_cyrus(certificate: Certificate, style: str) -> Iterator[Shared]:
    """Give a Cyrus with shared folders that everybody may read and post to."""
    with cyrus(certificate, None, CYRUSES[style]) as server:
        assert server.master
        with server.observer(server.master) as admin:
            for name in ("archive", "spam", "Shared", "Team"):
                admin.create_folder(name)
                admin.setacl(name, "anyone", "lrsip")
        yield Shared(server, server.new_user(), server.new_user())
