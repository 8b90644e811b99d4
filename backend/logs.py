"""The log: one line for each event on stderr; for people on a terminal, JSON elsewhere."""

import logging
import sys

import structlog
from structlog.typing import FilteringBoundLogger


def configure() -> None:
    """Set the log up for this process, and have what libraries log come out alike."""
    terminal = sys.stderr.isatty()
    # Of errors the lines of code alone: the values there may be keys, and images.
    people = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    shared = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([] if terminal else [structlog.processors.format_exc_info]),
    ]
    renderer = people if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, renderer], logger_factory=lambda *_: structlog.PrintLogger(sys.stderr)
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def get_logger() -> FilteringBoundLogger:
    """Return the log."""
    return structlog.get_logger()
