"""Appends to the audit log as a program: `python audit_appender.py <url> <entries>`; prints the nonce of each note.

It ends when it has appended so many, or when the store is away.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from jobs import audit
from jobs.audit import Act


def main() -> None:
    url, count = sys.argv[1], int(sys.argv[2])
    with Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as redis:
        for _ in range(count):
            note = audit.append(redis, audit.WORKER, Act.OPENED, "5f" * 16, "copying")
            sys.stdout.write(f"{note.nonce}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    try:
        main()
    except RedisConnectionError:
        sys.exit(3)
