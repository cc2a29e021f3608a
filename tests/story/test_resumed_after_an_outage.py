"""A mailbox server is away, twelve imports wait for it; it is back, and one press lets them all go on."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from story.house import House
from story.layouts import Install, Layout
from story.observe import mailbox_content

from emulator.servers.instance import Server, User
from jobs import audit
from jobs.audit import Actor, staff
from jobs.bulk import ask_all
from jobs.migration import State
from jobs.selecting import Filter, select

IMPORTS = 12
MESSAGES = 5
CODES = ("mailbox-unreachable", "connection-lost")
"""Who had no connection, and who lost his: the second wait for some seconds only."""


class Line:
    """The line to a mail server, which can be cut: everything under way breaks, and nobody is let in."""

    def __init__(self, server: Server) -> None:
        self._to = (server.host, server.tls_port)
        self._open: list[socket.socket] = []
        self._up = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def mend(self) -> None:
        self._up.set()

    def cut(self) -> None:
        self._up.clear()
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._thread.join()

    def _serve(self) -> None:
        pumps: list[threading.Thread] = []
        with suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                if not self._up.is_set():
                    ours.close()
                    continue
                theirs = socket.create_connection(self._to)
                self._open += (ours, theirs)
                pumps += [threading.Thread(target=_pump, args=pair) for pair in ((ours, theirs), (theirs, ours))]
                for pump in pumps[-2:]:
                    pump.start()
        self.cut()
        for pump in pumps:
            pump.join()
        for end in self._open:
            end.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while some := source.recv(65_536):
            target.sendall(some)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def line_to(server: Server) -> Iterator[tuple[Line, Server]]:
    """Give a line to the server, and the server as it is reached over it."""
    line = Line(server)
    try:
        yield line, replace(server, tls_port=line.port)
    finally:
        line.stop()


def test_all_that_wait_for_it_end_with_every_message_once(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    with line_to(dovecot_server) as (line, reached):
        home = install(small, reached, worker={"threads": 4})
        line.mend()
        home.google.fault("hang", method="messages.get", seconds=1, times=0)  # so that some are cut off in the middle
        users, imports = _begin(home, dovecot_server)
        home.wait(imports[0], State.COPYING)
        line.cut()
        for migration in imports:
            home.wait(migration, State.WAITING, State.FAILED)
        home.google.control("faults", verb="DELETE")

        operator = staff("0" * 32)
        line.mend()
        done = [migration for code in CODES for migration in resumed(home, code, operator)]
        assert done, "where the machine is slow some go on by themselves before"

        for migration, user in zip(imports, users, strict=True):
            assert home.wait(migration).state is State.DONE, home.report(migration)
            counts = Counter(seen.body for seen in mailbox_content(dovecot_server, user))
            assert (len(counts), counts.total()) == (MESSAGES, MESSAGES)
        acts = [entry.act for entry in audit.entries(home.state) if entry.actor == operator]
        assert [str(act) for act in acts] == ["resumed"] * len(done)


def resumed(home: House, code: str, operator: Actor) -> tuple[str, ...]:
    """Resume all that wait or failed for a reason."""
    wanted = Filter.read(f"state=waiting,failed code={code}")
    found = [migration.id for migration in select(home.state, wanted, lambda _: "localhost")]
    asked = ask_all(home.state, found, "resume", operator)
    assert asked.refused == {}
    return asked.done


def _begin(home: House, server: Server) -> tuple[list[User], list[str]]:
    users, imports = [], []
    for number in range(IMPORTS):
        address = f"person{number}@gmail.example"
        home.google.control("accounts", {"address": address, "synthetic": MESSAGES, "body_bytes": 300})
        users.append(server.new_user())
        imports.append(home.launch(users[-1], account=address))
    return users, imports
