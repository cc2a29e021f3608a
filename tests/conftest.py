import os
import sys
from pathlib import Path

# The packages come first: the folder tests/migrator must not pass for the package migrator.
sys.path.insert(0, str(Path(__file__).parents[1]))

# The stand-in for Google speaks http. Said before the first process of a slice starts, for it hands this on to all.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

pytest_plugins = ["servers.fixtures"]
