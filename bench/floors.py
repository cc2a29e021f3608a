"""The floors: the least that reading from Gmail and writing to IMAP cost in Python, with nothing done in between."""

import base64
import gzip
import http.client
import json
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

_BATCH = 50
_BATCH_BYTES = 8 << 20
_IN_FLIGHT = 2


def fetch(url: str, token: str, ids: Sequence[str]) -> int:
    """Read messages one by one: http.client, gunzip, json, base64, in one thread; return how many.

    Source: Gmail API, users.messages.get with format=raw.
    """
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip", "User-Agent": "bench (gzip)"}
    for message_id in ids:
        path = f"/gmail/v1/users/me/messages/{message_id}?format=raw&fields=id,labelIds,internalDate,raw"
        connection.request("GET", path, headers=headers)
        answer = json.loads(gzip.decompress(connection.getresponse().read()))
        base64.b64decode(answer["raw"], altchars=b"-_", validate=True)
    connection.close()
    return len(ids)


def multiappend(host: str, port: int, user: str, password: str, mail: Sequence[tuple[str, bytes]]) -> int:
    """Append messages, given as (folder, bytes): batches of 50, LITERAL+, two commands in flight.

    Source: RFC 3502 (MULTIAPPEND), RFC 7888 (LITERAL+). Returns how many messages the server took.
    """
    with socket.create_connection((host, port), 60) as sock, sock.makefile("rb") as answers:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers.readline()
        waiting: deque[bytes] = deque()
        _say(sock, waiting, b"login", b'LOGIN "%b" "%b"' % (user.encode(), password.encode()))
        for folder in sorted({folder for folder, _ in mail} - {"INBOX"}):
            _say(sock, waiting, b"create", b'CREATE "%b"' % folder.encode())
        _hear(answers, waiting, 0)
        for number, (folder, batch) in enumerate(_batches(mail)):
            _say(sock, waiting, b"a%d" % number, b'APPEND "%b"' % folder.encode(), batch)
            _hear(answers, waiting, _IN_FLIGHT - 1)
        _say(sock, waiting, b"bye", b"LOGOUT")
        _hear(answers, waiting, 0)
    return len(mail)


def _say(sock: socket.socket, waiting: deque[bytes], tag: bytes, line: bytes, literals: Sequence[bytes] = ()) -> None:
    sock.sendall(b"%b %b" % (tag, line))
    for literal in literals:
        sock.sendall(b" {%d+}\r\n" % len(literal))
        sock.sendall(literal)
    sock.sendall(b"\r\n")
    waiting.append(tag)


def _hear(answers: Iterator[bytes], waiting: deque[bytes], left: int) -> None:
    """Read answers until only `left` commands are under way."""
    for line in answers if len(waiting) > left else ():
        if not line.startswith(waiting[0] + b" "):
            continue
        tag = waiting.popleft()
        if not line.startswith(tag + b" OK"):
            raise RuntimeError(f"the server refused {tag.decode()}")
        if len(waiting) <= left:
            return


def _batches(mail: Sequence[tuple[str, bytes]]) -> Iterator[tuple[str, list[bytes]]]:
    held: dict[str, list[bytes]] = {}
    for folder, raw in mail:
        batch = held.setdefault(folder, [])
        batch.append(raw)
        if len(batch) == _BATCH or sum(map(len, batch)) >= _BATCH_BYTES:
            yield folder, held.pop(folder)
    yield from held.items()
