"""The address of a store, as a client of a test reaches it."""

from redis import Redis


def url_of(redis: Redis) -> str:
    """Return the URL of a store of ours, with the client's user and password."""
    told = redis.connection_pool.connection_kwargs
    return f"unix://{told['path']}?db={told['db']}&username={told['username']}&password={told['password']}"
