"""One test for one rule that holds for many things: it names each thing that breaks the rule, and how."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
Rule = Callable[..., None]


def on_every(things: Sequence[T], name: Callable[[T], str] = str) -> Callable[[Rule], Rule]:
    """Make a rule about one thing, its first argument, a test of them all; its other arguments are the test's."""

    def as_test(rule: Rule) -> Rule:
        first, *others = inspect.signature(rule).parameters.values()

        def test(**given: Any) -> None:
            broken = {name(thing): fault for thing in things if (fault := _fault(rule, {first.name: thing, **given}))}
            assert things
            assert not broken, "\n\n".join(f"{thing}: {fault}" for thing, fault in broken.items())

        test.__name__, test.__doc__, test.__module__ = rule.__name__, rule.__doc__, rule.__module__
        test.__signature__ = inspect.Signature(others)  # type: ignore[attr-defined]
        return test

    return as_test


def _fault(rule: Rule, arguments: dict[str, Any]) -> str:
    try:
        rule(**arguments)
    except AssertionError as error:
        return str(error) or "breaks the rule"
    return ""
