import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The cores may be busy: how long one example takes says nothing.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

pytest_plugins = ["servers.fixtures", "servers.guarded"]


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for a socket; pytest's own are too long."""
    with tempfile.TemporaryDirectory(prefix="m-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
