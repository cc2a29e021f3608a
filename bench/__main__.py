"""The benchmarks' command line: `python -m bench [BENCHMARK]`; all without a name.

Exit code 0 when every goal is met, 1 when one is missed.
"""

import argparse
import sys

from bench.inventory import inventory
from bench.large import large
from bench.load import load
from bench.pages import pages
from bench.parts import LAYOUTS
from bench.quota import Profile, quota
from bench.scale import scale
from bench.speed import speed
from bench.storm import storm

_PROFILES: tuple[Profile, ...] = ("new", "legacy")


def main() -> int:
    """Run what was asked for."""
    options = _parser().parse_args()
    return 0 if options.run(options) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed, memory and scale of the whole worker.")
    parser.set_defaults(run=_everything)
    named = parser.add_subparsers(metavar="BENCHMARK")
    _add_speed(named.add_parser("speed", help="side by side with a naive loop, mbsync, interimap and the floors"))
    _add_scale(named.add_parser("scale", help="as quick and as small at the end as at the beginning"))
    _add_quota(named.add_parser("quota", help="at Google's real limits"))
    _add_inventory(named.add_parser("inventory", help="a mailbox that holds mail, listed before an import"))
    _add_large(named.add_parser("large", help="memory with messages of 50 MB"))
    _add_pages(named.add_parser("pages", help="a thousand open progress pages"))
    _add_load(named.add_parser("load", help="two thousand imports at once, with restarts and kills"))
    _add_storm(named.add_parser("storm", help="three hundred kills of everything that can die"))
    return parser


def _everything(_: argparse.Namespace) -> bool:
    """Run all, whatever becomes of each."""
    quotas = [quota(name, 120) for name in _PROFILES]
    return all(
        [
            *quotas,
            inventory(20_000, 10_000),
            large(5, 50),
            pages(1000, 300),
            load(2000, 100_000),
            storm(300, 1500, 1),
            scale(100_000, "sdbox"),
            speed(5000, 50_000, 1000),
        ]
    )


def _add_speed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--messages", type=int, default=5000, help="on the loopback (default 5000)")
    parser.add_argument("--mean", type=int, default=50_000, help="their mean size in bytes (default 50000)")
    parser.add_argument("--late-messages", type=int, default=1000, help="with latencies (default 1000)")
    parser.set_defaults(run=lambda given: speed(given.messages, given.mean, given.late_messages))


def _add_scale(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--messages", type=int, default=100_000, help="default 100000")
    parser.add_argument("--layout", choices=LAYOUTS, default="sdbox", help="how mail is stored (default sdbox)")
    parser.set_defaults(run=lambda given: scale(given.messages, given.layout))


def _add_quota(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", choices=_PROFILES, default="new", help="default new")
    parser.add_argument("--seconds", type=float, default=120, help="default 120")
    parser.set_defaults(run=lambda given: quota(given.profile, given.seconds))


def _add_inventory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--messages", type=int, default=20_000, help="default 20000")
    parser.add_argument("--mean", type=int, default=10_000, help="their mean size in bytes (default 10000)")
    parser.set_defaults(run=lambda given: inventory(given.messages, given.mean))


def _add_large(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--messages", type=int, default=5, help="default 5")
    parser.add_argument("--megabytes", type=int, default=50, help="default 50")
    parser.set_defaults(run=lambda given: large(given.messages, given.megabytes))


def _add_pages(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--watchers", type=int, default=1000, help="open progress pages (default 1000)")
    parser.add_argument("--loads", type=int, default=300, help="pages loaded meanwhile (default 300)")
    parser.set_defaults(run=lambda given: pages(given.watchers, given.loads))


def _add_load(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--imports", type=int, default=2000, help="small ones, of eight messages (default 2000)")
    parser.add_argument("--large", type=int, default=100_000, help="messages of the large one (default 100000)")
    parser.set_defaults(run=lambda given: load(given.imports, given.large))


def _add_storm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=300, help="kills and cut connections (default 300)")
    parser.add_argument("--messages", type=int, default=1500, help="messages to import, at least (default 1500)")
    parser.add_argument("--seed", type=int, default=1, help="what is killed when (default 1)")
    parser.set_defaults(run=lambda given: storm(given.kills, given.messages, given.seed))


if __name__ == "__main__":
    sys.exit(main())
