"""Cyrus 3.6, unpacked by scripts/install-test-servers, strict about mail, in each style of names."""

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imapclient import IMAPClient

from .certificates import Certificate
from .instance import INSTALL, PASSWORD, Limits, Server, User, folder, free_ports, running

_ADMIN = User("cyrus")
_REALM = "localhost"
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Names:
    """How Cyrus names folders: beside INBOX (altnamespace) or below it, with `/` (unixhierarchysep) or `.` between."""

    beside: bool = False
    slash: bool = False


BELOW = Names()  # prefix `INBOX.`, separator `.`
BESIDE = Names(beside=True, slash=True)  # no prefix, separator `/`: Cyrus' own default since 3.0
STYLES = {"below": BELOW, "beside": BESIDE}


@contextlib.contextmanager
def cyrus(certificate: Certificate, limits: Limits | None = None, names: Names = BELOW) -> Iterator[Server]:
    """Run a private Cyrus; its admin `cyrus` may log in for any user by SASL PLAIN."""
    with folder() as home:
        programs = _programs(home)
        port, tls_port = free_ports(2)
        _make_folders(home)
        (home / "imapd.conf").write_text(_imapd_conf(home, certificate, limits or Limits(), names))
        (home / "cyrus.conf").write_text(_cyrus_conf(home, programs, port, tls_port))
        _give_away(home)
        _set_password(home, programs, _ADMIN)
        command = [
            str(programs / "usr/lib/cyrus/bin/master"),
            *("-C", f"{home}/imapd.conf", "-M", f"{home}/cyrus.conf", "-p", f"{home}/pid"),
        ]
        user = _owner().pw_name if os.geteuid() == 0 else None
        with running(command, home / "stdout", port, _environment(programs), user):
            yield Server(
                "cyrus",
                port,
                tls_port,
                certificate.ca_file,
                lambda name, quota: _add_user(home, programs, port, User(name), "/" if names.slash else ".", quota),
                master=_ADMIN,
            )


def _programs(home: Path) -> Path:
    """Return where Cyrus was unpacked; a copy of it where Cyrus's own user could not reach it."""
    root = Path(__file__).parents[2]
    found = Path(os.environ.get("TEST_SERVERS", root / "var/test-servers")) / "cyrus"
    if not (found / ".complete").exists():
        raise FileNotFoundError(f"Cyrus is missing: {INSTALL}")
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in found.resolve().parents):
        return found
    return Path(shutil.copytree(found, home / "programs", symlinks=True))


def _environment(programs: Path) -> dict[str, str]:
    """Return where libraries and SASL plug-ins lie: unpacked, or the system's own where those were there before."""
    libraries = [*programs.glob("usr/lib/*-linux-gnu"), *programs.glob("lib/*-linux-gnu")]
    plugins = [*programs.glob("usr/lib/*-linux-gnu/sasl2"), *Path("/").glob("usr/lib/*-linux-gnu/sasl2")]
    return {"LD_LIBRARY_PATH": ":".join(map(str, libraries)), "SASL_PATH": ":".join(map(str, plugins))}


def _owner() -> pwd.struct_passwd:
    """Return whom Cyrus runs as: it refuses to be root."""
    return pwd.getpwnam("mail") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def _make_folders(home: Path) -> None:
    for name in ("conf", "conf/db", "conf/socket", "conf/log", "spool", "sieve", "proc", "lock", "socket"):
        (home / name).mkdir()


def _imapd_conf(home: Path, certificate: Certificate, limits: Limits, names: Names) -> str:
    suppressed = f"suppress_capabilities: {' '.join(sorted(limits.without))}" if limits.without else ""
    return f"""
configdirectory: {home}/conf
defaultpartition: default
partition-default: {home}/spool
proc_path: {home}/proc
mboxname_lockpath: {home}/lock
sievedir: {home}/sieve
cyrus_user: {_owner().pw_name}
servername: {_REALM}
admins: {_ADMIN.name}
altnamespace: {_yes(names.beside)}
unixhierarchysep: {_yes(names.slash)}
virtdomains: off
allowplaintext: yes
sasl_mech_list: PLAIN LOGIN
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {home}/sasldb
tls_server_cert: {certificate.chain}
tls_server_key: {certificate.key}
syslog_prefix: cyrus-test
idlesocket: {home}/socket/idle
notifysocket: {home}/socket/notify
munge8bit: {"no" if limits.reject_8bit else "yes"}
reject8bit: {"yes" if limits.reject_8bit else "no"}
literalminus: {"yes" if limits.literal_minus else "no"}
maxmessagesize: {limits.max_mail_size}
failedloginpause: 0
{suppressed}
"""


def _yes(value: bool) -> str:  # noqa: FBT001
    return "yes" if value else "no"


def _cyrus_conf(home: Path, programs: Path, port: int, tls_port: int) -> str:
    bin_folder = programs / "usr/lib/cyrus/bin"
    imapd = f"{bin_folder}/imapd -C {home}/imapd.conf -U 30"
    return f"""
START {{
  recover cmd="{bin_folder}/ctl_cyrusdb -C {home}/imapd.conf -r"
}}
SERVICES {{
  imap  cmd="{imapd}" listen="127.0.0.1:{port}" prefork=1 maxchild=100
  imaps cmd="{imapd} -s" listen="127.0.0.1:{tls_port}" prefork=0 maxchild=100
}}
EVENTS {{
}}
"""


def _give_away(home: Path) -> None:
    if os.geteuid() == 0:
        for path in (home, *home.rglob("*")):
            if not path.is_relative_to(home / "programs"):
                os.chown(path, _owner().pw_uid, _owner().pw_gid)


def _set_password(home: Path, programs: Path, user: User) -> None:
    subprocess.run(
        [programs / "usr/sbin/saslpasswd2", "-p", "-c", "-f", home / "sasldb", "-u", _REALM, user.name],
        input=PASSWORD.encode(),
        env=os.environ | _environment(programs),
        check=True,
        capture_output=True,
    )
    (home / "sasldb").chmod(0o644)


def _add_user(home: Path, programs: Path, port: int, user: User, separator: str, quota: int | None) -> User:
    _set_password(home, programs, user)
    with IMAPClient("localhost", port, ssl=False, timeout=30) as admin:
        admin.login(_ADMIN.name, _ADMIN.password)
        inbox = f"user{separator}{user.name}"
        admin.create_folder(inbox)
        if quota is not None:
            admin._imap.setquota(inbox, f"(STORAGE {quota // _KIB})")
    return user
