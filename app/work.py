"""A worker put together: settings from the configuration, the child's function, the stores."""

import threading

from app.child import ChildConfig, work
from app.config import Config
from app.logs import CHILD_LOGS
from app.receipts import receipt_maker
from app.stores import Stores
from jobs import worker
from jobs.custody import Custody
from jobs.settings import WorkerSettings


def run_worker(config: Config, stores: Stores, stop: threading.Event) -> None:
    """Work until `stop` is set; the children are given the configuration and no secret."""
    settings = WorkerSettings(
        threads=config.worker.threads,
        slice_seconds=config.worker.slice_seconds,
        lease_seconds=config.worker.lease_seconds,
        memory_mib=config.worker.memory_mib,
        preload=(CHILD_LOGS,),
        config=ChildConfig(config, stores.urls.state),
    )
    custody = Custody(stores.vault, receipt_maker(config))
    worker.run_worker(stores.urls.state, stores.urls.broker, work, settings, stop, custody)
