"""What one process of all does, and not too often: whose turn it is."""

from redis import Redis

from jobs import scripts


def take_turn(redis: Redis, key: str, seconds: float) -> bool:
    """True for the one that asks first, and for nobody else within the next `seconds` of the store's clock.

    The time is kept as the key's value: a key's own end date would stand still with a clock that is set back.
    """
    return scripts.run(redis, "turn", key, seconds) == ["ok"]
