"""Dovecot 2.3: private instances in each storage layout.

Any user name exists, fresh, with the password `pass`; `name@1000` is one with a quota of 1,000 bytes.
"""

import base64
import contextlib
import grp
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .certificates import Certificate
from .instance import PASSWORD, Limits, Server, User, folder, free_ports, owner, running
from .tokens import ISSUER, KEY

_PROGRAM = "/usr/sbin/dovecot"
_CAPABILITIES = (
    "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES THREAD=REFS "
    "THREAD=ORDEREDSUBJECT MULTIAPPEND URL-PARTIAL CATENATE UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED "
    "I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS BINARY MOVE "
    "SNIPPET=FUZZY PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE LITERAL+ NOTIFY SPECIAL-USE QUOTA"
)


@dataclass(frozen=True, slots=True)
class Layout:
    """How Dovecot lays a mailbox out: its `mail_location`, hierarchy separator and namespace prefix.

    `more` is further configuration, such as namespaces of other people's folders; `{home}` in it is the instance's.
    """

    location: str
    separator: str
    prefix: str = ""
    plugins: str = ""
    more: str = ""


MAILDIR = Layout("maildir:%h/Maildir", ".")
MAILDIR_FS = Layout("maildir:%h/Maildir:LAYOUT=fs", "/", plugins="listescape")
SDBOX = Layout("sdbox:%h/sdbox", "/")
MDBOX = Layout("mdbox:%h/mdbox", ".", prefix="INBOX.")  # what cPanel and Courier hosts look like
MBOX = Layout("mbox:%h/mail:INBOX=%h/inbox", "/")  # Debian's default, but for the place of INBOX
LAYOUTS = {"maildir": MAILDIR, "maildir-fs": MAILDIR_FS, "sdbox": SDBOX, "mdbox": MDBOX, "mbox": MBOX}


@contextlib.contextmanager
def dovecot(certificate: Certificate, layout: Layout = MAILDIR, limits: Limits | None = None) -> Iterator[Server]:
    """Run a private Dovecot; `user*master` logs in with the master user's password."""
    with folder() as home:
        port, tls_port = free_ports(2)
        _write_files(home)
        config = home / "dovecot.conf"
        config.write_text(
            _general(home, certificate)
            + _accounts(home)
            + _storage(layout, limits or Limits())
            + layout.more.replace("{home}", str(home))
            + _listeners(port, tls_port)
            + _unprivileged()
        )
        with running([_PROGRAM, "-F", "-c", str(config)], home / "stdout", port):
            yield Server(
                "dovecot",
                port,
                tls_port,
                certificate.ca_file,
                lambda name, quota: User(name if quota is None else f"{name}@{quota}"),
                master=User("master", "masterpass"),
                store=layout.location.partition(":")[0],
            )


def _write_files(home: Path) -> None:
    for name in ("base", "state", "mail"):
        (home / name).mkdir()
    if os.geteuid() == 0:
        os.chown(home / "mail", owner().pw_uid, owner().pw_gid)
    (home / "masters").write_text("master:{PLAIN}masterpass::::::\n")
    key = home / "keys/default/HS256/default"
    key.parent.mkdir(parents=True)
    key.write_bytes(base64.b64encode(KEY))
    (home / "oauth2.conf").write_text(
        "introspection_mode = local\n"
        f"local_validation_key_dict = fs:posix:prefix={home}/keys/\n"
        "username_attribute = email\n"
        f"issuers = {ISSUER}\n"
    )


def _general(home: Path, certificate: Certificate) -> str:
    return f"""
base_dir = {home}/base
state_dir = {home}/state
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
shutdown_clients = yes
disable_plaintext_auth = no
auth_failure_delay = 0
ssl = yes
ssl_cert = <{certificate.chain}
ssl_key = <{certificate.key}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  client_limit = 1000
}}
"""


def _accounts(home: Path) -> str:
    who = owner()
    return f"""
auth_mechanisms = plain login oauthbearer xoauth2
auth_master_user_separator = *
first_valid_uid = 1
mail_uid = {who.pw_uid}
mail_gid = {who.pw_gid}
passdb {{
  driver = passwd-file
  master = yes
  args = {home}/masters
  result_success = continue
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {home}/oauth2.conf
}}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={who.pw_uid} gid={who.pw_gid} home={home}/mail/%u quota_rule=*:bytes=%{{if;%d;eq;;0;%d}}
}}
"""


def _storage(layout: Layout, limits: Limits) -> str:
    plugins = f"quota {layout.plugins}" + (" acl" if limits.acl else "")
    known = f"{_CAPABILITIES} ACL" if limits.acl else _CAPABILITIES
    names = " ".join(word for word in known.split() if word not in limits.without)
    return f"""
mail_location = {layout.location}
mail_fsync = never
mailbox_list_index = yes
mail_plugins = {plugins}
imap_literal_minus = {"yes" if limits.literal_minus else "no"}
{f"imap_capability = {names}" if limits.without else ""}
namespace inbox {{
  inbox = yes
  separator = {layout.separator}
  prefix = {layout.prefix}
  mailbox Drafts {{
    special_use = \\Drafts
  }}
  mailbox Sent {{
    special_use = \\Sent
  }}
  mailbox Trash {{
    special_use = \\Trash
  }}
  mailbox Junk {{
    special_use = \\Junk
  }}
}}
protocol imap {{
  mail_plugins = $mail_plugins imap_quota {"imap_acl" if limits.acl else ""}
  mail_max_userip_connections = {limits.max_connections}
}}
plugin {{
  acl = vfile
  quota = count:User quota
  quota_vsizes = yes
  quota_max_mail_size = {limits.max_mail_size}B
  quota_exceeded_message = Quota exceeded (mailbox for user is full)
}}
"""


def _listeners(port: int, tls_port: int) -> str:
    return f"""
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {tls_port}
    ssl = yes
  }}
  process_min_avail = 1
}}
"""


def _unprivileged() -> str:
    """Return what Dovecot needs to run as an ordinary user: no chroot, no other user to change to."""
    if os.geteuid() == 0:
        return ""
    user, group = owner().pw_name, grp.getgrgid(os.getegid()).gr_name
    chroots = "".join(f"service {name} {{\n  chroot =\n}}\n" for name in ("anvil", "imap-login", "stats"))
    return f"""
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
{chroots}"""
