"""A connection to a browser, bounded in time: nobody keeps one open by sending slowly, and none is read in two ways.

uvicorn bounds the quiet after an answer alone (`timeout_keep_alive`). Here a request's headers, its body, and what is
still sent of a body that was answered already have an end, too, counted from the beginning and not from the last byte.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_SECONDS = 15.0
"""From the connection, or from the answer before, to a request's last header."""

BODY_SECONDS = 20.0
LEAST_RATE = 16 * 1024
"""A body has `BODY_SECONDS`, and a second more for so many bytes that it was said to have,"""
LONGEST_BODY_SECONDS = 90.0
"""but no more than this."""

LONGEST_HEADERS = 64 * 1024
"""Bytes."""

REST_SECONDS = 5.0
"""For the rest of a body that was answered before it was read: an answer gets lost that is followed by a reset."""

FIRST_SECONDS = 2.0
"""A connection that was taken when the server was told to stop has so long for its first request."""

_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class TimedProtocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, with an end to each part of a request (RFC 9110 §15.5.9)."""

    _waits_for: tuple[object, ...] = ()
    _clock: asyncio.TimerHandle | None = None
    _is_last = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for headers."""
        self.conn = _Connection(h11.SERVER, LONGEST_HEADERS)
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """Take what was sent; what is waited for next may be another part."""
        super().data_received(data)
        if self._is_last and self.cycle:
            self.cycle.keep_alive = False
        self._look()

    def shutdown(self) -> None:
        """End at the stop of the server; a connection whose first request is on its way answers that one."""
        if self.cycle is None and not self._is_last:
            self._is_last = True
            self.loop.call_later(FIRST_SECONDS, self._end_unused)
        else:
            super().shutdown()

    def _end_unused(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            super().shutdown()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of this one."""
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._wait(())
        super().connection_lost(exc)

    def _look(self) -> None:
        waits_for = () if self.transport.is_closing() else self._part()
        if waits_for != self._waits_for:
            self._wait(waits_for)

    def _wait(self, waits_for: tuple[object, ...]) -> None:
        self._waits_for = waits_for
        if self._clock:
            self._clock.cancel()
        self._clock = self.loop.call_later(self._seconds(waits_for), self._late) if waits_for else None

    def _part(self) -> tuple[object, ...]:
        """Return which part of which request is waited for; empty while a whole one is being answered."""
        if self.conn.their_state is h11.IDLE:
            return "headers", id(self.cycle)
        if self.conn.their_state is h11.SEND_BODY:
            return "rest" if self.cycle.response_complete else "body", id(self.cycle)
        return ()

    def _seconds(self, waits_for: tuple[object, ...]) -> float:
        if waits_for[0] == "headers":
            return HEADERS_SECONDS
        if waits_for[0] == "rest":
            return REST_SECONDS
        said = next((value for name, value in self.headers if name == b"content-length"), b"0")
        return min(BODY_SECONDS + int(said) / LEAST_RATE, LONGEST_BODY_SECONDS)

    def _late(self) -> None:
        """Hang up; somebody who has begun a request and got no answer is told why."""
        if self.transport.is_closing():
            return
        if self._waits_for[0] == "body":
            begun, self.cycle.disconnected = not self.cycle.response_started, True
        else:
            begun = self._waits_for[0] == "headers" and bool(self.conn.trailing_data[0])
        if begun:
            self.transport.write(_LATE)
        self.transport.close()


class _Connection(h11.Connection):
    """One that takes no request whose end two servers may see at different places (RFC 9112 §6.1, §6.3)."""

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Request) and _is_ambiguous(event):
            raise h11.RemoteProtocolError("framed in two ways")
        return event


def _is_ambiguous(request: h11.Request) -> bool:
    named = {name for name, _ in request.headers}
    return b"transfer-encoding" in named and (b"content-length" in named or request.http_version < b"1.1")
