"""What it costs to list a mailbox that holds mail before an import: time, CPU, and room in the state store."""

import time
from collections.abc import Callable

from redis import Redis

from app.embedded import start
from bench.figures import Goal, judge, show
from bench.mail import Post, write_post
from bench.parts import Server, User, mailbox_server, workplace
from migrator.inventory import take_inventory
from migrator.ledger import Ledger
from migrator.mailbox import Item, Mailbox, Password, Target, open_mailbox
from migrator.naming import FolderNames
from migrator.opened import OpenFolders
from migrator.retry import Patience

_FOLDERS = ("INBOX", "Sent", "Archive", "Work", "Lists")
_KEY = b"k" * 32
_ENOUGH = 1000.0  # messages a second


def inventory(messages: int, mean: int) -> bool:
    """List a mailbox with this many messages twice, print what it took; True when the goal is met."""
    with workplace() as folder, mailbox_server() as server, start(folder / "store", persistent=False) as store:
        user = server.new_user()
        _fill(server, user, write_post(folder / "post", messages, mean))
        with Redis.from_url(store.url) as redis:
            rows = [_listed(redis, lambda: _enter(server, user), name) for name in ("first", "again")]
    table = [(n, f"{messages / s:,.0f}", f"{s:.1f}", f"{1000 * c / messages:.2f}", f"{k:,}") for n, s, c, k in rows]
    head = ("pass", "msg/s", "seconds", "CPU s/1,000", "KiB kept")
    show(f"{messages:,} messages of {mean / 1000:,.0f} KB in {len(_FOLDERS)} folders", head, table)
    return judge([Goal("messages listed a second", messages / rows[0][1], "at least", _ENOUGH)])


def _enter(server: Server, user: User) -> Mailbox:
    return open_mailbox(Target(server.host, server.port, "none"), Password(user.name, user.password))


def _fill(server: Server, user: User, post: Post) -> None:
    with _enter(server, user) as mailbox:
        for name in _FOLDERS:
            mailbox.create(name)
            items = [Item(one.path.read_bytes(), (), one.date) for one in post.letters if one.folder == name]
            mailbox.append(mailbox.select(name), items)


def _listed(redis: Redis, connect: Callable[[], Mailbox], name: str) -> tuple[str, float, float, int]:
    redis.hset(f"mig:{{{name}}}", "token", "t")
    ledger = Ledger(redis, name, "t")
    folders = OpenFolders(connect, ledger, FolderNames([], "/", ""), _KEY, Patience())
    begin, used = time.monotonic(), time.process_time()
    take_inventory(folders, _KEY, Patience())
    seconds, cpu = time.monotonic() - begin, time.process_time() - used
    folders.mailbox.close()
    return name, seconds, cpu, int(redis.memory_usage(ledger.key("existing"), samples=0) or 0) // 1024
