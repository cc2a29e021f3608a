"""A program that tries to get a text into its log, in every way there is: `python hostile_program.py <text> <way>`.

Prints nothing else. Each way ends with the event `store-back`, but those that end the program.
"""

import asyncio
import gc
import importlib
import logging
import multiprocessing
import os
import sys
import threading
import traceback
import warnings

import structlog

from app.logs import CHILD_LOGS, configure_logs

CANARY = sys.argv[1]
_log = structlog.get_logger()


class Leak(Exception):
    def __repr__(self) -> str:
        return CANARY

    __str__ = __repr__


def caught() -> Exception:
    try:
        try:
            {}[CANARY]
        except KeyError as error:
            raise Leak(CANARY) from error
    except Leak as error:
        error.add_note(CANARY)
        return error


def percent_args() -> None:
    logging.getLogger("requests_oauthlib.oauth2_session").error("token %s of %r", CANARY, Leak())
    logging.getLogger("imapclient").critical("%(secret)s", {"secret": CANARY})


def wrong_number_of_args() -> None:
    logging.getLogger("dramatiq.worker").error("%s %s", CANARY)  # noqa: PLE1206


def with_traceback() -> None:
    logging.getLogger("google.auth").exception(CANARY, exc_info=caught())  # noqa: LOG004
    logging.getLogger("redis").error("x", exc_info=(Leak, caught(), None))


def with_extra_and_stack() -> None:
    logging.getLogger("urllib3").warning("x", extra={"secret": CANARY, "message_": CANARY}, stack_info=True)


def in_the_loggers_name() -> None:
    logging.getLogger(f"dramatiq.worker.ConsumerThread({CANARY})").warning("x")
    logging.getLogger(CANARY).warning("x")


def a_level_of_its_own() -> None:
    logging.addLevelName(35, CANARY)
    logging.getLogger("httplib2").log(35, CANARY)


def turned_on_again() -> None:
    for name in ("oauthlib", "requests_oauthlib", "googleapiclient.discovery", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).debug(CANARY)
        logging.getLogger(name).info(CANARY)


def a_stream_of_its_own() -> None:
    logger = logging.getLogger("httplib2")
    logger.addHandler(logging.StreamHandler())
    logger.propagate = False
    logger.error(CANARY)
    logging.basicConfig(stream=sys.stdout, force=True, level=logging.DEBUG)
    logging.getLogger("asyncio").error(CANARY)


def a_handler_that_fails() -> None:
    class Failing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                raise caught()
            except Leak:
                self.handleError(record)

    logging.getLogger("uvicorn").addHandler(Failing())
    logging.getLogger("uvicorn").error(CANARY)


def nobody_listens() -> None:
    logging.root.handlers[:] = []
    logging.getLogger("asyncio").error(CANARY)


def google_told_to_log() -> None:
    importlib.import_module("google.auth")
    os.environ["GOOGLE_SDK_PYTHON_LOGGING_SCOPE"] = "google"
    importlib.import_module("google.api_core.client_logging").initialize_logging()
    logging.getLogger("google").error(CANARY)
    logging.getLogger("google").debug(CANARY)


def in_groups_and_chains() -> None:
    _log.error("look-failed", error=ExceptionGroup(CANARY, [caught(), ExceptionGroup(CANARY, [ValueError(CANARY)])]))
    try:
        raise caught()
    except Leak:
        _log.exception("look-failed")


def in_our_own_words() -> None:
    _log.info(CANARY)
    _log.info("store-back %s", CANARY)
    _log.info({"event": CANARY})
    _log.warning("store-away", secret=CANARY, error=CANARY, migration=CANARY, code=CANARY, seconds=CANARY)
    _log.bind(secret=CANARY, code=CANARY).warning("store-away", stack_info=CANARY, exc_info=caught())
    structlog.contextvars.bind_contextvars(secret=CANARY)
    _log.msg("slice-ended", phase=Leak(), kind=[CANARY], count={CANARY: CANARY}, level=CANARY, time=CANARY)


def as_a_warning() -> None:
    warnings.simplefilter("always")
    warnings.warn(CANARY, UserWarning, stacklevel=1)
    warnings.warn_explicit(CANARY, DeprecationWarning, f"{CANARY}.py", 1, source=Leak())
    logging.captureWarnings(capture=True)
    warnings.warn(CANARY, RuntimeWarning, stacklevel=1)


def printed() -> None:
    print(CANARY)  # noqa: T201
    print(CANARY, file=sys.stderr)  # noqa: T201
    traceback.print_exception(caught())
    sys.excepthook(Leak, caught(), None)


def in_a_thread() -> None:
    def die() -> None:
        raise caught()

    thread = threading.Thread(target=die, name=CANARY)
    thread.start()
    thread.join()


def in_a_finalizer() -> None:
    class Closing:
        def __del__(self) -> None:
            raise caught()

        def __repr__(self) -> str:
            return CANARY

    Closing()
    gc.collect()


def in_a_loop() -> None:
    async def die() -> None:
        raise caught()

    async def main() -> None:
        task = asyncio.create_task(die(), name=CANARY)
        await asyncio.sleep(0)
        del task
        gc.collect()

    asyncio.run(main())


def in_an_actor() -> None:
    dramatiq = importlib.import_module("dramatiq")
    broker = importlib.import_module("dramatiq.brokers.stub").StubBroker()
    broker.emit_after("process_boot")

    @dramatiq.actor(broker=broker, max_retries=0)
    def fail(secret: str) -> None:
        raise Leak(secret)

    worker = dramatiq.Worker(broker, worker_timeout=50, worker_threads=1)
    worker.start()
    fail.send(CANARY)
    broker.join(fail.queue_name, fail_fast=False, timeout=10_000)
    worker.stop()


def in_a_forked_process() -> None:
    forkserver = multiprocessing.get_context("forkserver")
    forkserver.set_forkserver_preload([CHILD_LOGS])
    process = forkserver.Process(target=die_of, args=(CANARY,), name=CANARY)
    process.start()
    process.join()


def die_of(text: str) -> None:
    print(text)  # noqa: T201
    logging.getLogger("imapclient").critical(text)
    raise Leak(text)


def the_end_of_the_program() -> None:
    raise caught()


def an_exit_with_a_text() -> None:
    sys.exit(CANARY)


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)  # somebody was there before
    logging.getLogger("httplib2").addHandler(logging.StreamHandler())
    configure_logs("debug")
    globals()[sys.argv[2]]()
    _log.warning("store-back")
