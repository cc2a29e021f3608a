import sys
from pathlib import Path

# The packages come first: the folder tests/migrator must not pass for the package migrator.
sys.path.insert(0, str(Path(__file__).parents[1]))

pytest_plugins = ["servers.fixtures"]
