"""Charts drawn here: bars as numbers for an SVG, so that no script and no other place is needed.

The same numbers stand in a table beside each chart, for whoever does not see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600, 96
_GAP = 0.18
"""Share of a bar's room that is left empty."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in units of the drawing."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart of bars; `missing` are those of which nothing is told. `most` is what the tallest one stands for."""

    bars: tuple[Bar, ...]
    missing: tuple[Bar, ...]
    most: int
    width: int = WIDTH
    height: int = HEIGHT


def drawing(values: Sequence[int | None], at_least: int = 1) -> Drawing:
    """Draw values, one bar each, the first on the left.

    Args:
        values: None where nothing is told.
        at_least: what a bar of the whole height stands for, if all are smaller.
    """
    room = WIDTH / max(1, len(values))
    most = max([at_least, *(value for value in values if value is not None)])

    def bar(place: int, height: float) -> Bar:
        width = room * (1 - _GAP)
        return Bar(round(place * room, 2), round(HEIGHT - height, 2), round(width, 2), round(height, 2))

    told = [bar(place, HEIGHT * value / most) for place, value in enumerate(values) if value]
    missing = [bar(place, 2) for place, value in enumerate(values) if value is None]
    return Drawing(tuple(told), tuple(missing), most)
