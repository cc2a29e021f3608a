"""What was asked of the stand-in: calls, answers, units, bytes, and every attempt to change something."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from emulator.account import id_text

_SHOWN = 100


@dataclass(slots=True)
class Tally:
    """One account's figures. `fetched` counts, per message id, the whole and undamaged answers of messages.get.

    `first_at` is when its first call came, in seconds since the epoch; 0 without any.
    """

    calls: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    fetched: Counter[int] = field(default_factory=Counter)
    units: int = 0
    bytes: int = 0
    running: int = 0
    max_concurrency: int = 0
    first_at: float = 0.0


@dataclass(slots=True)
class Ledger:
    """All figures since `started` (seconds, monotonic); calls without an account are under an empty address."""

    started: float = field(default_factory=time.monotonic)
    tallies: dict[str, Tally] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def tally(self, address: str) -> Tally:
        """Return the account's figures."""
        return self.tallies.setdefault(address, Tally())


def begin(tally: Tally, method: str) -> None:
    """Count a request that has come in."""
    tally.first_at = tally.first_at or time.time()
    tally.calls[method] += 1
    tally.running += 1
    tally.max_concurrency = max(tally.max_concurrency, tally.running)


def end(tally: Tally, status: int, reason: str, sent: int) -> None:
    """Count the answer of a request: `sent` bytes of body; `reason` is empty unless it was refused."""
    tally.running -= 1
    tally.statuses[status] += 1
    tally.bytes += sent
    if reason:
        tally.reasons[reason] += 1


def clear(ledger: Ledger) -> None:
    """Start anew; requests that still run stay counted as running."""
    ledger.started = time.monotonic()
    ledger.violations.clear()
    for tally in ledger.tallies.values():
        for counter in (tally.calls, tally.statuses, tally.reasons, tally.fetched):
            counter.clear()
        tally.units, tally.bytes, tally.max_concurrency, tally.first_at = 0, 0, tally.running, 0.0


def report(ledger: Ledger, *, messages: bool) -> dict[str, Any]:
    """Return the ledger as JSON: the sums over all, and the same figures of each account.

    With `messages` the answers to messages.get are counted for each message id (`fetched`).
    """
    whole = Tally()
    for tally in ledger.tallies.values():
        _merge(whole, tally)
    accounts = {address: _figures(tally, messages=messages) for address, tally in ledger.tallies.items() if address}
    return _figures(whole, messages=False) | {
        "seconds": round(time.monotonic() - ledger.started, 3),
        "violations": ledger.violations,
        "accounts": accounts,
    }


def _figures(tally: Tally, *, messages: bool) -> dict[str, Any]:
    repeated = [id_text(number) for number, times in tally.fetched.items() if times > 1]
    figures: dict[str, Any] = {
        "calls": dict(tally.calls),
        "statuses": {str(status): times for status, times in tally.statuses.items()},
        "reasons": dict(tally.reasons),
        "units": tally.units,
        "bytes": tally.bytes,
        "running": tally.running,
        "max_concurrency": tally.max_concurrency,
        "first_at": tally.first_at,
        "messages_fetched": len(tally.fetched),
        "fetched_again": repeated[:_SHOWN],
    }
    if messages:
        figures["fetched"] = {id_text(number): times for number, times in tally.fetched.items()}
    return figures


def _merge(whole: Tally, part: Tally) -> None:
    whole.calls += part.calls
    whole.statuses += part.statuses
    whole.reasons += part.reasons
    whole.fetched += part.fetched
    whole.units += part.units
    whole.bytes += part.bytes
    whole.running += part.running
    whole.max_concurrency = max(whole.max_concurrency, part.max_concurrency)
