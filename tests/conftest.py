import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The cores may be busy: how long one example takes says nothing.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

pytest_plugins = ["servers.fixtures", "servers.guarded"]

SLOW_FOLDERS = frozenset({"browser", "promise", "story"})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in slow folders, and begin with what runs as one group, so that no group is left for the end."""
    for item in items:
        if SLOW_FOLDERS.intersection(item.path.parts):
            item.add_marker("slow")
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for a socket; pytest's own are too long."""
    with tempfile.TemporaryDirectory(prefix="m-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
