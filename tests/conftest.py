import sys
from pathlib import Path

from hypothesis import settings

# The packages come first: the folder tests/migrator must not pass for the package migrator.
sys.path.insert(0, str(Path(__file__).parents[1]))

# The cores may be busy: how long one example takes says nothing.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

pytest_plugins = ["servers.fixtures", "servers.guarded"]
