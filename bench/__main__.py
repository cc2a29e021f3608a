"""The benchmarks' command line: `python -m bench [speed | scale | quota | large]`; all of them when none is named.

Exit code 0 when every goal is met, 1 when one is missed.
"""

import argparse
import sys
from collections.abc import Callable

from bench.speed import speed

Bench = Callable[[argparse.Namespace], bool]


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0] if __doc__ else "")
    named = parser.add_subparsers(metavar="BENCHMARK")
    _add_speed(named)
    options = parser.parse_args()
    return 0 if options.run(options) else 1


def _add_speed(named: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = named.add_parser("speed", help="side by side with a naive loop, mbsync, interimap and the floors")
    parser.add_argument("--messages", type=int, default=5000, help="on the loopback")
    parser.add_argument("--mean", type=int, default=50_000, help="their mean size in bytes")
    parser.add_argument("--late-messages", type=int, default=1000, help="over lines with a round-trip time")
    parser.set_defaults(run=lambda given: speed(given.messages, given.mean, given.late_messages))


if __name__ == "__main__":
    sys.exit(main())
