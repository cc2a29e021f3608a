"""`migrator metrics`: the numbers of the installation served to Prometheus."""

import signal
import threading
from functools import partial
from importlib.metadata import version

import click
import structlog
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from app.config import Config
from app.logs import configure_logs
from app.metrics import Installation, text_of
from app.ready import answers, readiness
from app.serving import listening, serving
from app.stores import StoreUrls, urls_of
from jobs.broker import open_state
from web.exporting import metrics_site
from web.security import Site

_log = structlog.get_logger()

_SECONDS = 5.0


@click.command("metrics")
@click.pass_obj
def metrics_command(config: Config) -> None:
    """Serve metrics to Prometheus until SIGTERM or Ctrl-C: one for an installation; needs no key and no worker."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    urls = urls_of(config.store, "metrics")
    if urls is None:
        raise click.ClickException("the stores are embedded and do not run: start `migrator worker` first.")
    with listening(config.metrics.host, config.metrics.port, "metrics") as listeners:
        configure_logs(config.logs.level)  # from here on lines of JSON; before, what a person must know
        with serving(site_of(config, urls), listeners, stop, "metrics"):
            _log.info("metrics-started", version=version("gmail-migrator"), port=config.metrics.port)
            stop.wait()
    _log.info("metrics-stopped")


def site_of(config: Config, urls: StoreUrls) -> Site:
    """Return the site that serves them; the key store is none of its business."""
    installation = Installation(
        open_state(urls.state, _SECONDS), open_state(urls.broker, _SECONDS), config.google.project
    )
    ready = readiness({"state": urls.state, "broker": urls.broker}, answers)
    return metrics_site(partial(text_of, installation), CONTENT_TYPE_PLAIN_0_0_4, ready)


COMMANDS = (metrics_command,)
