"""Clocks are set: by a person, by NTP after a boot, by a virtual machine that was moved. What follows for stored times.

No stored time may hold anything up for longer than it was meant to, whichever way the clock was set:

- what began in the future began before the clock was set back: it counts as over (`is_within`);
- what waits carries the time since when it waits, and leases are as short as leases are (`lua/reconcile.lua`);
- seconds to wait travel between processes rather than moments (`tickets.release`);
- a turn is a time, never a key's end date: those follow the store's clock, and stand still with it (`turns`).

Redis' own end dates follow its clock: one set ahead by an hour ends sessions that had less left.
"""

CLOCK_SECONDS = 1
"""The store's clock was set back when it is so much behind what it showed before; less is a replica's clock."""

LEAP_SECONDS = 600
"""It leapt ahead, or nobody looked, when so much lies between two looks: leases that ran out meanwhile are no crash."""

LONGEST_LEASE = 60
"""Seconds; no worker takes a longer one (`worker.lease_seconds`)."""

LOOKED_SECONDS = 3600
"""So long it is known when a reconciler looked last."""


def is_within(seconds: float, since: float, now: float) -> bool:
    """True if `now` lies within so many seconds after `since`, and not before it."""
    return 0 <= now - since < seconds
