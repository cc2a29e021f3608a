"""What a check found, and the way out."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it stands: `warn` works for now, `bad` does not, or breaks a promise."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer; no secret, no address of a person.

    Attributes:
        name: what was looked at.
        verdict: how it stands.
        found: what was found, in words.
        way_out: what to do, in one sentence; empty where nothing is to be done.
    """

    name: str
    verdict: Verdict
    found: str
    way_out: str = ""


def ok(name: str, found: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(name, Verdict.OK, found)


def warn(name: str, found: str, way_out: str) -> Finding:
    """Return that something works for now."""
    return Finding(name, Verdict.WARN, found, way_out)


def bad(name: str, found: str, way_out: str) -> Finding:
    """Return that something does not work, or breaks a promise."""
    return Finding(name, Verdict.BAD, found, way_out)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and all that it came from, the last first."""
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__
