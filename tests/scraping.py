"""The metrics' site of an installation, served over HTTP, and Prometheus' own tool to judge what it says."""

import os
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from app.cli_metrics import site_of
from app.config import Config
from app.serving import listening, serving
from app.stores import urls_of
from web.security import Site

ROOT = Path(__file__).resolve().parents[1]
_MISSING = "promtool is missing: run scripts/install-test-servers once, as root"


@contextmanager
def served(site: Site) -> Iterator[str]:
    """Serve a site on the loopback; give its address."""
    with listening("127.0.0.1", 0, "metrics") as listeners, serving(site, listeners, threading.Event(), "site"):
        yield f"http://127.0.0.1:{listeners[0].getsockname()[1]}"


@contextmanager
def exporter(config: Config) -> Iterator[str]:
    """Serve the metrics of an installation whose stores run; give the address."""
    urls = urls_of(config.store)
    assert urls is not None
    with served(site_of(config, urls)) as url:
        yield url


def get(url: str) -> tuple[int, str]:
    """Return status and text of an answer."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


Labels = tuple[tuple[str, str], ...]


def numbers(text: str) -> dict[tuple[str, Labels], float]:
    """Return what was told: name and labels (sorted) -> value."""
    families = text_string_to_metric_families(text)
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def promtool(*words: str, told: str = "") -> str:
    """Run promtool; fail with what it says where it finds anything."""
    program = Path(os.environ.get("TEST_SERVERS", ROOT / "var/test-servers")) / "promtool"
    if not program.exists():
        raise FileNotFoundError(_MISSING)
    done = subprocess.run([program, *words], input=told, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said
