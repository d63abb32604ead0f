"""Configure the log: one line per event, for people (console) or machines (JSON).

`monitor`, `cycle` and `slot` are bound through contextvars, so that every line of a cycle carries them.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from service.runtime.progress_bar import log_handler

if TYPE_CHECKING:
    from structlog.typing import Processor


class ShortConnectionErrors(logging.Filter):
    """Turns a library's traceback of a lost connection into one line; any other keeps its traceback.

    In an outage of the database its driver reports each connection of the pool, and asyncio each task that
    waited for one.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the record; it is always logged."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and _is_lost_connection(error):
            reason = str(error) or type(error).__name__
            record.msg, record.args = f"{record.getMessage().splitlines()[0]}: {reason}", ()
            record.exc_info = record.exc_text = None
        return True


def _is_lost_connection(error: BaseException) -> bool:
    # The driver is known by its name: this room imports no library of another.
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] == "asyncpg"


def configure(*, log_format: str, level: str) -> None:
    """Send structlog and the standard library's loggers to standard error in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if log_format == "json":
        ending: list[Processor] = [
            # Without the frames' variables: they hold rows and passwords.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    else:
        colors = sys.stderr.isatty()
        ending = [
            structlog.dev.ConsoleRenderer(
                colors=colors,
                pad_event_to=18,
                sort_keys=False,
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
        shared[-1] = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
    )
    stream = log_handler(sys.stderr)
    stream.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [stream]
    root.setLevel(level.upper())
    # These log every wake-up, start and request; the service logs the results. A request's line has its
    # address, which may contain a secret.
    for talkative in ("apscheduler", "httpcore", "httpx", "uvicorn"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    # In an outage the driver's pool warns again and again of what each failed cycle says.
    logging.getLogger("asyncpg").setLevel(logging.ERROR)
    # Likewise Kafka's client, which tries again by itself; what fails in the end is a cycle's error.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    stream.addFilter(ShortConnectionErrors())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        cache_logger_on_first_use=True,
    )
