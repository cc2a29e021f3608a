"""What keeping the log costs does not grow with it; three million entries: `python -m bench.audit`, docs/audit.md."""

from bench.audit import measure


def test_the_store_holds_a_day_however_many_are_closed() -> None:
    short, long = measure(20 * 5, days=4), measure(20 * 201, days=200)
    assert (short.entries, long.entries) == (100, 4020)
    assert long.files_mib > 20 * short.files_mib
    assert long.store_mib < short.store_mib + 0.5
